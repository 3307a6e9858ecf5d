"""Arriving rows fitted to a model's columns: which columns are new, and what each holds of the values sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import TooLarge
from monitor.store.observations.arriving import ArrivingPredictions, SentColumn
from monitor.store.observations.base import GROUPS, PredictionBatch, Role, Storage, StoredColumn
from monitor.store.observations.canonical import canonical
from monitor.store.observations.cells import inferred, numbers, read_cells
from monitor.store.observations.odd import OddValues, join, odd_values
from monitor.store.observations.vectors import dimension_of, packed

LIMITS: Mapping[Role, int] = {"feature": 500, "segment": 100, "metric": 100, "probability": 200, "prediction": 1}
MAX_NAME = 200
MOST_REPEATED = 256 << 20  # bytes of names without a column, which are written beside each of their values
MAX_SEGMENT = 256  # characters of a value to slice by: databases index it
_PREFIX: Mapping[Role, str] = {
    "feature": "features.",
    "segment": "segments.",
    "metric": "metrics.",
    "probability": "probability.",
    "prediction": "prediction",
}


def new_columns(
    arriving: ArrivingPredictions, known: Sequence[StoredColumn], types: Mapping[str, str]
) -> tuple[StoredColumn, ...]:
    """Columns that these rows bring: one for each new name with any value, within ``LIMITS``, of the type of most of
    its values. ``types``: features that the configuration calls numeric, categorical or embedding."""
    have = {(column.role, column.name) for column in known}
    counts = Counter(column.role for column in known)
    position = max((column.position for column in known), default=-1) + 1
    new: list[StoredColumn] = []
    for (role, name), sent in arriving.columns.items():
        if (role, name) in have or len(name) > MAX_NAME or counts[role] >= LIMITS[role]:
            continue
        type_ = types.get(name) if role == "feature" else None
        storage = _storage(role, sent, type_)
        dimension = dimension_of(sent) if storage == "vector" else None
        if storage == "vector":
            type_ = "embedding"
        if storage is not None and (storage != "vector" or dimension is not None):
            new.append(StoredColumn(role, name, position + len(new), storage, type_, dimension))
            counts[role] += 1
    return tuple(new)


def check_repeated(arriving: ArrivingPredictions, known: Sequence[StoredColumn]) -> None:
    """Raises TooLarge where the names of what no column holds would take far more room than the body did."""
    have = {(column.role, column.name) for column in known}
    size = sum(
        len(name) * (len(part) - part.null_count)
        for (role, name), sent in arriving.columns.items()
        if (role, name) not in have
        for _, part in sent.parts()
    )
    if size > MOST_REPEATED:
        raise TooLarge(
            f"The names of columns that are kept but not measured are written beside each value: {size >> 20:,} MiB. "
            "Send shorter names, or fewer rows at a time; nothing was stored."
        )


def _storage(role: Role, sent: SentColumn, type_: str | None) -> Storage | None:
    """Type of the column that these values would make, None while there are none."""
    counts = {name: len(part) - part.null_count for name, part in sent.parts()}
    if not sum(counts.values()):
        return None
    if role in ("metric", "probability") or type_ == "numeric":
        return "number"
    if type_ == "embedding":
        return "vector"
    if role == "segment":
        return "string"
    if sent.cells is not None:
        return inferred(sent.cells, vectors=role == "feature" and type_ is None)
    kinds: tuple[Storage, ...] = ("number", "string", "boolean", *(("vector",) if type_ is None else ()))
    best = max(kinds, key=lambda kind: counts.get(kind, 0))
    return best if counts.get(best, 0) else None


@dataclass
class Remarks:
    """What no column could hold: how many values that are no group of named ones, by key and whether they are withheld,
    how many values of a column, and which names have no column, by role."""

    ungrouped: Counter[tuple[str, bool]] = field(default_factory=Counter)
    mismatches: Counter[StoredColumn] = field(default_factory=Counter)
    homeless: dict[Role, set[str]] = field(default_factory=dict)

    def add(self, more: Remarks) -> None:
        """Those of further rows."""
        self.ungrouped.update(more.ungrouped)
        self.mismatches.update(more.mismatches)
        for role, names in more.homeless.items():
            self.homeless.setdefault(role, set()).update(names)

    def words(self) -> list[str]:
        """As warnings."""
        return [
            *(
                f"{key}: {count} values are unusable; "
                + ("not kept, since the model has private features" if withheld else "kept as sent")
                for (key, withheld), count in sorted(self.ungrouped.items())
            ),
            *(
                f"{field_name(column.role, column.name)}: {count} values are no usable {column.storage}s; they are kept"
                " as sent and count as mismatches"
                for column, count in sorted(self.mismatches.items(), key=lambda item: item[0].position)
            ),
            *(
                f"{len(names)} {role} columns are kept but not measured, beginning with {min(names)[:60]!r}: at most "
                f"{LIMITS[role]} per model, with names of at most {MAX_NAME} characters and plain values"
                for role, names in sorted(self.homeless.items())
            ),
        ]


def fit(arriving: ArrivingPredictions, known: Sequence[StoredColumn]) -> tuple[PredictionBatch, list[str]]:
    """The batch to store, and warnings about what no column could hold."""
    batch, remarks = fit_part(arriving, known)
    return batch, remarks.words()


def fit_part(arriving: ArrivingPredictions, known: Sequence[StoredColumn]) -> tuple[PredictionBatch, Remarks]:
    """``fit`` of some rows of a body: what is said of them is yet to be added up."""
    stored: list[StoredColumn] = []
    arrays: list[pa.Array] = []
    parts: list[OddValues] = []
    remarks = Remarks()
    for part in arriving.odd:
        if part.key in GROUPS:
            remarks.ungrouped[part.key, part.withheld] += len(part.rows)
    for column in known:
        sent = arriving.columns.get((column.role, column.name))
        if sent is None:
            continue
        values, odd = _settle(column, sent)
        stored.append(column)
        arrays.append(values)
        parts += odd
        if count := sum(part.mismatches for part in odd):
            remarks.mismatches[column] = count
    homeless, remarks.homeless = _homeless(arriving, known)
    odd_texts = join(len(arriving.ids), [*parts, *arriving.odd, *homeless])
    return _batch(arriving, stored, arrays, odd_texts), remarks


def _batch(
    arriving: ArrivingPredictions, stored: list[StoredColumn], arrays: list[pa.Array], odd: pa.Array
) -> PredictionBatch:
    return PredictionBatch(
        ids=arriving.ids,
        timestamps=arriving.timestamps,
        versions=arriving.versions,
        latency_ms=arriving.latency_ms,
        errors=arriving.errors,
        stored=tuple(stored),
        columns=tuple(arrays),
        odd=odd,
        positions=arriving.positions,
    )


def _homeless(
    arriving: ArrivingPredictions, known: Sequence[StoredColumn]
) -> tuple[list[OddValues], dict[Role, set[str]]]:
    """Values whose name has no column: past the limit, too long a name, or of no kind that a column could have."""
    have = {(column.role, column.name) for column in known}
    parts: list[OddValues] = []
    names: dict[Role, set[str]] = {}
    for (role, name), sent in sorted(arriving.columns.items(), key=lambda item: item[0]):
        kept = [] if (role, name) in have else _leftovers(field_name(role, name), sent)
        parts += kept
        if kept:
            names.setdefault(role, set()).add(name)
    return parts, names


def field_name(role: Role, name: str) -> str:
    """A column as it is called in answers: ``features.age``, ``prediction``, ``probability.late``."""
    return (_PREFIX[role] + name).rstrip(".") if role != "feature" else _PREFIX[role] + name


def _leftovers(key: str, sent: SentColumn) -> list[OddValues]:
    """Everything in a column as odd values; rows do not repeat among its parts."""
    return [odd for name, part in sent.parts() for odd in odd_values(key, part, is_json=name == "other")]


def _settle(column: StoredColumn, sent: SentColumn) -> tuple[pa.Array, list[OddValues]]:
    """The column's values, and those that it cannot hold."""
    sent = _converted(column, read_cells(sent, column.storage))
    if column.storage == "vector":
        values, left = packed(sent, column.dimension or 0)
        return values, _leftovers(column.physical, left)
    values, rest = _split(column.storage, sent)
    if column.role == "segment":
        values, long = _short(values)
        rest = replace(rest, string=long if rest.string is None else pc.coalesce(rest.string, long))
    if column.role == "probability":
        values, outside = _unit_interval(values)
        rest = replace(rest, number=outside if rest.number is None else pc.coalesce(rest.number, outside))
    return values, _leftovers(column.physical, rest)


def _split(storage: Storage, sent: SentColumn) -> tuple[pa.Array, SentColumn]:
    part = getattr(sent, storage)
    rest = sent.without(storage)
    if part is None:
        return pa.nulls(sent.length, pa.float64() if storage == "number" else pa.string()), rest
    if storage == "boolean":
        return pc.if_else(part, "true", "false"), rest
    if storage == "string":
        return part, rest
    nan = pc.is_nan(part)
    if not pc.any(nan).as_py():
        return part, rest
    nothing = pa.scalar(None, pa.float64())
    return pc.if_else(nan, nothing, part), replace(rest, number=pc.if_else(nan, part, nothing))


def _short(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Those that a database can index, and those that are too long to slice by."""
    long = pc.fill_null(pc.greater(pc.utf8_length(values), MAX_SEGMENT), False)
    nothing = pa.scalar(None, pa.string())
    return pc.if_else(long, nothing, values), pc.if_else(long, values, nothing)


def _unit_interval(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    inside = pc.and_(pc.greater_equal(values, 0.0), pc.less_equal(values, 1.0))
    nothing = pa.scalar(None, pa.float64())
    return pc.if_else(inside, values, nothing), pc.if_else(inside, nothing, values)


def _converted(column: StoredColumn, sent: SentColumn) -> SentColumn:
    """Segments are texts whatever was sent; predictions convert where their canonical form allows."""
    if column.role == "segment":
        return _as_text(sent, pc.if_else(sent.boolean, "true", "false") if sent.boolean is not None else None)
    if column.role != "prediction":
        return sent
    if column.storage == "string":
        return _as_text(sent, canonical(sent.boolean) if sent.boolean is not None else None)
    return _as_number(sent) if column.storage == "number" else _as_boolean(sent)


def _as_text(sent: SentColumn, booleans: pa.Array | None) -> SentColumn:
    texts = [part for part in (sent.string, booleans) if part is not None]
    odd = None
    if sent.number is not None:
        finite = pc.is_finite(sent.number)
        nothing = pa.scalar(None, pa.float64())
        texts.append(canonical(pc.if_else(finite, sent.number, nothing)))
        odd = pc.if_else(finite, nothing, sent.number)
    string = pc.coalesce(*texts) if texts else None
    return SentColumn(sent.length, string=string, number=odd, other=sent.other)


def _as_number(sent: SentColumn) -> SentColumn:
    found = [sent.number] if sent.number is not None else []
    string = sent.string
    if sent.boolean is not None:
        found.append(sent.boolean.cast(pa.float64()))
    if string is not None:
        read = numbers(canonical(string))
        read = pc.if_else(pc.is_finite(read), read, pa.scalar(None, pa.float64()))
        found.append(read)
        string = pc.if_else(pc.is_null(read), string, pa.scalar(None, pa.string()))
    return SentColumn(sent.length, number=pc.coalesce(*found) if found else None, string=string, other=sent.other)


def _as_boolean(sent: SentColumn) -> SentColumn:
    found = [sent.boolean] if sent.boolean is not None else []
    rest: dict[str, pa.Array | None] = {"number": sent.number, "string": sent.string}
    for name, part in rest.items():
        if part is not None:
            text = canonical(part)
            read = pc.if_else(pc.is_in(text, value_set=pa.array(["0", "1"])), pc.equal(text, "1"), None)
            found.append(read.cast(pa.bool_()))
            rest[name] = pc.if_else(pc.is_null(read), part, pa.scalar(None, part.type))
    return SentColumn(sent.length, boolean=pc.coalesce(*found) if found else None, other=sent.other, **rest)
