"""Lists of Python values as typed columns."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitor.store.observations.arriving import SentColumn

_NUMBERS = {int, float}
_LISTS = pa.list_(pa.float64())
_LARGEST = 1e300


def split(values: Sequence[Any], *, booleans: bool = True, vectors: bool = False) -> SentColumn:
    """A column from values as JSON gives them. Columns of one kind go through without a look at each value, where it
    is known that there are no ``booleans`` among them (Arrow takes true for 1 without a word). ``vectors``: lists of
    numbers are told from other lists."""
    if not booleans:
        try:
            return _alike(values)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            pass  # of several kinds, too large for a double, or no text after all: sorted out below
    kinds = set(map(type, values)) - {type(None)}
    length = len(values)
    if not kinds:
        return SentColumn(length)
    if kinds <= _NUMBERS:
        return SentColumn(length, number=_numbers(values))
    if kinds == {str} and all(value is None or _is_text(value) for value in values):
        return SentColumn(length, string=pa.array(values, pa.string()))
    if kinds == {bool}:
        return SentColumn(length, boolean=pa.array(values, pa.bool_()))
    if vectors and kinds == {list} and not booleans:
        try:
            found = pa.array(values, _LISTS)
        except (pa.ArrowException, OverflowError):
            pass  # not all are of numbers
        else:
            if pc.all(pc.greater(pc.list_value_length(found), 0)).as_py() and _all_small(found.flatten()):
                return SentColumn(length, vector=found)
    return _mixed(values, kinds, vectors)


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


def _mixed(values: Sequence[Any], kinds: set[type], vectors: bool) -> SentColumn:
    def only(*wanted: type) -> list[Any]:
        return [value if type(value) in wanted else None for value in values]

    lists = [value if vectors and _is_vector(value) else None for value in values]
    texts = [value if type(value) is str and _is_text(value) else None for value in values]
    others = [
        json_text(value) if isinstance(value, (list, dict)) and vector is None else _no_text(value)
        for value, vector in zip(values, lists, strict=True)
    ]
    has_lists = any(one is not None for one in lists)
    return SentColumn(
        len(values),
        number=_numbers(only(int, float)) if kinds & _NUMBERS else None,
        string=pa.array(texts, pa.string()) if str in kinds else None,
        boolean=pa.array(only(bool), pa.bool_()) if bool in kinds else None,
        vector=pa.array(lists, _LISTS) if has_lists else None,
        other=pa.array(others, pa.string()) if any(one is not None for one in others) else None,
    )


def _is_text(value: str) -> bool:
    """Whether it can be written: half of a pair of surrogates cannot, and JSON may hold one."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_text(value: Any) -> str | None:
    return json.dumps(value) if type(value) is str and not _is_text(value) else None


def _all_small(numbers: pa.Array) -> bool:
    return numbers.null_count == 0 and bool(pc.all(pc.less(pc.abs(numbers), _LARGEST)).as_py())


def _is_vector(value: Any) -> bool:
    """A list of numbers that a double can hold."""
    return type(value) is list and bool(value) and all(type(one) in _NUMBERS and abs(one) < _LARGEST for one in value)


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
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_as_text)


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
