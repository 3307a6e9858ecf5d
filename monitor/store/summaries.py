"""Hourly summaries and the hours that wait for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, delete, func, select

from monitor.store import unusable
from monitor.store.bulk import insert_fresh
from monitor.store.driver import run, run_many
from monitor.store.tables import dirty_hours, ingest_counts, label_summaries, models, summaries


@dataclass(frozen=True)
class Dirty:
    """An hour that changed since it was summarised; ``change`` orders the writes."""

    hour: int
    change: int
    labels_only: bool


@dataclass(frozen=True)
class Summary:
    """One hour of one model version, of all rows or of one segment (``name=value``)."""

    version: str
    hour: int
    rows: int
    newest: int  # time of the hour's newest prediction, microseconds
    change: int
    data: bytes
    segment: str = ""
    unusable: int = 0  # rows of it without a prediction of any use; written, not read


@dataclass(frozen=True)
class LabelSummary:
    """What became known at ``known_hour`` of the labels of one hour's predictions."""

    version: str
    hour: int
    known_hour: int
    rows: int
    change: int
    data: bytes
    segment: str = ""


def dirty(connection: Connection, model_id: int, before_hour: int) -> list[Dirty]:
    """Hours before ``before_hour`` that wait, in order."""
    query = (
        select(dirty_hours)
        .where(dirty_hours.c.model_id == model_id, dirty_hours.c.hour < before_hour)
        .order_by(dirty_hours.c.hour)
    )
    return [Dirty(r["hour"], r["change"], r["labels_only"]) for r in connection.execute(query).mappings()]


def counted_up_to(connection: Connection, model_id: int, before_hour: int, change: int) -> int:
    """The newest change of which all that it did to hours before ``before_hour`` is in their summaries; at most
    ``change``. A post may come in between counting and measuring."""
    oldest: int | None = connection.execute(_OLDEST, {"model": model_id, "before": before_hour}).scalar_one()
    return change if oldest is None else min(change, oldest - 1)


_OLDEST = select(func.min(dirty_hours.c.change)).where(
    dirty_hours.c.model_id == bindparam("model"), dirty_hours.c.hour < bindparam("before")
)


def waits(connection: Connection, name: str, before_hour: int) -> bool:
    """Whether the model of that name has an hour before ``before_hour`` that waits."""
    return connection.execute(_WAITS, {"name": name, "before": before_hour}).first() is not None


_WAITS = (
    select(dirty_hours.c.hour)
    .join(models, models.c.id == dirty_hours.c.model_id)
    .where(models.c.name == bindparam("name"), dirty_hours.c.hour < bindparam("before"))
    .limit(1)
)


def models_waiting(connection: Connection) -> list[str]:
    """Names of models with hours that wait."""
    query = (
        select(models.c.name).where(models.c.id.in_(select(dirty_hours.c.model_id).distinct())).order_by(models.c.id)
    )
    return list(connection.execute(query).scalars())


def count_dirty(connection: Connection) -> int:
    """How many hours wait, over all models."""
    return int(connection.execute(select(func.count()).select_from(dirty_hours)).scalar_one())


def settle(connection: Connection, model_id: int, done: Iterable[Dirty]) -> None:
    """Take back the marks that are still as they were read; a newer write keeps its mark."""
    statement = "DELETE FROM dirty_hours WHERE model_id = ? AND hour = ? AND change = ?"
    run_many(connection, statement, [(model_id, mark.hour, mark.change) for mark in done])


def mark_all_dirty(connection: Connection, model_id: int) -> None:
    """Every hour that has a summary waits again: the cuts are new. Its rows are not, so its change stays, and windows
    that were measured on the old cuts keep their readings."""
    run(
        connection,
        "INSERT INTO dirty_hours (model_id, hour, change, labels_only)"
        " SELECT model_id, hour, max(change), FALSE FROM (SELECT model_id, hour, change FROM summaries"
        " UNION ALL SELECT model_id, hour, change FROM label_summaries) counted"
        " WHERE model_id = ? GROUP BY model_id, hour"
        " ON CONFLICT (model_id, hour) DO UPDATE SET labels_only = FALSE",
        (model_id,),
    )


def replace(
    connection: Connection, model_id: int, binning_id: int, hours: Sequence[int], rows: Iterable[Summary]
) -> None:
    """These are now all the summaries of those hours (whatever binning they were counted on before)."""
    _forget(connection, "summaries", model_id, hours)
    names = ("model_id", "binning_id", "version", "segment", "hour", "rows", "newest", "change", "data")
    made = list(rows)
    values = ((model_id, binning_id, r.version, r.segment, r.hour, r.rows, r.newest, r.change, r.data) for r in made)
    insert_fresh(connection, summaries, names, values)
    found = [(r.version, r.segment, r.hour, r.unusable) for r in made if r.unusable]
    unusable.replace(connection, model_id, hours, found)


def replace_labels(
    connection: Connection, model_id: int, binning_id: int, hours: Sequence[int], rows: Iterable[LabelSummary]
) -> None:
    """These are now all the label summaries of those hours."""
    _forget(connection, "label_summaries", model_id, hours)
    names = ("model_id", "binning_id", "version", "segment", "hour", "known_hour", "rows", "change", "data")
    values = (
        (model_id, binning_id, r.version, r.segment, r.hour, r.known_hour, r.rows, r.change, r.data) for r in rows
    )
    insert_fresh(connection, label_summaries, names, values)


def _forget(connection: Connection, table: str, model_id: int, hours: Sequence[int]) -> None:
    run_many(connection, f"DELETE FROM {table} WHERE model_id = ? AND hour = ?", [(model_id, hour) for hour in hours])


def load(
    connection: Connection, model_id: int, binning_id: int, start: int, end: int, segment: str = ""
) -> list[Summary]:
    """Summaries of hours [start, end) of all rows or of one segment, by hour and version."""
    values = {"model": model_id, "binning": binning_id, "start": start, "end": end, "segment": segment}
    return [Summary(*row) for row in connection.execute(_LOAD, values).all()]


def load_segments(connection: Connection, model_id: int, binning_id: int, start: int, end: int) -> list[Summary]:
    """Summaries of every segment in hours [start, end), by segment, hour and version."""
    values = {"model": model_id, "binning": binning_id, "start": start, "end": end}
    return [Summary(*row) for row in connection.execute(_LOAD_SEGMENTS, values).all()]


_IN_HOURS = select(
    *(summaries.c[name] for name in ("version", "hour", "rows", "newest", "change", "data", "segment"))
).where(
    summaries.c.model_id == bindparam("model"),
    summaries.c.binning_id == bindparam("binning"),
    summaries.c.hour >= bindparam("start"),
    summaries.c.hour < bindparam("end"),
)
_LOAD = _IN_HOURS.where(summaries.c.segment == bindparam("segment")).order_by(summaries.c.hour, summaries.c.version)
_LOAD_SEGMENTS = _IN_HOURS.where(summaries.c.segment != "").order_by(
    summaries.c.segment, summaries.c.hour, summaries.c.version
)


def load_labels(
    connection: Connection, model_id: int, binning_id: int, start: int, end: int, known_hour: int, segment: str = ""
) -> list[LabelSummary]:
    """Label summaries of predictions of hours [start, end) as known at ``known_hour``, by hour, version, known hour; of
    all rows or of one segment."""
    hours = {"start": start, "end": end, "known": known_hour}
    values = {"model": model_id, "binning": binning_id, "segment": segment, **hours}
    return [LabelSummary(*row) for row in connection.execute(_LOAD_LABELS, values).all()]


def load_segment_labels(
    connection: Connection, model_id: int, binning_id: int, start: int, end: int, known_hour: int
) -> list[LabelSummary]:
    """The like of every segment, by segment first."""
    values = {"model": model_id, "binning": binning_id, "start": start, "end": end, "known": known_hour}
    return [LabelSummary(*row) for row in connection.execute(_LOAD_SEGMENT_LABELS, values).all()]


_LABELS_IN_HOURS = select(
    *(label_summaries.c[name] for name in ("version", "hour", "known_hour", "rows", "change", "data", "segment"))
).where(
    label_summaries.c.model_id == bindparam("model"),
    label_summaries.c.binning_id == bindparam("binning"),
    label_summaries.c.hour >= bindparam("start"),
    label_summaries.c.hour < bindparam("end"),
    label_summaries.c.known_hour <= bindparam("known"),
)
_LABEL_ORDER = (label_summaries.c.hour, label_summaries.c.version, label_summaries.c.known_hour)
_LOAD_LABELS = _LABELS_IN_HOURS.where(label_summaries.c.segment == bindparam("segment")).order_by(*_LABEL_ORDER)
_LOAD_SEGMENT_LABELS = _LABELS_IN_HOURS.where(label_summaries.c.segment != "").order_by(
    label_summaries.c.segment, *_LABEL_ORDER
)


def load_labels_of(
    connection: Connection, model_id: int, binning_id: int, hours: Sequence[int], known_hour: int
) -> list[LabelSummary]:
    """The like for single hours."""
    values = {"model": model_id, "binning": binning_id, "hours": list(hours), "known": known_hour}
    return [LabelSummary(*row) for row in connection.execute(_LOAD_LABELS_OF, values).all()]


_LOAD_LABELS_OF = (
    select(*(label_summaries.c[name] for name in ("version", "hour", "known_hour", "rows", "change", "data")))
    .where(
        label_summaries.c.model_id == bindparam("model"),
        label_summaries.c.binning_id == bindparam("binning"),
        label_summaries.c.segment == "",
        label_summaries.c.hour.in_(bindparam("hours", expanding=True)),
        label_summaries.c.known_hour <= bindparam("known"),
    )
    .order_by(label_summaries.c.hour, label_summaries.c.version, label_summaries.c.known_hour)
)


def label_changes(connection: Connection, model_id: int, binning_id: int, hours: Sequence[int]) -> dict[int, int]:
    """By which change the labels of each of these hours were counted, of those that have any on these cuts. An hour's
    labels are counted all at once: one row tells."""
    found: dict[int, int] = {}
    for start in range(0, len(hours), HOURS_AT_ONCE):
        part = list(hours[start : start + HOURS_AT_ONCE])
        values = {"model": model_id, "binning": binning_id, "hours": part}
        found |= {hour: change for hour, change in connection.execute(_LABEL_CHANGES, values) if change is not None}
    return found


HOURS_AT_ONCE = 500  # a statement takes so many values
_one = label_summaries.alias()
_LABEL_CHANGES = (
    select(
        summaries.c.hour,
        select(_one.c.change)
        .where(
            _one.c.model_id == summaries.c.model_id,
            _one.c.hour == summaries.c.hour,
            _one.c.binning_id == bindparam("binning"),
        )
        .limit(1)
        .scalar_subquery(),
    )
    .where(
        summaries.c.model_id == bindparam("model"),
        summaries.c.segment == "",
        summaries.c.hour.in_(bindparam("hours", expanding=True)),
    )
    .distinct()
)


def predicted(connection: Connection, model_id: int, start: int, end: int) -> list[tuple[str, int, int]]:
    """(version, hour, predictions) for hours [start, end) that have rows."""
    rows = connection.execute(_PREDICTED, {"model": model_id, "start": start, "end": end}).all()
    return [(version, hour, count) for version, hour, count in rows]


def newest_row(connection: Connection, model_id: int, version: str, before_hour: int) -> int | None:
    """Time of a version's newest prediction before that hour, microseconds; None where it has none."""
    values = {"model": model_id, "version": version, "before": before_hour}
    found: int | None = connection.execute(_NEWEST_ROW, values).scalar_one()
    return found


_NEWEST_ROW = select(func.max(summaries.c.newest)).where(
    summaries.c.model_id == bindparam("model"),
    summaries.c.segment == "",
    summaries.c.version == bindparam("version"),
    summaries.c.hour < bindparam("before"),
)

# Both in an order of their own: floats that are added up in another one are another number to the last digit.
_PREDICTED = (
    select(summaries.c.version, summaries.c.hour, summaries.c.rows)
    .where(
        summaries.c.model_id == bindparam("model"),
        summaries.c.segment == "",
        summaries.c.hour >= bindparam("start"),
        summaries.c.hour < bindparam("end"),
    )
    .order_by(summaries.c.hour, summaries.c.version)
)


def label_delays(
    connection: Connection, model_id: int, start: int, end: int, known_hour: int
) -> list[tuple[str, int, int, int]]:
    """(version, hour, hour at which they became known, labels) of predictions of hours [start, end), as known at
    ``known_hour``."""
    values = {"model": model_id, "start": start, "end": end, "known": known_hour}
    return [(row[0], row[1], row[2], int(row[3])) for row in connection.execute(_DELAYS, values)]


LABELS_KNOWN = (  # of all rows, predicted in hours [start, end)
    label_summaries.c.model_id == bindparam("model"),
    label_summaries.c.segment == "",
    label_summaries.c.hour >= bindparam("start"),
    label_summaries.c.hour < bindparam("end"),
    label_summaries.c.known_hour <= bindparam("known"),
)
_DELAYS = (
    select(label_summaries.c.version, label_summaries.c.hour, label_summaries.c.known_hour, label_summaries.c.rows)
    .where(*LABELS_KNOWN)
    .order_by(label_summaries.c.hour, label_summaries.c.version, label_summaries.c.known_hour)
)


def changed_hours(connection: Connection, model_id: int, start: int, end: int, since: int, *, labels: bool) -> set[int]:
    """Hours of [start, end) whose rows (or ``labels``, too) were counted again after change ``since``."""
    found: set[int] = set()
    for table in (summaries, label_summaries) if labels else (summaries,):
        query = select(table.c.hour).where(
            table.c.model_id == model_id, table.c.hour >= start, table.c.hour < end, table.c.change > since
        )
        found |= set(connection.execute(query.distinct()).scalars())
    return found


def newest_change(connection: Connection, model_id: int, start: int, end: int) -> int:
    """The newest change of the rows of hours [start, end); 0 without any."""
    t = summaries.c
    query = select(func.max(t.change)).where(t.model_id == model_id, t.hour >= start, t.hour < end)
    return int(connection.execute(query).scalar() or 0)


def state_of(
    connection: Connection, model_id: int, binning_id: int, start: int, end: int, known_hour: int, segment: str
) -> tuple[int, ...]:
    """What tells whether ``load`` and ``load_labels`` would answer as before: how many summaries, how many rows and the
    newest change, of both."""
    found: list[int] = []
    for table in (summaries, label_summaries):
        t = table.c
        query = select(func.count(), func.coalesce(func.sum(t.rows), 0), func.coalesce(func.max(t.change), 0)).where(
            t.model_id == model_id, t.binning_id == binning_id, t.hour >= start, t.hour < end, t.segment == segment
        )
        known = query if table is summaries else query.where(label_summaries.c.known_hour <= known_hour)
        found += map(int, connection.execute(known).one())
    return tuple(found)


def newest_labels(connection: Connection, model_id: int, start: int, end: int, until: int) -> list[tuple[int, int]]:
    """For each hour of [start, end) with labels: the newest hour, up to ``until``, at which one became known."""
    t = label_summaries.c
    query = (
        select(t.hour, func.max(t.known_hour))
        .where(t.model_id == model_id, t.hour >= start, t.hour < end, t.known_hour <= until)
        .group_by(t.hour)
    )
    return [(hour, known) for hour, known in connection.execute(query).all()]


def hours_labelled(connection: Connection, model_id: int, start: int, end: int, since: int, until: int) -> list[int]:
    """Hours of [start, end) of whose predictions a label became known after hour ``since``, up to ``until``."""
    t = label_summaries.c
    query = select(t.hour).where(
        t.model_id == model_id, t.hour >= start, t.hour < end, t.known_hour > since, t.known_hour <= until
    )
    return list(connection.execute(query.distinct().order_by(t.hour)).scalars())


def newest_prediction(connection: Connection, model_id: int, before_hour: int) -> int | None:
    """Time of the newest prediction before an hour, microseconds."""
    mine = and_(summaries.c.model_id == model_id, summaries.c.hour < before_hour)
    newest = select(func.max(summaries.c.hour)).where(mine).scalar_subquery()
    query = select(func.max(summaries.c.newest)).where(summaries.c.model_id == model_id, summaries.c.hour == newest)
    time: int | None = connection.execute(query).scalar_one()
    return time


def rejects(connection: Connection, model_id: int, start: int, end: int) -> tuple[int, int]:
    """How many rows of hours [start, end) were rejected, and how many resends had other content."""
    t = ingest_counts.c
    query = select(func.coalesce(func.sum(t.rejected), 0), func.coalesce(func.sum(t.conflicting), 0)).where(
        t.model_id == model_id, t.hour >= start, t.hour < end
    )
    rejected, conflicting = connection.execute(query).one()
    return int(rejected), int(conflicting)


def drop_before(connection: Connection, model_id: int, hour: int) -> None:
    """Forget summaries of rows older than an hour; for those of labels see ``pinned_hours``."""
    connection.execute(delete(summaries).where(summaries.c.model_id == model_id, summaries.c.hour < hour))
    unusable.drop_before(connection, model_id, hour)
