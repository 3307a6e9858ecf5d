"""How many predictions of an hour have a label, of those that one can make right or wrong."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.store import summaries, unusable
from monitor.store.tables import label_summaries


def usable(connection: Connection, model_id: int, start: int, end: int) -> list[tuple[str, int, int]]:
    """(version, hour, predictions that a label can make right or wrong) for hours [start, end) that have rows."""
    without = unusable.by_hour(connection, model_id, start, end)
    found = summaries.predicted(connection, model_id, start, end)
    return [(version, hour, count - without.get((version, hour), 0)) for version, hour, count in found]


def by_hour(
    connection: Connection, model_id: int, start: int, end: int, known_hour: int
) -> list[tuple[str, int, int, int]]:
    """(version, hour, usable predictions, labelled ones known at ``known_hour``) for hours [start, end) that have
    rows."""
    labelled = connection.execute(_LABELLED, {"model": model_id, "start": start, "end": end, "known": known_hour})
    known = {(version, hour): int(count) for version, hour, count in labelled.all()}
    found = usable(connection, model_id, start, end)
    return [(version, hour, n, known.get((version, hour), 0)) for version, hour, n in found]


_LABELLED = (
    select(label_summaries.c.version, label_summaries.c.hour, func.sum(label_summaries.c.rows))
    .where(*summaries.LABELS_KNOWN)
    .group_by(label_summaries.c.version, label_summaries.c.hour)
)
