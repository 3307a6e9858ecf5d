"""Answers the dashboards' queries from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerting.seen import would_be_seen
from dashboards import queries
from dashboards.queries import Answer, Grid, Line, Lines, Mark, Marks, Query, Rows, Said, Scope, SideBySide
from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.page_data import column_days
from monitor.store import models, pages
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.pages import HourRows, Point, Wanted

HOURLY = 4 * clock.DAY  # up to here rows are shown per hour
MOST_ALERTS = 200


@dataclass(frozen=True)
class Reader:
    """One model within one unit of work; ``frame`` None before anything was counted; ``sides`` the answer of
    ``distributions`` where the page is about a feature."""

    connection: Connection
    model: Model
    frame: Frame | None
    now: int
    sides: Mapping[str, Any] | None = None


def answer(reader: Reader, scope: Scope, asked: Sequence[Query]) -> dict[Query, Answer]:
    """Each distinct query, answered once."""
    return {query: _ANSWERS[type(query)](reader, scope, query) for query in dict.fromkeys(asked)}


def _series(reader: Reader, scope: Scope, query: queries.Series) -> Lines:
    if query.source == "rows":
        return Lines(_rows(reader, scope))
    if query.source == "column":
        return Lines(column_days.lines(reader.frame, query.feature or "", scope.start, scope.end, scope.segment))
    features = None if query.feature is None else [query.feature]
    of_columns = query.kind == "fairness" and not scope.segment  # is about all rows, column by column
    segment = None if of_columns else scope.segment
    wanted = Wanted(query.kind or "", scope.start, scope.end, features=features, segment=segment)
    return Lines(_lines(_points(reader, scope, wanted)))


def _points(reader: Reader, scope: Scope, wanted: Wanted) -> list[Point]:
    read = pages.windows if scope.fine else pages.daily
    return read(reader.connection, reader.model.id, wanted)


def _lines(points: Sequence[Point]) -> tuple[Line, ...]:
    series: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        key = (point.check, point.metric, point.feature, point.segment, point.version, str(point.length_hours))
        series.setdefault(key, []).append(point)
    return tuple(_line(series[key]) for key in sorted(series))


def _line(points: Sequence[Point]) -> Line:
    first = points[0]
    return Line(
        name=first.metric,
        at=tuple(one.at for one in points),
        value=tuple(one.value for one in points),
        version=first.version,
        length_hours=first.length_hours,
        feature=first.feature,
        segment=first.segment,
        check=first.check,
        effect=tuple(one.effect for one in points),
        lower=tuple(one.lower for one in points),
        upper=tuple(one.upper for one in points),
        verdict=tuple(one.verdict for one in points),
    )


def _rows(reader: Reader, scope: Scope) -> tuple[Line, ...]:
    found = pages.rows_by_hour(reader.connection, reader.model.id, scope.start, scope.end, reader.now, scope.segment)
    unit = clock.HOUR if scope.end - scope.start <= HOURLY else clock.DAY
    by_version: dict[str, dict[int, list[int]]] = {}
    for one in found:
        _add(by_version.setdefault(one.version, {}), one, unit)
    lines = []
    for version, sums in by_version.items():
        at = tuple(sorted(sums))
        for place, name in enumerate(("labelled", "unlabelled", "unusable")):
            lines.append(Line(name, at, tuple(sums[one][place] for one in at), version))
    return tuple(lines)


def _add(sums: dict[int, list[int]], one: HourRows, unit: int) -> None:
    at = one.hour * clock.HOUR
    rows = sums.setdefault(at - at % unit, [0, 0, 0])
    labelled = min(one.labelled, one.usable)
    for place, count in enumerate((labelled, one.usable - labelled, one.rows - one.usable)):
        rows[place] += count


def _matrix(reader: Reader, scope: Scope, query: queries.Matrix) -> Grid:
    wanted = Wanted(
        query.kind,
        scope.start,
        scope.end,
        checks=query.checks,
        length_hours=query.length_hours,
        pooled_only=True,
        segment=scope.segment,
    )
    order = pages.worst_series(reader.connection, reader.model.id, wanted, query.only_bad)
    order = [one for one in order if one[2] or not query.of_features]
    names = tuple(order[query.first : query.first + query.most])
    narrow = replace(wanted, features=sorted({feature for _, _, feature in names}))
    points = _points(reader, scope, narrow) if names else []
    # The order is by days: of the last one there may be windows that end after the stretch, and none within it.
    return _grid(names if points else (), points, len(order))


def _grid(names: tuple[tuple[str, str, str], ...], points: Sequence[Point], total: int) -> Grid:
    at = tuple(sorted({one.at for one in points}))
    place = {one: i for i, one in enumerate(at)}
    row = {name: i for i, name in enumerate(names)}
    effect: list[list[float | None]] = [[None] * len(at) for _ in names]
    least: list[list[float | None]] = [[None] * len(at) for _ in names]
    verdict: list[list[str | None]] = [[None] * len(at) for _ in names]
    for one in points:
        r = row.get((one.check, one.metric, one.feature))
        if r is not None:
            effect[r][place[one.at]] = None if one.effect is None else abs(one.effect)
            least[r][place[one.at]] = None if one.lower is None else max(one.lower, 0.0)
            verdict[r][place[one.at]] = one.verdict
    return Grid(names, at, effect, least, verdict, total)


def _histogram(reader: Reader, scope: Scope, query: queries.Histogram) -> SideBySide:
    start, end = scope.window or (scope.start, scope.end)
    sides = reader.sides
    if sides is None:
        return SideBySide(query.feature, "numeric", start, end)
    reference = sides["reference"]
    return SideBySide(
        feature=query.feature,
        type=sides["type"],
        start=start,
        end=end,
        reference=None if reference is None else f"{reference['name']} {reference['version']}",
        edges=sides.get("edges", ()),
        minimum=sides.get("minimum"),
        maximum=sides.get("maximum"),
        categories=sides.get("categories", ()),
        counts=sides["counts"],
        extras=sides["extras"],
        distances=sides["distances"],
    )


def _timeline(reader: Reader, scope: Scope, _query: queries.Timeline) -> Marks:
    connection, model_id = reader.connection, reader.model.id
    marks = [
        Mark(one["severity"], one["fired_at"], one["summary"], one["resolved_at"], f"/alerts/{one['id']}")
        for one in pages.alerts_between(connection, model_id, scope.start, scope.end + clock.HOUR, MOST_ALERTS)
    ]
    for version in models.list_versions(connection, model_id):
        if version.version and scope.start < version.first_prediction <= scope.end:
            marks.append(Mark("version", version.first_prediction, version.version))
    for run in pages.retrainings_between(connection, model_id, scope.start, scope.end):
        marks.append(Mark("retraining", run["as_of"], f"{run['trigger_name']}: {run['state']}", link=run["alert_id"]))
    return Marks(tuple(sorted(marks, key=lambda one: one.at)))


def _table(reader: Reader, scope: Scope, query: queries.Table) -> Rows:
    found = pages.newest_windows(reader.connection, reader.model.id, scope.end, query.feature, scope.segment)
    return Rows(
        tuple(
            Said(
                check=one.check,
                kind=one.kind,
                metric=one.metric,
                feature=one.feature or None,
                version=one.version,
                verdict=one.verdict,
                reason=one.reason,
                words=one.summary or f"{one.metric} {one.value}",
                start=one.start,
                end=one.end,
                alpha=one.alpha,
                n_current=one.n_current,
                seen=would_be_seen(one.kind, one.metric, one.mde),
            )
            for one in found
        )
    )


_ANSWERS: Mapping[type, Callable[[Reader, Scope, Any], Answer]] = {
    queries.Series: _series,
    queries.Matrix: _matrix,
    queries.Histogram: _histogram,
    queries.Timeline: _timeline,
    queries.Table: _table,
}
