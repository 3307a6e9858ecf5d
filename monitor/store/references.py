"""References: what windows are compared with, their rows, the cuts, and the profiles counted on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select, update

from monitor.store.bulk import insert_fresh
from monitor.store.tables import binnings, models, profiles, reference_rows, references, segment_profiles

WHOLE = "*"


@dataclass(frozen=True)
class Reference:
    """One version of a named reference. ``model_versions`` counts its rows by model version ('' for none)."""

    id: int
    name: str
    version: int
    rows: int
    timed: bool
    labelled: int
    model_versions: dict[str, int]
    pinned: bool
    start: int | None
    end: int | None
    created_at: int


_FIELDS = (
    references.c.id,
    references.c.name,
    references.c.version,
    references.c.rows,
    references.c.timed,
    references.c.labelled,
    references.c.model_versions,
    references.c.pinned,
    references.c.start,
    references.c.end,
    references.c.created_at,
)


def all_of(connection: Connection, model_id: int) -> list[Reference]:
    """Every version of every reference, oldest first."""
    return [Reference(*row) for row in connection.execute(_ALL, {"model": model_id})]


_ALL = select(*_FIELDS).where(references.c.model_id == bindparam("model")).order_by(references.c.id)


def newest(connection: Connection, model_id: int) -> list[Reference]:
    """The newest version of each name, in the order they were set."""
    by_name: dict[str, Reference] = {}
    for reference in all_of(connection, model_id):
        by_name.pop(reference.name, None)
        by_name[reference.name] = reference
    return list(by_name.values())


def add(connection: Connection, model_id: int, reference: Reference, parts: Iterable[bytes]) -> int:
    """Keep a new version of a reference and its rows; its id. ``reference.id`` and ``.version`` are made here."""
    highest = select(func.coalesce(func.max(references.c.version), 0)).where(
        references.c.model_id == model_id, references.c.name == reference.name
    )
    values = {column.name: getattr(reference, column.name) for column in _FIELDS if column.name != "id"}
    values |= {"model_id": model_id, "version": connection.execute(highest).scalar_one() + 1}
    made = connection.execute(insert(references).values(**values)).inserted_primary_key
    assert made is not None
    for part, data in enumerate(parts):
        connection.execute(insert(reference_rows).values(reference_id=made[0], part=part, data=data))
    first = models.c.first_reference_at.is_(None) & (models.c.id == model_id)
    connection.execute(
        update(models).where(first).values(first_reference_at=reference.created_at, default_reference=reference.name)
    )
    return int(made[0])


def rows(connection: Connection, reference_id: int) -> Iterator[bytes]:
    """The parts of a reference's rows, in order."""
    query = (
        select(reference_rows.c.data)
        .where(reference_rows.c.reference_id == reference_id)
        .order_by(reference_rows.c.part)
    )
    yield from connection.execute(query).scalars()


def add_binning(connection: Connection, model_id: int, data: bytes, now: int) -> int:
    """Keep new cuts and make them the model's."""
    made = connection.execute(insert(binnings).values(model_id=model_id, created_at=now, data=data))
    assert made.inserted_primary_key is not None
    binning_id = int(made.inserted_primary_key[0])
    connection.execute(update(models).where(models.c.id == model_id).values(binning_id=binning_id))
    return binning_id


def binning(connection: Connection, binning_id: int) -> bytes:
    """The cuts of that id."""
    return bytes(connection.execute(select(binnings.c.data).where(binnings.c.id == binning_id)).scalar_one())


def add_profiles(connection: Connection, reference_id: int, binning_id: int, data: dict[str, bytes]) -> None:
    """Keep a reference's profiles on a binning: one per model version in it and ``*`` for the whole."""
    for version, profile in data.items():
        connection.execute(
            insert(profiles).values(reference_id=reference_id, binning_id=binning_id, version=version, data=profile)
        )


def profile(connection: Connection, reference_id: int, binning_id: int, version: str) -> bytes:
    """One profile's bytes."""
    query = select(profiles.c.data).where(
        profiles.c.reference_id == reference_id,
        profiles.c.binning_id == binning_id,
        profiles.c.version == version,
    )
    return bytes(connection.execute(query).scalar_one())


def has_profile(connection: Connection, reference_id: int, binning_id: int) -> bool:
    """Whether it was counted on that binning."""
    query = select(profiles.c.version).where(
        profiles.c.reference_id == reference_id, profiles.c.binning_id == binning_id
    )
    return connection.execute(query.limit(1)).first() is not None


@dataclass(frozen=True)
class SegmentProfile:
    """One segment of a reference, of one model version in it or (``*``) of the whole."""

    version: str
    segment: str
    rows: int
    data: bytes


def add_segment_profiles(
    connection: Connection, reference_id: int, binning_id: int, made: Iterable[SegmentProfile]
) -> None:
    """Keep a reference's profiles of segments on a binning."""
    names = ("reference_id", "binning_id", "version", "segment", "rows", "data")
    rows = ((reference_id, binning_id, one.version, one.segment, one.rows, one.data) for one in made)
    insert_fresh(connection, segment_profiles, names, rows)


def segment_rows(connection: Connection, reference_id: int, binning_id: int) -> dict[str, int]:
    """Rows of each segment that the reference has, in order of the segments' names."""
    t = segment_profiles.c
    mine = (t.reference_id == reference_id, t.binning_id == binning_id, t.version == WHOLE)
    return {row[0]: row[1] for row in connection.execute(select(t.segment, t.rows).where(*mine).order_by(t.segment))}


def segment_profile(
    connection: Connection, reference_id: int, binning_id: int, version: str, segment: str
) -> bytes | None:
    """One segment's bytes; None where the reference has no row of it."""
    t = segment_profiles.c
    mine = (t.reference_id == reference_id, t.binning_id == binning_id, t.version == version, t.segment == segment)
    data = connection.execute(select(t.data).where(*mine)).scalar_one_or_none()
    return None if data is None else bytes(data)


def choose(
    known: Sequence[Reference], default: str | None, named: str | None, version: str
) -> tuple[Reference, str] | None:
    """What rows of a model version are compared with, and which of its rows (a version, or ``*`` for all).

    The reference that a check names; else the default if it has rows of the version (those alone); else the newest
    of any name that has; else the default whole. ``known`` are the newest of each name, in the order they were set.
    """
    by_name = {reference.name: reference for reference in known}
    if named is not None:
        chosen = by_name.get(named)
        return None if chosen is None else (chosen, version if version in chosen.model_versions else WHOLE)
    main = by_name.get(default or "")
    candidates = [*([main] if main else []), *reversed(known)]
    for reference in candidates:
        if version in reference.model_versions:
            return reference, version
    return None if main is None else (main, WHOLE)
