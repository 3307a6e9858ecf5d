"""Values that their column cannot hold: kept as sent, in one JSON object per row.

``{"c3":"abc","c5":{"nan":true},"c6":{"json":"[1]"}}``: by the column's physical name; NaN is marked, and what is
no plain JSON value (lists, objects, infinities) stands as text under ``json``. So nothing that users send can look
like a key of the outer object, and searching for ``"c3":`` is exact. Keys that are no physical name belong to values
without a column: ``features.NAME`` past the limit, ``features``, ``version``, ``latency_ms``, ``error``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISMATCH, NAN = 1, 2  # the codes of detectors.summary
_NAN = '{"nan":true}'


@dataclass(frozen=True)
class OddValues:
    """Values of one key: ``rows`` int64 [k], strictly increasing; ``texts`` pa.string [k], each one JSON value.
    ``withheld``: the texts only say that the values shall not be kept."""

    key: str
    rows: NDArray[np.int64]
    texts: pa.Array
    withheld: bool = False

    @property
    def mismatches(self) -> int:
        """How many are of the wrong type: NaN is counted as what it is."""
        return len(self.rows) - int(pc.sum(pc.equal(self.texts, _NAN)).as_py() or 0)

    def between(self, start: int, end: int) -> OddValues:
        """Those of the rows [start, end), which then count from 0."""
        some = slice(*np.searchsorted(self.rows, [start, end]).tolist())
        return replace(self, rows=self.rows[some] - start, texts=self.texts[some])


def odd_values(key: str, values: pa.Array, *, is_json: bool = False) -> list[OddValues]:
    """The non-null entries of an array as odd values (none: an empty list); ``is_json``: they are JSON text."""
    if values.null_count == len(values):
        return []
    if pa.types.is_list(values.type):
        values, is_json = json_lists(values), True
    rows = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    encoded = values.take(pa.array(rows)).dictionary_encode()
    write = _wrapped if is_json else _written
    texts = pa.array([write(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return [OddValues(key, rows, texts.take(encoded.indices))]


def json_lists(values: pa.Array) -> pa.Array:
    """Lists of numbers as JSON text: few of them are odd."""
    rows = (None if row is None else [_json_number(one) for one in row] for row in values.to_pylist())
    return pa.array([None if row is None else json.dumps(row, separators=(",", ":")) for row in rows], pa.string())


def _json_number(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() and abs(value) < 1e15 else value


def _wrapped(text: str) -> str:
    return json.dumps({"json": text}, separators=(",", ":"), ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return _NAN if math.isnan(value) else _wrapped("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return msgspec.json.encode(value).decode()


def join(length: int, parts: Sequence[OddValues]) -> pa.Array:
    """One JSON object per row from the odd values of all keys, null for rows without any; pa.string [length]."""
    if not parts:
        return pa.nulls(length, pa.string())
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    texts = pa.concat_arrays(
        [pc.binary_join_element_wise(msgspec.json.encode(part.key).decode() + ":", part.texts, "") for part in parts]
    )
    counts = np.bincount(rows, minlength=length)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), texts.take(pa.array(order)))
    objects = pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")
    return pc.if_else(pa.array(counts > 0), objects, pa.scalar(None, pa.string()))


def odd_codes(odd: pa.Array | pa.ChunkedArray, physical: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Which rows of a column are odd and how: rows int64 [k], codes uint8 [k] (1 type mismatch, 2 NaN).

    ``odd`` is the column of that name, any chunking; ``physical`` like ``c3``.
    """
    if odd.null_count == len(odd):
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    filled = np.flatnonzero(odd.is_valid().to_numpy(zero_copy_only=False) if isinstance(odd, pa.Array) else _valid(odd))
    texts = odd.take(pa.array(filled))
    named = np.asarray(pc.match_substring(texts, f'"{physical}":'))
    marked = np.asarray(pc.match_substring(texts, f'"{physical}":{_NAN}'))
    return filled[named], np.where(marked[named], NAN, MISMATCH).astype(np.uint8)


def _valid(chunked: pa.ChunkedArray) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = np.asarray(chunked.is_valid())
    return valid


def read_odd(text: str | None) -> dict[str, Any]:
    """The odd values of one row, by key, as sent; NaN and infinities as their names."""
    if text is None:
        return {}
    return {key: _as_sent(value) for key, value in json.loads(text).items()}


def _as_sent(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "nan" in value:
        return "NaN"
    inner = value["json"]
    return inner if inner in ("Infinity", "-Infinity") else json.loads(inner)
