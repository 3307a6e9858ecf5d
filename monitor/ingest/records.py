"""Records of JSON and NDJSON, whatever is in them, into columns.

msgspec reads well-formed records straight into slots; a body with anything unusual in it (NaN, nested values, unknown
keys, rows that are no objects) is read again by the standard library, which takes all of that, and sorted row by row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from monitor.errors import BadRequest
from monitor.ingest.limits import check_depth, check_rows, check_shape, too_deep
from monitor.ingest.raw import FIELDS, RawBatch
from monitor.ingest.values import json_text, split
from monitor.store.observations.arriving import Reject, SentColumn
from monitor.store.observations.base import GROUPS, Role
from monitor.store.observations.canonical import canonical

Scalar = str | int | float | bool | None
Value = Scalar | list[float]  # what a feature may be


class Record(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A record of any kind; absent and null are the same."""

    id: Scalar = None
    timestamp: Scalar = None
    version: Scalar = None
    features: dict[str, Value] | None = None
    prediction: Scalar = None
    probability: Scalar | dict[str, Scalar] = None
    segments: dict[str, Scalar] | None = None
    latency_ms: Scalar = None
    error: Scalar = None
    metrics: dict[str, Scalar] | None = None
    label: Scalar = None


class _Body(Record, forbid_unknown_fields=True, gc=False):
    records: list[Record] | msgspec.UnsetType = msgspec.UNSET


_json_decoder = msgspec.json.Decoder(list[Record] | _Body)
_line_decoder = msgspec.json.Decoder(Record)
_KEYS = frozenset(Record.__struct_fields__)
_SURROGATE = re.compile(rb"\\u[dD][89abAB]", re.ASCII)


class Records(NamedTuple):
    """One body read, not yet columns: its ``records``, the place in the body of each (None: all rows are records),
    how many rows the body has, what its rows were as sent where that is at hand, and the rows that are none."""

    records: Sequence[Record]
    size: int
    booleans: bool
    places: Sequence[int] | None = None
    objects: Sequence[Any] = ()
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()

    def payload(self, row: int) -> str:
        """Record ``row`` as sent."""
        return json_text(self.objects[row]) if self.objects else msgspec.json.encode(self.records[row]).decode()


def read_json(body: bytes) -> Records:
    """The records of a JSON body; raises BadRequest likewise, TooLarge for too many."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        read = _json_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = _load(body)
        beside = value.keys() - {"records"} if isinstance(value, dict) and "records" in value else ()
        return _from_objects(_objects(value), beside)
    records = read if isinstance(read, list) else ([read] if read.records is msgspec.UNSET else read.records)
    return _plain(records, body)


def read_lines(body: bytes) -> Records:
    """The records of an NDJSON body; raises TooLarge for too many."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return _plain(_line_decoder.decode_lines(body), body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        lines = [line for line in body.split(b"\n") if line.strip()]
        check_rows(len(lines))
        return _from_objects([_line(line) for line in lines])


def _plain(records: Sequence[Record], body: bytes) -> Records:
    check_rows(len(records))
    return Records(records, len(records), may_hold_booleans(body))


def columns_of(bodies: Sequence[Records]) -> RawBatch:
    """Bodies as one batch, in their order: rows are counted on from body to body, and so are the rejected ones."""
    if len(bodies) == 1:
        return _batch(bodies[0], bodies[0].payload)
    begins = np.cumsum([0, *(body.size for body in bodies)])
    counts = np.cumsum([0, *(len(body.records) for body in bodies)])

    def payload(row: int) -> str:
        body = int(np.searchsorted(counts, row, "right")) - 1
        return bodies[body].payload(row - int(counts[body]))

    whole = Records(
        list(chain.from_iterable(body.records for body in bodies)),
        int(begins[-1]),
        any(body.booleans for body in bodies),
        places=[place for body, begin in zip(bodies, begins.tolist(), strict=False) for place in _places(body, begin)],
        rejects=tuple(
            replace(reject, row=reject.row + begin)
            for body, begin in zip(bodies, begins.tolist(), strict=False)
            for reject in body.rejects
        ),
    )
    return _batch(whole, payload)


def _places(body: Records, begin: int) -> Sequence[int]:
    """Where the body's records are among the rows of all bodies."""
    if body.places is None:
        return range(begin, begin + body.size)
    return [begin + place for place in body.places]


def may_hold_booleans(body: bytes) -> bool:
    """Cheaper than a look at the type of every value."""
    return b"true" in body or b"false" in body


class _Unreadable(str):
    """A line that is no JSON."""


def _line(line: bytes) -> Any:
    try:
        value = _load(line)
    except BadRequest as error:
        if error.code == "too_deep":
            raise
        return _Unreadable(line.decode(errors="replace"))
    return value


def _load(text: bytes) -> Any:
    """JSON as the standard library reads it, NaN and infinities too, at most 32 levels deep."""
    try:
        value = json.loads(text.decode())
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise BadRequest(f"The body is no JSON: {error}"[:300]) from error
    check_depth(value)
    return _mended(value) if _SURROGATE.search(text) else value


def _mended(value: Any) -> Any:
    """Half surrogate pairs, which no text can hold, replaced by the replacement character."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(entry) for entry in value]
    return {_mended(key): _mended(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def _objects(value: Any) -> list[Any]:
    if isinstance(value, dict) and "records" in value:
        value = value["records"]
        if not isinstance(value, list):
            raise BadRequest("`records` must be a list of records.", field="records")
    if not isinstance(value, (dict, list)):
        raise BadRequest('The body must be a record, a list of records or {"records": [...]}.')
    return value if isinstance(value, list) else [value]


def said_of_unknown(keys: Collection[str]) -> tuple[str, ...]:
    """A warning about keys that mean nothing; none where there are none."""
    return (f"unknown keys are ignored: {', '.join(sorted(keys)[:10])}"[:500],) if keys else ()


def _from_objects(objects: list[Any], beside: Collection[str] = ()) -> Records:
    """Records from whatever the list holds; ``beside``: keys that stood beside it."""
    check_rows(len(objects))
    good = [row for row, value in enumerate(objects) if isinstance(value, dict)]
    rejects = tuple(_not_an_object(row, value) for row, value in enumerate(objects) if not isinstance(value, dict))
    kept = [objects[row] for row in good]
    records = [Record(**{key: one.get(key) for key in _KEYS}) for one in kept]
    unknown = set(chain.from_iterable(map(dict.keys, kept))) - _KEYS
    return Records(records, len(objects), True, good, kept, rejects, said_of_unknown(unknown.union(beside)))


def _not_an_object(row: int, value: Any) -> Reject:
    if isinstance(value, _Unreadable):
        return Reject(row, None, None, "the line is no JSON", str(value))
    return Reject(row, None, None, "a record must be an object", json_text(value))


def _batch(body: Records, payload: Callable[[int], str]) -> RawBatch:
    fields, columns = _columns(body.records, body.booleans)
    places = np.arange(len(body.records)) if body.places is None else np.array(body.places, np.int64)
    return RawBatch(places, fields, columns, payload, None, body.rejects, list(body.warnings))


Columns = tuple[dict[str, SentColumn], dict[tuple[Role, str], SentColumn]]


def _columns(records: Sequence[Record], booleans: bool) -> Columns:
    def values(name: str) -> list[Any]:
        return list(map(attrgetter(name), records))

    column_of = partial(split, booleans=booleans)
    fields = {name: column_of(values(name)) for name in FIELDS if name not in GROUPS}
    columns: dict[tuple[Role, str], SentColumn] = {}
    for group, role in GROUPS.items():
        objects, rest = _apart(values(group))
        vectors = role == "feature"
        columns |= {(role, name): column_of(column, vectors=vectors) for name, column in _spread(objects).items()}
        if rest is not None:
            fields[group] = split(rest)
    columns["prediction", ""] = column_of(values("prediction"))
    columns |= _probabilities(values("probability"))
    check_shape(len(records), len(columns))
    return fields, columns


def _apart(values: list[Any]) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Objects, empty where there is none (no objects at all: no list of empty ones), and the values that are no objects
    (None if all are)."""
    kinds = set(map(type, values))
    if dict not in kinds:
        return [], None if kinds <= {type(None)} else values
    if kinds <= {dict}:
        return values, None
    objects = [value if type(value) is dict else {} for value in values]
    if kinds <= {dict, type(None)}:
        return objects, None
    return objects, [None if type(value) is dict else value for value in values]


def _spread(objects: list[dict[str, Any]]) -> dict[str, Sequence[Any]]:
    """Objects as columns by name. Where all rows have the same keys in the same order, no row is looked at."""
    shapes = dict.fromkeys(map(tuple, objects))
    names = dict.fromkeys(chain.from_iterable(shapes))
    check_shape(len(objects), len(names))
    if len(shapes) == 1:
        flat = list(chain.from_iterable(map(dict.values, objects)))
        return {name: flat[place :: len(names)] for place, name in enumerate(names)}
    return {name: [entry.get(name) for entry in objects] for name in names}


def _probabilities(values: list[Any]) -> dict[tuple[Role, str], SentColumn]:
    objects, rest = _apart(values)
    columns: dict[tuple[Role, str], SentColumn] = {}
    for name, column in _spread(objects).items():
        columns.setdefault(("probability", class_name(name)), split(column))
    if rest is not None:
        columns["probability", ""] = split(rest)
    return columns


def class_name(name: str) -> str:
    """A class as its predictions and labels are written."""
    return str(canonical(pa.array([name], pa.string()))[0].as_py())
