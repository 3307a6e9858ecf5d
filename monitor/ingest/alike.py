"""Records that have the same keys, read into structs made for them: half the time that dicts of values take.

Which keys and kinds of value a piece of a body has is told by its first records. Whatever else turns up in it makes it
one for ``records``, which reads everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from monitor.ingest.limits import MAX_COLUMNS, check_rows, check_shape
from monitor.ingest.raw import FIELDS
from monitor.ingest.records import GROUPS, Columns, Record, Scalar, Value, class_name
from monitor.ingest.values import split
from monitor.store.observations.arriving import SentColumn
from monitor.store.observations.base import Role

_OBJECTS = (*GROUPS, "probability")
_NAMES = Record.__struct_fields__
_KINDS: Mapping[type, tuple[Any, str, pa.DataType]] = {
    float: (float | None, "number", pa.float64()),
    str: (str | None, "string", pa.string()),
    bool: (bool | None, "boolean", pa.bool_()),
}
_list_decoder = msgspec.json.Decoder(list[Record])
_line_decoder = msgspec.json.Decoder(Record)

Kind = type  # one of ``_KINDS``, or ``object`` where it is none of them or several
Keys = tuple[tuple[str, Kind], ...]  # of an object
Shape = tuple[Keys | Kind, ...]  # of each of ``_NAMES``


class _Plan(NamedTuple):
    """How records of a shape are read, a list or one each line; their names with values, and those with objects: an
    empty one, and the columns that its values make."""

    whole: msgspec.json.Decoder[Any]
    line: msgspec.json.Decoder[Any]
    alone: Mapping[str, Kind]
    objects: Mapping[str, tuple[msgspec.Struct, Sequence[tuple[tuple[Role, str], Kind]]]]


def read_alike(piece: bytes, sample: bytes, *, lines: bool) -> tuple[int, Columns] | None:
    """How many records a piece has, and their columns; None where not all are like those of ``sample``, its beginning.
    Both are a list of records, or with ``lines`` one each. Raises TooLarge."""
    try:
        shape = _shape(_line_decoder.decode_lines(sample) if lines else _list_decoder.decode(sample))
        if shape is None:
            return None
        plan = _plan(shape)
        rows = plan.line.decode_lines(piece) if lines else plan.whole.decode(piece)
    except (msgspec.DecodeError, RecursionError):
        return None
    check_rows(len(rows))
    return len(rows), _columns(rows, plan)


def _shape(records: Sequence[Record]) -> Shape | None:
    """None where there is none: no record, an object here and something else there, too many keys."""
    shape: list[Keys | Kind] = []
    for name in _NAMES:
        values = [value for one in records if (value := getattr(one, name)) is not None]
        if not any(type(value) is dict for value in values):
            shape.append(_kind(values))
            continue
        found: dict[str, list[Any]] = {}
        for value in values:
            if type(value) is not dict:
                return None
            for key, inner in value.items():
                found.setdefault(key, []).append(inner)
        shape.append(tuple((key, _kind(inner)) for key, inner in found.items()))
    keys = sum(len(one) for one in shape if isinstance(one, tuple))
    return tuple(shape) if records and keys <= MAX_COLUMNS else None


def _kind(values: Sequence[Any]) -> Kind:
    kinds = {float if type(value) is int else type(value) for value in values} - {type(None)}
    return kinds.pop() if len(kinds) == 1 and kinds <= _KINDS.keys() else object


@lru_cache(maxsize=64)
def _plan(shape: Shape) -> _Plan:
    types: dict[str, Any] = {}
    objects: dict[str, tuple[msgspec.Struct, Sequence[tuple[tuple[Role, str], Kind]]]] = {}
    for name, one in zip(_NAMES, shape, strict=True):
        if isinstance(one, type):
            types[name] = None if name in GROUPS else _type(one, Scalar)
            continue
        names = {f"c{place}": key for place, (key, _) in enumerate(one)}
        inner = [(place, _type(kind, Value), None) for place, (_, kind) in zip(names, one, strict=True)]
        group = msgspec.defstruct("Group", inner, rename=names, forbid_unknown_fields=True, gc=False)
        types[name], objects[name] = group | None, (group(), [(_column(name, key), kind) for key, kind in one])
    fields = [(name, type_, None) for name, type_ in types.items()]
    record = msgspec.defstruct("Alike", fields, forbid_unknown_fields=True, gc=False)
    alone = {name: one for name, one in zip(_NAMES, shape, strict=True) if isinstance(one, type)}
    return _Plan(msgspec.json.Decoder(list.__class_getitem__(record)), msgspec.json.Decoder(record), alone, objects)


def _type(kind: Kind, otherwise: Any) -> Any:
    return _KINDS[kind][0] if kind in _KINDS else otherwise


def _column(group: str, key: str) -> tuple[Role, str]:
    return ("probability", class_name(key)) if group == "probability" else (GROUPS[group], key)


def _columns(rows: Sequence[msgspec.Struct], plan: _Plan) -> Columns:
    by_name: dict[str, Sequence[Any]] = dict(zip(_NAMES, zip(*map(astuple, rows), strict=True), strict=True))
    alone = {name: _sent(by_name[name], kind) for name, kind in plan.alone.items()}
    columns: dict[tuple[Role, str], SentColumn] = {}
    for name in (*GROUPS, "prediction", "probability"):  # in this order new columns are made
        if name in plan.objects:
            empty, keys = plan.objects[name]
            parts = zip(*map(astuple, [empty if one is None else one for one in by_name[name]]), strict=True)
            for (key, kind), values in zip(keys, parts, strict=True):
                columns.setdefault(key, _sent(values, kind, vectors=name == "features"))
        elif name == "prediction":
            columns["prediction", ""] = alone[name]
        elif name == "probability" and alone[name].filled().any():
            columns["probability", ""] = alone[name]
    check_shape(len(rows), len(columns))
    return {name: alone[name] for name in FIELDS if name not in GROUPS}, columns


def _sent(values: Sequence[Any], kind: Kind, *, vectors: bool = False) -> SentColumn:
    if kind not in _KINDS:
        return split(values, vectors=vectors)
    _, part, type_ = _KINDS[kind]
    array = pa.array(values, type_)
    return SentColumn(len(values), **({} if array.null_count == len(array) else {part: array}))
