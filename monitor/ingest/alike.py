"""Records that have the same keys, read into structs made for them: half the time that dicts of values take.

Which keys and kinds of value a piece of a body has is told by its first records. Whatever else turns up in it makes it
one for ``records``, which reads everything; so do more keys, longer names and emptier records than people have.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from monitor.ingest.limits import check_rows, check_shape
from monitor.ingest.raw import FIELDS
from monitor.ingest.records import Columns, Record, Scalar, Value, class_name, may_hold_booleans
from monitor.ingest.values import split
from monitor.store.observations.arriving import SentColumn
from monitor.store.observations.base import GROUPS, Role

_NAMES = Record.__struct_fields__
_KINDS: Mapping[type, tuple[Any, str, pa.DataType]] = {
    float: (float | None, "number", pa.float64()),
    str: (str | None, "string", pa.string()),
    bool: (bool | None, "boolean", pa.bool_()),
}
MOST_KEYS, MOST_TEXT = 500, 16 << 10  # of a shape, and the characters in them: it is kept, and a key is sought in turn
PLANS, MET = 64, 1024  # shapes that are kept, and numbers of shapes that were met
_NO_NAME = re.compile(r'["\\\x00-\x1f]')  # what no struct's field may have in its name
_list_decoder = msgspec.json.Decoder(list[Record])
_line_decoder = msgspec.json.Decoder(Record)

Kind = type  # one of ``_KINDS``, or ``object`` where it is none of them or several
Keys = tuple[tuple[str, Kind], ...]  # of an object, in the order of their names
Shape = tuple[Keys | Kind, ...]  # of each of ``_NAMES``
Order = dict[str, list[str]]  # the keys of each object, as they came


class _Plan(NamedTuple):
    """How records of a shape are read, a list or one each line; their names with values, and those with objects: an
    empty one, and its keys."""

    whole: msgspec.json.Decoder[Any]
    line: msgspec.json.Decoder[Any]
    alone: Mapping[str, Kind]
    objects: Mapping[str, tuple[msgspec.Struct, Keys]]


def read_alike(piece: bytes, sample: bytes, *, lines: bool) -> tuple[int, Columns] | None:
    """How many records a piece has, and their columns; None where not all are like those of ``sample``, its beginning.
    Both are a list of records, or with ``lines`` one each. Raises TooLarge."""
    try:
        first = _line_decoder.decode_lines(sample) if lines else _list_decoder.decode(sample)
        known = _shape(first)
        if known is None or not _is_worth(*known, piece):
            return None
        plan = _plan(known[0])
        rows = plan.line.decode_lines(piece) if lines else plan.whole.decode(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    check_rows(len(rows))
    return len(rows), _columns(rows, plan, known[1], booleans=may_hold_booleans(piece))


def _shape(records: Sequence[Record]) -> tuple[Shape, Order] | None:
    """None where there is none: no record, an object here and something else there, or values left out in all."""
    shape: list[Keys | Kind] = []
    order: Order = {}
    for name in _NAMES:
        values = [value for one in records if (value := getattr(one, name)) is not None]
        if not any(type(value) is dict for value in values):
            shape.append(_kind(values))
            continue
        if not all(type(value) is dict for value in values) or len(set().union(*values)) > max(map(len, values)):
            return None
        found: dict[str, list[Any]] = {}
        for value in values:
            for key, inner in value.items():
                found.setdefault(key, []).append(inner)
        shape.append(tuple((key, _kind(found[key])) for key in sorted(found)))
        order[name] = list(found)
    return (tuple(shape), order) if records else None


def _kind(values: Sequence[Any]) -> Kind:
    kinds = {float if type(value) is int else type(value) for value in values} - {type(None)}
    return kinds.pop() if len(kinds) == 1 and kinds <= _KINDS.keys() else object


def _is_worth(shape: Shape, order: Order, piece: bytes) -> bool:
    """Whether structs are made: not of many or odd keys, not where most would be empty, and not for a shape that was
    never met before, as each body has its own where values are left out."""
    names = [key for keys in order.values() for key in keys]
    if len(names) > MOST_KEYS or sum(map(len, names)) > MOST_TEXT or any(map(_NO_NAME.search, names)):
        return False
    if piece.count(b"{") * len(names) > len(piece):
        return False
    times = _met(hash(shape))
    times[0] += 1
    return times[0] > 1


@lru_cache(maxsize=MET)
def _met(_shape: int) -> list[int]:
    return [0]


@lru_cache(maxsize=PLANS)
def _plan(shape: Shape) -> _Plan:
    if _plan.cache_info().misses % PLANS == 0:
        gc.collect()  # classes refer to themselves, and those that are forgotten would stay for long
    types: dict[str, Any] = {}
    objects: dict[str, tuple[msgspec.Struct, Keys]] = {}
    for name, one in zip(_NAMES, shape, strict=True):
        if isinstance(one, type):
            types[name] = None if name in GROUPS else _type(one, Scalar)
            continue
        names = {f"c{place}": key for place, (key, _) in enumerate(one)}
        inner = [(place, _type(kind, Value), None) for place, (_, kind) in zip(names, one, strict=True)]
        group = msgspec.defstruct("Group", inner, rename=names, forbid_unknown_fields=True, gc=False)
        types[name], objects[name] = group | None, (group(), one)
    fields = [(name, type_, None) for name, type_ in types.items()]
    record = msgspec.defstruct("Alike", fields, forbid_unknown_fields=True, gc=False)
    alone = {name: one for name, one in zip(_NAMES, shape, strict=True) if isinstance(one, type)}
    return _Plan(msgspec.json.Decoder(list.__class_getitem__(record)), msgspec.json.Decoder(record), alone, objects)


def _type(kind: Kind, otherwise: Any) -> Any:
    return _KINDS[kind][0] if kind in _KINDS else otherwise


def _column(group: str, key: str) -> tuple[Role, str]:
    return ("probability", class_name(key)) if group == "probability" else (GROUPS[group], key)


def _columns(rows: Sequence[msgspec.Struct], plan: _Plan, order: Order, *, booleans: bool) -> Columns:
    by_name: dict[str, Sequence[Any]] = dict(zip(_NAMES, zip(*map(astuple, rows), strict=True), strict=True))
    alone = {name: _sent(by_name[name], kind, booleans=booleans) for name, kind in plan.alone.items()}
    columns: dict[tuple[Role, str], SentColumn] = {}
    for name in (*GROUPS, "prediction", "probability"):  # in this order new columns are made
        if name in plan.objects:
            empty, keys = plan.objects[name]
            check_shape(len(rows), len(keys))
            parts = list(zip(*map(astuple, [empty if one is None else one for one in by_name[name]]), strict=True))
            places = {key: place for place, (key, _) in enumerate(keys)}
            for key in order[name]:
                kind, values = keys[places[key]][1], parts[places[key]]
                sent = _sent(values, kind, booleans=booleans, vectors=name == "features")
                columns.setdefault(_column(name, key), sent)
        elif name == "prediction":
            columns["prediction", ""] = alone[name]
        elif name == "probability" and alone[name].filled().any():
            columns["probability", ""] = alone[name]
    check_shape(len(rows), len(columns))
    return {name: alone[name] for name in FIELDS if name not in GROUPS}, columns


def _sent(values: Sequence[Any], kind: Kind, *, booleans: bool, vectors: bool = False) -> SentColumn:
    if kind not in _KINDS:
        return split(values, booleans=booleans, vectors=vectors)
    _, part, type_ = _KINDS[kind]
    array = pa.array(values, type_)
    return SentColumn(len(values), **({} if array.null_count == len(array) else {part: array}))
