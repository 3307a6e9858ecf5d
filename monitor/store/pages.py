"""What pages read: the daily-worst roll-up (or, for short stretches, single windows), rows per hour, open alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from detectors.measurement import IMMATURE_LABELS
from monitor import clock
from monitor.store import models, tables, unusable
from monitor.store.readings import IMMATURE, ROWS_MOVED
from monitor.store.revisions import newest
from monitor.store.tables import (
    alerts,
    daily_worst,
    label_summaries,
    measured,
    readings,
    silences,
    summaries,
    trigger_runs,
)

POOLED = "*"
RANKS = {"ok": 1, "cannot_tell": 1, "warning": 2, "critical": 3}
MANY = 8  # revisions of a reading


@dataclass(frozen=True)
class Point:
    """The worst of one series on one day (``at``: the day's start), or one window of it (``at``: its end). Of rows
    moved, ``lower`` and ``upper`` bound the effect, which is judged.

    ``verdict`` is ``immature`` while labels are still coming, also where there is none; the numbers are then what they
    point to, where that is known."""

    at: int
    check: str
    metric: str
    feature: str
    segment: str
    version: str
    length_hours: int
    verdict: str | None
    value: float | None
    effect: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Wanted:
    """Which points: of a kind, ends in (start, end] (microseconds), of all rows or of one segment (None: of every one),
    narrowed by whatever is given."""

    kind: str
    start: int
    end: int
    metrics: Sequence[str] | None = None
    checks: Sequence[str] | None = None
    features: Sequence[str] | None = None
    length_hours: int | None = None
    pooled_only: bool = False
    segment: str | None = ""


def daily(connection: Connection, model_id: int, wanted: Wanted) -> list[Point]:
    """The worst of each day, in order of time."""
    t = daily_worst.c
    series = (t.check_name, t.metric, t.feature, t.segment, t.version, t.length_hours)
    columns = (*series, t.verdict, t.value, t.effect, t.lower, t.upper)
    query = select(t.day, *columns).where(*_daily_filters(model_id, wanted)).order_by(t.day)
    return [Point(row[0] * clock.DAY, *tuple(row)[1:]) for row in connection.execute(query)]


def _daily_filters(model_id: int, wanted: Wanted) -> list[ColumnElement[bool]]:
    t = daily_worst.c
    first, last = wanted.start // clock.DAY, (wanted.end - 1) // clock.DAY
    filters = [t.model_id == model_id, t.day >= first, t.day <= last, t.kind == wanted.kind]
    filters += _narrowed(t, wanted)
    if wanted.length_hours is not None:
        filters.append(t.length_hours == wanted.length_hours)
    if wanted.pooled_only:
        filters.append(t.version == POOLED)
    return filters


def _narrowed(t: Any, wanted: Wanted) -> list[ColumnElement[bool]]:
    given = ((t.metric, wanted.metrics), (t.check_name, wanted.checks), (t.feature, wanted.features))
    narrowed = [column.in_(list(values)) for column, values in given if values is not None]
    return narrowed if wanted.segment is None else [t.segment == wanted.segment, *narrowed]


def windows(connection: Connection, model_id: int, wanted: Wanted) -> list[Point]:
    """Every window by itself, each as it is known best; for stretches of days, not of months."""
    t = readings.c
    length = t.window_end - t.window_start
    effect = t.details["effect"].as_float()
    filters = [t.model_id == model_id, t.window_end > wanted.start, t.window_end <= wanted.end, t.kind == wanted.kind]
    filters += _narrowed(t, wanted)
    if wanted.length_hours is not None:
        filters.append(length == wanted.length_hours * clock.HOUR)
    if wanted.pooled_only:
        filters.append(t.version.is_(None))
    if connection.execute(select(t.id).where(*filters, t.revision >= MANY).limit(1)).first() is not None:
        filters = [t.id.in_(newest(*filters))]  # which otherwise takes longer than to read them all
    version = func.coalesce(t.version, POOLED)
    columns = (length, t.check_name, t.metric, t.feature, t.segment, version)
    verdict = case((t.reason == IMMATURE_LABELS, IMMATURE), else_=t.verdict)
    moved = t.metric.in_(ROWS_MOVED)
    lower = case((moved, func.coalesce(t.details["effect_lower"].as_float(), t.lower)), else_=_so_far(t, "lower"))
    upper = case((moved, func.coalesce(t.details["effect_upper"].as_float(), t.upper)), else_=_so_far(t, "upper"))
    numbers = (verdict, _so_far(t, "value"), effect, lower, upper)
    query = select(t.window_end, *columns, *numbers).where(*filters).order_by(t.window_end, t.as_of, t.revision)
    known: dict[tuple[Any, ...], Point] = {}
    for end, microseconds, check, metric, feature, segment, of_version, *rest in connection.execute(query):
        key = (end, check, metric, feature, segment, of_version, microseconds // clock.HOUR)
        known[key] = Point(*key, *rest)
    return list(known.values())


def _so_far(t: Any, name: str) -> Any:
    """The number that is drawn: of labels that are still coming the weighted one, where there is one."""
    column = getattr(t, name)
    weighted = t.details["weighted", name].as_float()
    return case((t.reason == IMMATURE_LABELS, func.coalesce(weighted, column)), else_=column)


def worst_series(connection: Connection, model_id: int, wanted: Wanted, only_bad: bool) -> list[tuple[str, str, str]]:
    """(check, metric, feature) with anything in the stretch, the worst first: by verdict, then by the lower bound."""
    t = daily_worst.c
    rank, size = func.max(_rank(t.verdict)), func.max(func.coalesce(t.lower, t.effect, 0.0))
    query = select(t.check_name, t.metric, t.feature).where(*_daily_filters(model_id, wanted))
    query = query.group_by(t.check_name, t.metric, t.feature).order_by(rank.desc(), size.desc(), t.feature, t.metric)
    if only_bad:
        query = query.having(rank >= RANKS["warning"])
    return [(check, metric, feature) for check, metric, feature in connection.execute(query)]


def _rank(column: Any) -> Any:
    return case(RANKS, value=column, else_=0)


@dataclass(frozen=True)
class HourRows:
    """Predictions of one version in one hour, how many of them are of use, and how many have a label by now."""

    hour: int
    version: str
    rows: int
    usable: int
    labelled: int


def rows_by_hour(
    connection: Connection, model_id: int, start: int, end: int, known: int, segment: str = ""
) -> list[HourRows]:
    """Rows and labels of the hours from ``start`` to ``end`` (microseconds), labels as known at ``known``; of all rows
    or of one segment."""
    hours = start // clock.HOUR, -(-end // clock.HOUR)
    labelled = _labelled(connection, model_id, hours, known // clock.HOUR, segment)
    without = unusable.by_hour(connection, model_id, *hours, segment)
    t = summaries.c
    mine = and_(t.model_id == model_id, t.segment == segment, t.hour >= hours[0], t.hour < hours[1])
    query = select(t.hour, t.version, func.sum(t.rows)).where(mine).group_by(t.hour, t.version).order_by(t.hour)
    found = connection.execute(query)
    return [
        HourRows(hour, version, int(n), int(n) - without.get((version, hour), 0), labelled.get((hour, version), 0))
        for hour, version, n in found
    ]


def _labelled(
    connection: Connection, model_id: int, hours: tuple[int, int], known_hour: int, segment: str
) -> dict[tuple[int, str], int]:
    t = label_summaries.c
    mine = and_(t.model_id == model_id, t.segment == segment, t.hour >= hours[0], t.hour < hours[1])
    query = select(t.hour, t.version, func.sum(t.rows)).where(mine, t.known_hour <= known_hour)
    return {(hour, version): int(n) for hour, version, n in connection.execute(query.group_by(t.hour, t.version))}


@dataclass(frozen=True)
class FleetRow:
    """A model in the fleet with the number of its open alerts."""

    model: models.Model
    critical: int
    warning: int
    pending: int


def fleet(connection: Connection, search: str, limit: int, offset: int) -> list[FleetRow]:
    """Models whose name contains ``search``: those with critical alerts first, then those with warnings, then by
    name."""
    a, m = alerts.c, tables.models.c

    def number(condition: ColumnElement[bool]) -> Any:
        return select(func.count()).where(a.model_id == m.id, condition).scalar_subquery()

    critical = number(and_(a.state == "firing", a.severity == "critical"))
    warning = number(and_(a.state == "firing", a.severity == "warning"))
    pending = number(a.state == "pending")
    query = select(m.name, critical, warning, pending)
    if search:
        query = query.where(m.name.contains(search, autoescape=True))
    query = query.order_by(critical.desc(), warning.desc(), m.name).limit(limit).offset(offset)
    found = []
    for name, *counts in connection.execute(query).all():
        model = models.find(connection, name)
        if model is not None:
            found.append(FleetRow(model, *counts))
    return found


def model_names(connection: Connection, limit: int) -> list[str]:
    """Names of models, in order."""
    m = tables.models.c
    return list(connection.execute(select(m.name).order_by(m.name).limit(limit)).scalars())


def worst_by_day(connection: Connection, model_id: int, start: int, end: int) -> list[tuple[int, float, int]]:
    """(day's start, farthest drift's lower bound, worst verdict's rank) of pooled readings at the shortest length."""
    t = daily_worst.c
    first, last = start // clock.DAY, (end - 1) // clock.DAY
    kinds = t.kind.in_(("data_drift", "prediction_drift"))
    days = and_(t.model_id == model_id, t.day >= first, t.day <= last, kinds, t.segment == "", t.version == POOLED)
    shortest = select(func.min(t.length_hours)).where(days).scalar_subquery()
    moved = case((t.metric.in_(ROWS_MOVED), func.coalesce(t.lower, 0.0)), else_=0.0)
    query = select(t.day, func.max(moved), func.max(_rank(t.verdict)))
    query = query.where(days, t.length_hours == shortest).group_by(t.day).order_by(t.day)
    return [(day * clock.DAY, max(float(size), 0.0), int(rank)) for day, size, rank in connection.execute(query)]


def alerts_between(connection: Connection, model_id: int, start: int, end: int, limit: int) -> list[dict[str, Any]]:
    """Alerts of a model that were firing at some time in the stretch, oldest first; times in microseconds."""
    t = alerts.c
    over = or_(t.resolved_at.is_(None), t.resolved_at >= start)
    columns = (t.id, t.rule, t.check_name, t.severity, t.state, t.version, t.summary, t.fired_at, t.resolved_at)
    query = select(*columns).where(t.model_id == model_id, t.fired_at.is_not(None), t.fired_at <= end, over)
    newest = connection.execute(query.order_by(t.fired_at.desc(), t.id).limit(limit)).mappings()
    return [dict(row) for row in newest][::-1]


@dataclass(frozen=True)
class Fired:
    """How many alerts began to fire: of checks that a promise covers, of others, and how many of the first were
    ``called_false``."""

    covered: int
    others: int
    called_false: int


def count_fired(connection: Connection, model_id: int, start: int, end: int, covered: Sequence[str]) -> Fired:
    """Alerts that began to fire in the stretch, those of the ``covered`` checks apart."""
    t = alerts.c
    called = func.count(t.details["false_alarm"].as_string())
    query = select(t.check_name, func.count(), called).where(
        t.model_id == model_id, t.fired_at > start, t.fired_at <= end
    )
    found = connection.execute(query.group_by(t.check_name)).all()
    mine = [(int(count), int(false)) for name, count, false in found if name in covered]
    opened = sum(count for count, _ in mine)
    return Fired(opened, sum(int(count) for _, count, _ in found) - opened, sum(false for _, false in mine))


def retrainings_between(connection: Connection, model_id: int, start: int, end: int) -> list[dict[str, Any]]:
    """Retraining runs that runs in the stretch asked for; ``as_of`` in microseconds."""
    t = trigger_runs.c
    query = select(t.id, t.as_of, t.state, t.trigger_name, t.alert_id)
    query = query.where(t.model_id == model_id, t.as_of > start, t.as_of <= end).order_by(t.as_of)
    return [dict(row) for row in connection.execute(query).mappings()]


def silences_at(connection: Connection, now: int) -> list[dict[str, Any]]:
    """Silences that are not over; ``until`` in microseconds."""
    query = select(silences).where(silences.c.until > now).order_by(silences.c.until)
    return [dict(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True)
class Sight:
    """What a check could see in its newest window of a length: the smallest effect (``mde``) of each feature, by how
    much the reference's replay widened its variance (None where not), whether the reference was short, and whether it
    could be replayed."""

    length_hours: int
    feature: str
    mde: float
    calibration: float | None
    short: bool
    replayed: bool
    odd: tuple[str, str] | None = None


def sights(connection: Connection, model_id: int, check: str, end: int) -> list[Sight]:
    """Of the judged readings of a check's newest window of each length that ends at or before ``end``."""
    t, m = readings.c, measured.c
    mine = [m.model_id == model_id, m.check_name == check, m.window_end <= end]
    ends = select(m.length_hours, func.max(m.window_end)).where(*mine).group_by(m.length_hours)
    found: dict[tuple[int, str], Sight] = {}
    for length, last in connection.execute(ends).all():
        here = [t.model_id == model_id, t.check_name == check, t.window_end == last, t.segment == ""]
        here += [t.window_start == last - length * clock.HOUR, t.alpha.is_not(None), t.mde.is_not(None)]
        here.append(t.feature != "")  # the rest is no share of rows
        flags = (t.details[name].as_boolean() for name in ("short_reference", "replayed"))
        odd = (t.details["odd_hours", name].as_string() for name in ("start", "end"))
        columns = (t.feature, t.mde, t.details["calibration"].as_float(), *flags, *odd)
        known = select(*columns).where(t.id.in_(newest(*here))).order_by(t.id)
        for feature, mde, calibration, short, replayed, start, last in connection.execute(known):
            spell = None if start is None else (start, last)
            found[length, feature] = Sight(length, feature, mde, calibration, bool(short), replayed is not False, spell)
    return [found[key] for key in sorted(found)]


@dataclass(frozen=True)
class Newest:
    """A reading of a newest window, as pages tell it."""

    check: str
    kind: str
    metric: str
    feature: str
    segment: str
    version: str | None
    end: int
    start: int
    verdict: str | None
    reason: str | None
    value: float | None
    alpha: float | None
    n_current: int
    mde: float | None
    effect: float | None
    summary: str | None


def newest_windows(
    connection: Connection, model_id: int, end: int, feature: str | None = None, segment: str | None = ""
) -> list[Newest]:
    """Readings (of a feature, or all) of each check's newest window of each length that ends at or before ``end``,
    each as it is known best; the worst first. Of all rows or of one segment; ``None``: of every segment."""
    t = readings.c
    length = (t.window_end - t.window_start).label("length")
    mine = [t.model_id == model_id, t.window_end <= end, t.window_end > end - 9 * clock.DAY]
    if segment == "":  # a reading of fairness is about all rows, group by group
        mine.append(or_(t.segment == "", t.kind == "fairness"))
    else:
        mine += [t.segment != "" if segment is None else t.segment == segment, t.kind != "fairness"]
    last = select(t.check_name, length, func.max(t.window_end).label("end")).where(*mine)
    ends = last.group_by(t.check_name, length).subquery()
    joined = and_(ends.c.check_name == t.check_name, ends.c.length == length, ends.c.end == t.window_end)
    details = (t.details["effect"].as_float(), t.details["summary"].as_string())
    series = (t.check_name, t.kind, t.metric, t.feature, t.segment, t.version, t.window_end, t.window_start)
    columns = (*series, t.verdict, t.reason, t.value, t.alpha, t.n_current, t.mde, *details)
    if feature is not None:
        mine.append(t.feature == feature)
    known = select(*columns).where(t.id.in_(newest(*mine, among=readings.join(ends, joined))))
    return sorted((Newest(*tuple(row)) for row in connection.execute(known.order_by(t.as_of, t.id))), key=_badness)


def _badness(one: Newest) -> tuple[float, float, str, str, int]:
    rank = RANKS.get(one.verdict or "", 0) + (0.5 if one.verdict == "cannot_tell" else 0)
    return (-rank, -abs(one.effect or 0.0), one.feature, one.metric, one.start)
