"""Stored readings: append only, a revision per change, and the daily-worst roll-up that pages read."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, or_, select

from alerting.reading import Reading
from detectors.measurement import IMMATURE_LABELS
from monitor import clock
from monitor.store.bulk import insert_fresh
from monitor.store.driver import as_json, run_many
from monitor.store.revisions import SERIES, newest
from monitor.store.tables import measured, readings

IMMATURE = "immature"  # in the roll-up in a verdict's place, whether there is one or not: labels are still coming
MONTH, WEEK = 30 * clock.DAY, 7 * clock.DAY
ROWS_MOVED = ("ks", "l_infinity", "class_share", "score_ks", "margin_ks", "prediction_ks")  # bounds are shares of rows

Series = tuple[str, str, str, str, str | None]  # metric, feature, segment, kind, version

_NAMES = (
    "model_id",
    "check_name",
    "kind",
    "metric",
    "feature",
    "segment",
    "version",
    "window_start",
    "window_end",
    "as_of",
    "revision",
    "value",
    "lower",
    "upper",
    "p_value",
    "threshold",
    "alpha",
    "verdict",
    "reason",
    "n_reference",
    "n_current",
    "mde",
    "reference_name",
    "reference_version",
    "config_version",
    "details",
)


@dataclass(frozen=True)
class Stored:
    """A reading with its id and the configuration version it was made under."""

    id: int
    reading: Reading
    config_version: int


def _key(reading: Reading) -> Series:
    return (reading.metric, reading.feature or "", reading.segment or "", reading.kind, _version(reading))


def _version(reading: Reading) -> str | None:
    # A pooled reading and one of rows without a version both show null; they are different series.
    return None if reading.details.get("pooled") else (reading.version or "")


def save(connection: Connection, model_id: int, config_version: int, made: Sequence[Reading]) -> list[Reading]:
    """Store what changed; the readings to answer with: new ones with their revision, else the stored ones.

    All of ``made`` are of one check, window and as_of.
    """
    if not made:
        return []
    one = made[0]
    known = _known(connection, model_id, one)
    answer, new = [], []
    for reading in made:
        basis, before = known.get(_key(reading), (reading, 0))
        if before and basis.as_of <= reading.as_of and _same(basis, reading):
            answer.append(basis)
        else:
            answer.append(replace(reading, revision=1 + before) if before else reading)
            new.append(answer[-1])
    rows = [(*_row(model_id, config_version, one), as_json(connection, one.details)) for one in new]
    insert_fresh(connection, readings, _NAMES, rows)
    _roll_up(connection, model_id, new)
    return answer


def _same(a: Reading, b: Reading) -> bool:
    return all(getattr(a, name) == getattr(b, name) for name in _COMPARED) and a.details == _plain(b.details)


_COMPARED = tuple(one.name for one in fields(Reading) if one.name not in ("as_of", "revision", "details"))


def _plain(details: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(details))


def _known(connection: Connection, model_id: int, one: Reading) -> dict[Series, tuple[Reading, int]]:
    """Of each series in the window of ``one`` what was known best at its as_of (where nothing was, what is known
    since), and the highest revision that there is."""
    mine = {"model": model_id, "check": one.check, "start": one.start, "end": one.end, "as_of": one.as_of}
    found = ((_reading(row), row.highest) for row in connection.execute(_OF_WINDOW, mine).all())
    return {_key(reading): (reading, highest) for reading, highest in found}


def _of_window() -> Select[Any]:
    t = readings.c
    before_later = (t.as_of > bindparam("as_of"), t.as_of.desc(), t.revision.desc())
    ranked = (
        select(
            t.id,
            func.row_number().over(partition_by=SERIES, order_by=before_later).label("place"),
            func.max(t.revision).over(partition_by=SERIES).label("highest"),
        )
        .where(
            t.model_id == bindparam("model"),
            t.window_end == bindparam("end"),
            t.check_name == bindparam("check"),
            t.window_start == bindparam("start"),
        )
        .subquery()
    )
    return select(readings, ranked.c.highest).join(ranked, ranked.c.id == t.id).where(ranked.c.place == 1)


_OF_WINDOW = _of_window()


def _row(model_id: int, config_version: int, r: Reading) -> tuple[Any, ...]:
    return (
        model_id,
        r.check,
        r.kind,
        r.metric,
        r.feature or "",
        r.segment or "",
        _version(r),
        r.start,
        r.end,
        r.as_of,
        r.revision,
        r.value,
        r.lower,
        r.upper,
        r.p_value,
        r.threshold,
        r.alpha,
        r.verdict,
        r.reason,
        r.n_reference,
        r.n_current,
        r.mde,
        r.reference_name,
        r.reference_version,
        config_version,
    )


def judged(row: Row[Any]) -> dict[str, Any]:
    """Of a row the fields of its reading that rules look at: series, window, and what was found."""
    return {
        "kind": row.kind,
        "metric": row.metric,
        "feature": row.feature or None,
        "segment": row.segment or None,
        "version": row.version or None,
        "start": row.window_start,
        "end": row.window_end,
        "as_of": row.as_of,
        "revision": row.revision,
        "value": row.value,
        "p_value": row.p_value,
        "verdict": row.verdict,
        "reason": row.reason,
        "n_current": row.n_current,
    }


def _reading(row: Row[Any]) -> Reading:
    return Reading(
        **judged(row),
        check=row.check_name,
        lower=row.lower,
        upper=row.upper,
        threshold=row.threshold,
        alpha=row.alpha,
        n_reference=row.n_reference,
        mde=row.mde,
        reference_name=row.reference_name,
        reference_version=row.reference_version,
        details=row.details,
    )


_DAILY = (
    "model_id",
    "day",
    "kind",
    "check_name",
    "metric",
    "feature",
    "segment",
    "version",
    "length_hours",
    "verdict",
    "value",
    "effect",
    "lower",
    "upper",
)


def _roll_up(connection: Connection, model_id: int, new: Sequence[Reading]) -> None:
    """Keep the worst reading of each series and day (a later revision of the same window counts like another)."""
    rows = [(model_id, *_daily_key(r), *_daily_numbers(r)) for r in new]
    run_many(connection, _KEEP_WORST, rows)


def _daily_numbers(r: Reading) -> tuple[str | float | None, ...]:
    """Verdict, value, effect and limits. While labels are still coming: the weighted ones where there are any, and no
    effect: these give way to whatever is known later."""
    if r.reason != IMMATURE_LABELS:
        return r.verdict, r.value, r.details.get("effect"), *_limits(r)
    weighted = r.details.get("weighted") or {"value": r.value, "lower": r.lower, "upper": r.upper}
    return IMMATURE, weighted["value"], None, weighted["lower"], weighted["upper"]


def _limits(reading: Reading) -> tuple[float | None, float | None]:
    """What bounds the number that pages draw: of rows moved the effect, which is what is judged, else the value."""
    if reading.metric not in ROWS_MOVED:
        return reading.lower, reading.upper
    lower, upper = (reading.details.get(name) for name in ("effect_lower", "effect_upper"))
    return (reading.lower if lower is None else lower), (reading.upper if upper is None else upper)


def _badness(row: str) -> str:
    ranks = f"WHEN '' THEN 0 WHEN '{IMMATURE}' THEN 0 WHEN 'critical' THEN 3 WHEN 'warning' THEN 2 ELSE 1"
    return f"(CASE coalesce({row}.verdict, '') {ranks} END, abs(coalesce({row}.effect, 0)))"


_KEEP_WORST = (
    f"INSERT INTO daily_worst ({', '.join(_DAILY)}) VALUES ({', '.join('?' * len(_DAILY))}) "
    "ON CONFLICT (model_id, day, check_name, metric, feature, segment, version, length_hours) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _DAILY[9:])
    + f" WHERE {_badness('excluded')} >= {_badness('daily_worst')}"
)


def _day(reading: Reading) -> int:
    return (reading.end - 1) // clock.DAY


def _daily_key(r: Reading) -> tuple[int, str, str, str, str, str, str, int]:
    version = _version(r)
    length = (r.end - r.start) // clock.HOUR
    pooled = "*" if version is None else version
    return (_day(r), r.kind, r.check, r.metric, r.feature or "", r.segment or "", pooled, length)


@dataclass(frozen=True)
class Query:
    """Filters of the reading route; times over the window's end, microseconds. ``features``: any of these; an empty
    text stands for readings of no feature, and of no segment."""

    check: str | None = None
    kind: str | None = None
    feature: str | None = None
    features: Collection[str] | None = None
    segment: str | None = None
    version: str | None = None
    metric: str | None = None
    verdict: str | None = None
    start: int | None = None
    end: int | None = None
    all_revisions: bool = False
    after_id: int = 0
    limit: int = 100


def find(connection: Connection, model_id: int, query: Query) -> list[Stored]:
    """Readings in the order they were stored; per series and window the newest knowledge unless all are asked for."""
    t = readings.c
    conditions = [t.model_id == model_id, t.id > query.after_id]
    for name, column in (("check", t.check_name), ("kind", t.kind), ("feature", t.feature), ("segment", t.segment)):
        if getattr(query, name) is not None:
            conditions.append(column == getattr(query, name))
    for name, column in (("version", t.version), ("metric", t.metric), ("verdict", t.verdict)):
        if getattr(query, name) is not None:
            conditions.append(column == getattr(query, name))
    if query.features is not None:
        conditions.append(t.feature.in_(query.features))
    if query.start is not None:
        conditions.append(t.window_end >= query.start)
    if query.end is not None:
        conditions.append(t.window_end <= query.end)
    if not query.all_revisions:
        conditions.append(~_superseded())
    rows = connection.execute(select(readings).where(*conditions).order_by(t.id).limit(query.limit))
    return [Stored(row.id, _reading(row), row.config_version) for row in rows]


def at_severity(
    connection: Connection,
    model_id: int,
    key: tuple[str, str | None, str],
    as_of: int,
    levels: Sequence[str],
    since: int,
) -> list[Reading]:
    """What was bad, as known at as_of, in the newest window that had a verdict of ``levels`` then, of the shortest
    where several end together. ``key``: check, version and segment; what was measured before ``since`` does not
    count."""
    t = readings.c
    check, version, segment = key
    of = [t.model_id == model_id, t.check_name == check, t.segment == segment]
    of += [t.as_of <= as_of, t.window_end <= as_of]
    of.append(t.version.is_(None) if version is None else t.version == version)
    bad = [*of, t.verdict.in_(levels), t.as_of >= since]
    query = select(t.window_end, t.window_start).where(*bad).order_by(t.window_end.desc(), t.window_start.desc())
    newest = connection.execute(query.limit(1)).first()
    if newest is None:
        return []
    here = [*of, t.window_end == newest.window_end, t.window_start == newest.window_start]
    known: dict[Series, Reading] = {}
    for row in connection.execute(select(readings).where(*here).order_by(t.as_of, t.revision)):
        reading = _reading(row)
        known[_key(reading)] = reading
    return [one for one in known.values() if one.verdict in levels]


def newest_at_severity(
    connection: Connection, model_id: int, check: str, version: str, segment: str, as_of: int
) -> int | None:
    """The end of the newest window of which a reading, made by as_of, is a warning or critical."""
    t = readings.c
    mine = (t.model_id == model_id, t.check_name == check, t.version == version, t.segment == segment)
    query = select(func.max(t.window_end)).where(*mine, t.verdict.in_(("warning", "critical")), t.as_of <= as_of)
    end: int | None = connection.execute(query).scalar_one()
    return end


def _superseded() -> Any:
    t, newer = readings.c, readings.alias("newer")
    n = newer.c
    same_version = or_(n.version == t.version, and_(n.version.is_(None), t.version.is_(None)))
    later = or_(n.as_of > t.as_of, and_(n.as_of == t.as_of, n.revision > t.revision))
    names = ("model_id", "window_end", "check_name", "window_start", "metric", "feature", "segment")
    same = [getattr(n, name) == getattr(t, name) for name in names]
    return select(n.id).where(*same, same_version, later).exists()


def told_before(
    connection: Connection,
    model_id: int,
    check: str,
    length_hours: int,
    end: int,
    features: Collection[str | None],
) -> set[tuple[str, str | None, str | None, str | None]]:
    """Metric, feature, version and segment of every series of these features that could be told in a window of this
    length that ended in the 30 days before ``end``, or the 7 days of one shorter than a day. No version stands for all
    together and for rows without one."""
    t = readings.c
    since = end - (MONTH if length_hours >= 24 else WEEK)
    query = select(t.metric, t.feature, t.version, t.segment).distinct()
    mine = (t.model_id == model_id, t.check_name == check, t.window_end >= since, t.window_end < end)
    there = (t.window_start == t.window_end - length_hours * clock.HOUR, t.feature.in_([one or "" for one in features]))
    rows = connection.execute(query.where(*mine, *there, t.verdict.in_(("ok", "warning", "critical")))).all()
    return {(metric, feature or None, version or None, segment or None) for metric, feature, version, segment in rows}


def newest_judged(connection: Connection, model_id: int, limit: int) -> list[Reading]:
    """The judged readings of each check's newest window of each length, at most ``limit``."""
    t = readings.c
    found: list[Reading] = []
    ends = (
        select(measured.c.check_name, measured.c.length_hours, func.max(measured.c.window_end))
        .where(measured.c.model_id == model_id)
        .group_by(measured.c.check_name, measured.c.length_hours)
    )
    for check, length, end in connection.execute(ends).all():
        here = (t.model_id == model_id, t.window_end == end, t.check_name == check)
        best = newest(*here, t.window_start == end - length * clock.HOUR)
        mine = (t.id.in_(best), t.verdict.is_not(None))  # not one that was judged before it no longer could be
        known = select(readings).where(*mine).order_by(t.id).limit(limit - len(found))
        rows = connection.execute(known)
        found += [_reading(row) for row in rows]
    return found
