"""What is stored of the hours that references were pinned from."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, delete, func, not_, or_, select, union

from monitor.store.tables import label_summaries, references, summaries

HOUR = 3_600_000_000


def counted(connection: Connection, model_id: int, binning_id: int, start: int, end: int) -> list[int]:
    """Hours of [start, end) whose rows or labels are counted on these cuts, in order."""
    values = {"model": model_id, "binning": binning_id, "start": start, "end": end}
    return sorted(connection.execute(_COUNTED, values).scalars())


_COUNTED = union(
    *(
        select(t.c.hour).where(
            t.c.model_id == bindparam("model"),
            t.c.binning_id == bindparam("binning"),
            t.c.segment == "",
            t.c.hour >= bindparam("start"),
            t.c.hour < bindparam("end"),
        )
        for t in (summaries, label_summaries)
    )
)


def labels_by_hour(
    connection: Connection, model_id: int, binning_id: int, start: int, end: int, known_hour: int
) -> tuple[dict[int, int], tuple[int, ...]]:
    """Labelled rows of each hour of [start, end) as known at ``known_hour``, of those that have any; and what tells
    whether they are the same as before, whatever came later. A correction counts from the next ``known_hour`` on."""
    values = {"model": model_id, "binning": binning_id, "start": start, "end": end, "known": known_hour}
    found = connection.execute(_LABELS, values).all()
    by_hour = {int(hour): int(rows) for hour, rows in found}
    return by_hour, (known_hour, zlib.crc32(repr(sorted(by_hour.items())).encode()))


_LABELS = (
    select(label_summaries.c.hour, func.sum(label_summaries.c.rows))
    .where(
        label_summaries.c.model_id == bindparam("model"),
        label_summaries.c.binning_id == bindparam("binning"),
        label_summaries.c.segment == "",
        label_summaries.c.hour >= bindparam("start"),
        label_summaries.c.hour < bindparam("end"),
        label_summaries.c.known_hour <= bindparam("known"),
    )
    .group_by(label_summaries.c.hour)
)


def drop_labels_before(connection: Connection, model_id: int, hour: int) -> None:
    """Forget label summaries older than an hour, but for those of hours that the two newest versions of a reference
    were pinned from: later labels join them by these, and the older stands in while the newer waits for its own."""
    mine = label_summaries.c.model_id == model_id
    kept = [label_summaries.c.hour.between(first, last) for first, last in _pinned(connection, model_id)]
    old = and_(mine, label_summaries.c.hour < hour)
    connection.execute(delete(label_summaries).where(and_(old, not_(or_(*kept))) if kept else old))


def _pinned(connection: Connection, model_id: int) -> Sequence[tuple[int, int]]:
    """First and last hour of each."""
    newest = (
        select(references.c.name, func.max(references.c.version).label("version"))
        .where(references.c.model_id == model_id)
        .group_by(references.c.name)
        .subquery()
    )
    query = (
        select(references.c.start, references.c.end)
        .join(newest, and_(references.c.name == newest.c.name, references.c.version >= newest.c.version - 1))
        .where(references.c.model_id == model_id, references.c.pinned, references.c.start.is_not(None))
    )
    return [(start // HOUR, end // HOUR) for start, end in connection.execute(query)]
