"""Lists of Python values as typed columns."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from monitor.store.observations.arriving import SentColumn

_NUMBERS = {int, float}


def split(values: Sequence[Any], *, booleans: bool = True) -> SentColumn:
    """A column from values as JSON gives them. Columns of one kind go through without a look at each value, where it
    is known that there are no ``booleans`` among them (Arrow takes true for 1 without a word)."""
    if not booleans:
        try:
            return _alike(values)
        except (pa.ArrowException, OverflowError):
            pass  # of several kinds, or too large for a double: sorted out below
    kinds = set(map(type, values)) - {type(None)}
    length = len(values)
    if not kinds:
        return SentColumn(length)
    if kinds <= _NUMBERS:
        return SentColumn(length, number=_numbers(values))
    if kinds == {str}:
        return SentColumn(length, string=pa.array(values, pa.string()))
    if kinds == {bool}:
        return SentColumn(length, boolean=pa.array(values, pa.bool_()))
    return _mixed(values, kinds)


def _alike(values: Sequence[Any]) -> SentColumn:
    """Values that are all of the first one's kind; raises an Arrow error if they are not."""
    first = next((value for value in values if value is not None), None)
    if type(first) is str:
        return SentColumn(len(values), string=pa.array(values, pa.string()))
    if type(first) in _NUMBERS:
        return SentColumn(len(values), number=pa.array(values, pa.float64()))
    if first is None:
        return SentColumn(len(values))
    raise pa.ArrowInvalid("neither text nor number")


def _mixed(values: Sequence[Any], kinds: set[type]) -> SentColumn:
    def only(*wanted: type) -> list[Any]:
        return [value if type(value) in wanted else None for value in values]

    others = [json_text(value) if isinstance(value, (list, dict)) else None for value in values]
    return SentColumn(
        len(values),
        number=_numbers(only(int, float)) if kinds & _NUMBERS else None,
        string=pa.array(only(str), pa.string()) if str in kinds else None,
        boolean=pa.array(only(bool), pa.bool_()) if bool in kinds else None,
        other=pa.array(others, pa.string()) if kinds & {list, dict} else None,
    )


def _numbers(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.float64())
    except (pa.ArrowInvalid, OverflowError):  # integers that no double holds exactly
        return pa.array([None if value is None else _double(value) for value in values], pa.float64())


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def json_text(value: Any) -> str:
    """A value as JSON text for keeping; what JSON does not know is written as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
