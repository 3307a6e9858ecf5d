"""A model over a stretch of time: facts, figures, the ledger, what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from dashboards import pages as templates
from dashboards import views, words
from dashboards.queries import Grid, Lines, Marks, Matrix, Query, Rows, Scope, Series, Table, Timeline
from dashboards.registry import MODEL_PAGE, SEGMENT_PAGE
from detectors.performance.label_pause import NAME as LABEL_PAUSE
from detectors.registry import SEQUENTIAL
from monitor import clock
from monitor.actions import describe, levels
from monitor.actions import models as known_models
from monitor.actions.describe import moment_of
from monitor.actions.describe_model import segments_told
from monitor.actions.frame import Frame
from monitor.actions.models import settings_of
from monitor.actions.page_data.answers import Reader, answer
from monitor.actions.page_data.fleet import health, task_of
from monitor.actions.page_data.stretches import RANGES, Stretch, stretch_of
from monitor.actions.promise import (
    Sight,
    drift_checks,
    ledger_of,
    odd_hours_of,
    seen_by,
    sights_of,
    too_short,
    why_outside,
)
from monitor.actions.run_due import is_dormant
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import alerts, models, pages, references, trigger_runs
from monitor.store.database import Connection
from monitor.store.models import Model

ROWS = 60
WEEK = 7 * clock.DAY


def model_page(service: Service, name: str, given: Mapping[str, str], now: int) -> views.ModelPage:
    """The page of a model; ``given`` are the request's arguments.

    Raises NotFound for an unknown model, Invalid for an argument that cannot be read.
    """
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        stretch = stretch_of(given, newest_of(model, now), model.oldest_prediction)
        frame = Frame.load(service, connection, model)
        scope = _scope(frame, model, stretch, given)
        panels = _panels(model, scope)
        asked: list[Query] = [*templates.asked(panels, scope), Table(), Timeline()]
        answers = answer(Reader(connection, model, frame, now), scope, asked)
        seen = seen_by(frame, stretch.end)
        readings, timeline = answers[Table()], answers[Timeline()]
        assert isinstance(readings, Rows)
        assert isinstance(timeline, Marks)
        return views.ModelPage(
            facts=_facts(connection, model, now),
            range=range_of(f"/models/{name}", stretch, given),
            figures=templates.drawn(panels, scope, answers),
            readings=readings.rows,
            ledger=_ledger(frame, moment_of(model, now)),
            sights=[_sight(one) for one in sights_of(seen)],
            odd_hours=odd_hours(seen),
            too_short=[words.span(one * clock.HOUR) for one in too_short(frame)],
            happened=timeline.marks[::-1],
            pages=_pages(answers, scope, given),
            metrics=_metrics(answers, scope, given),
            lengths=_lengths(frame, scope, given),
            address=service.settings.public_url,
            segments=_segments(connection, model, scope, given),
            not_judged=_not_judged(frame, scope),
            segment=scope.segment or None,
        )


def _panels(model: Model, scope: Scope) -> tuple[str, ...]:
    if not known_models.has_checks(model):
        return ("volume",)
    return SEGMENT_PAGE if scope.segment else MODEL_PAGE


def _not_judged(frame: Frame | None, scope: Scope) -> list[dict[str, Any]]:
    """Segments that are not judged, and columns without any; none on the page of one."""
    told = [] if frame is None or scope.segment or not frame.settings.segments else segments_told(frame)
    return [one for one in told if not one["judged"]]


def _segments(connection: Connection, model: Model, scope: Scope, given: Mapping[str, str]) -> list[views.SegmentRow]:
    """Every judged segment in its newest windows, the worst first; none on the page of one."""
    if scope.segment or not settings_of(model).segments:
        return []
    found: dict[str, list[pages.Newest]] = {}
    for one in pages.newest_windows(connection, model.id, scope.end, segment=None):
        if one.verdict is not None:
            found.setdefault(one.segment, []).append(one)
    return [
        views.SegmentRow(
            name=name,
            verdict=worst[0].verdict,
            words=worst[0].summary or worst[0].metric,
            beyond=sum(one.verdict in ("warning", "critical") for one in worst),
            judged=len(worst),
            link=href(given, segment=name, first=None),
        )
        for name, worst in found.items()
    ]


def newest_of(model: Model, now: int) -> int:
    """The end of what there is to see: the newest data, not today."""
    return now if model.newest_prediction is None else describe.newest_data(model)


def range_of(action: str, stretch: Stretch, given: Mapping[str, str]) -> views.Range:
    """The range picker of a page; the request's other arguments are kept."""
    kept = {name: value for name, value in given.items() if name not in ("start", "end", "range", "first") and value}
    links = [views.RangeLink(name, href(kept, range=name), stretch.name == name) for name in RANGES]
    ends = {"start": clock.render(stretch.start), "end": clock.render(stretch.end)}
    return views.Range(stretch.start, stretch.end, links, kept, href(kept, **ends), action)


def href(given: Mapping[str, str], **changed: str | None) -> str:
    """The same page with some arguments changed; None takes one away."""
    merged = {name: value for name, value in {**given, **changed}.items() if value is not None}
    return "?" + urlencode(merged)


def drift_lengths(frame: Frame | None) -> list[int]:
    """Their window lengths in hours, the shortest first."""
    checks = () if frame is None else frame.checks
    return sorted({length for check in checks if check.kind == "data_drift" for length in check.lengths})


def whole(given: Mapping[str, str], name: str, default: int) -> int:
    """An argument that is a whole number, 0 or more; raises Invalid otherwise."""
    text = given.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid(f"{name} must be a whole number", field=name)
    return int(text)


def _scope(frame: Frame | None, model: Model, stretch: Stretch, given: Mapping[str, str]) -> Scope:
    segment = given.get("segment", "")
    if segment and frame is not None:
        frame.check_segment(segment)
    lengths = drift_lengths(frame) or [24]
    usual = 24 if 24 in lengths else lengths[-1]
    length = whole(given, "length", usual)
    return Scope(
        model=model.name,
        start=stretch.start,
        end=stretch.end,
        fine=stretch.fine,
        length_hours=length if length in lengths else usual,
        in_ledger=drift_checks(frame),
        judged=("accuracy",) if frame is None else levels.judged_metrics(frame),
        metric=given.get("metric"),
        tolerance=settings_of(model).tolerance,
        first=whole(given, "first", 0),
        most=ROWS,
        segment=segment,
        limits=_limits(frame),
    )


def _limits(frame: Frame | None) -> dict[str, tuple[float, ...]]:
    """Of each check that states any on a value: warning, then critical."""
    stated = {} if frame is None else {check.name: check.bound or {} for check in frame.checks}
    limits = {name: tuple(one[at] for at in ("warning", "critical") if at in one) for name, one in stated.items()}
    return {name: given for name, given in limits.items() if given}


def _facts(connection: Connection, model: Model, now: int) -> views.ModelFacts:
    return views.ModelFacts(
        name=model.name,
        task=task_of(model),
        owner=settings_of(model).owner,
        health=health(connection, model, now),
        dormant=model.newest_prediction is not None and is_dormant(model, now),
        versions=[one.version for one in models.list_versions(connection, model.id) if one.version],
        features=sum(column.role == "feature" for column in model.columns),
        predictions=model.n_predictions,
        labels=model.n_labels,
        quarantined=model.n_quarantined,
        newest_prediction=model.newest_prediction,
        newest_label=model.newest_label,
        references=[_reference(one, model) for one in reversed(references.all_of(connection, model.id))],
        open_alerts=alerts.open_of(connection, model.id),
        retrainings=trigger_runs.tally(connection, model.id),
    )


def _reference(one: references.Reference, model: Model) -> views.Reference:
    return views.Reference(
        name=one.name,
        version=one.version,
        rows=one.rows,
        start=one.start,
        end=one.end,
        created_at=one.created_at,
        model_versions=sorted(version for version in one.model_versions if version),
        default=one.name == model.default_reference,
    )


def _ledger(frame: Frame | None, end: int) -> views.Ledger | None:
    found = ledger_of(frame, end)
    if found is None:
        return None
    outside = [f"{check.name}, {why_outside(check)}" for check in found.outside]
    return views.Ledger(found.checks, found.allowed, found.opened, found.called_false, found.opened_outside, outside)


def _sight(one: Sight) -> views.Sight:
    return views.Sight(
        length=words.span(one.hours * clock.HOUR),
        middle=one.middle,
        hardest=one.hardest,
        feature=one.hardest_feature,
        short=one.short,
        calibration=_calibration(one),
    )


def odd_hours(seen: Sequence[pages.Sight]) -> list[views.OddHours]:
    """The spells that are left out of what is usual, for a page."""
    return [
        views.OddHours(one.start, one.end, ", ".join(one.features[:3]) + _more(len(one.features) - 3))
        for one in odd_hours_of(seen)
    ]


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _calibration(one: Sight) -> str:
    """What the replay of the reference did to the variance, in words."""
    if one.short:
        few = ", or fewer than 48 hours with rows" if one.hours * clock.HOUR < clock.DAY else ""
        return f"learning: the reference has fewer than 8 such windows{few}"
    if not one.replayed:
        longer = one.hours * clock.HOUR > WEEK
        return "not replayed: " + ("windows are longer than 7 days" if longer else "needs 3 weeks of reference")
    if not one.widened:
        return "none needed"
    features = "1 feature" if one.widened == 1 else f"{one.widened} features"
    return f"variance of {features} widened, up to {one.factor:.2g} times"


def _pages(answers: Mapping[Query, object], scope: Scope, given: Mapping[str, str]) -> list[views.Choice]:
    grid = next(
        (one for query, one in answers.items() if isinstance(query, Matrix) and query.kind == "data_drift"), None
    )
    total = grid.total if isinstance(grid, Grid) else 0
    return [
        views.Choice(
            f"{first + 1}–{min(first + ROWS, total)}",
            href(given, first=str(first) if first else None) + "#drift_heatmap-title",
            scope.first == first,
        )
        for first in range(0, total, ROWS)
    ]


def _metrics(answers: Mapping[Query, object], scope: Scope, given: Mapping[str, str]) -> list[views.Choice]:
    lines = answers.get(Series("readings", "performance"))
    known = (
        {one.name.removeprefix(words.ESTIMATED) for one in lines.lines if any(v is not None for v in one.value)}
        if isinstance(lines, Lines)
        else set()
    )
    others = {"label_coverage", LABEL_PAUSE, *SEQUENTIAL}
    names = sorted(known - others, key=lambda name: (name not in scope.judged, name))
    chosen = scope.metric or next(iter(scope.judged), "")
    return [
        views.Choice(words.metric(name), href(given, metric=name) + "#performance-title", name == chosen)
        for name in names
    ]


def _lengths(frame: Frame | None, scope: Scope, given: Mapping[str, str]) -> list[views.Choice]:
    return [
        views.Choice(
            words.span(length * clock.HOUR),
            href(given, length=str(length)) + "#drift_heatmap-title",
            length == scope.length_hours,
        )
        for length in drift_lengths(frame)
    ]
