"""One feature: the reference against a window, and the feature over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dashboards import pages as templates
from dashboards import views, words
from dashboards.queries import Histogram, Query, Rows, Scope, SideBySide, Table
from dashboards.registry import FEATURE_PAGE
from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.distributions import distributions
from monitor.actions.frame import Frame
from monitor.actions.models import settings_of
from monitor.actions.page_data.answers import Reader, answer
from monitor.actions.page_data.distances import said
from monitor.actions.page_data.model import drift_lengths, href, newest_of, odd_hours, range_of
from monitor.actions.page_data.stretches import Stretch, stretch_of
from monitor.actions.promise import drift_checks, seen_by
from monitor.errors import Invalid, NotFound
from monitor.service import Service
from monitor.store.models import Model

WINDOWS = {"24h": clock.DAY, "7d": 7 * clock.DAY, "range": None}
COUNTED = ("prediction", "score")


def feature_page(service: Service, name: str, feature: str, given: Mapping[str, str], now: int) -> views.FeaturePage:
    """The page of a feature; ``given`` are the request's arguments.

    Raises NotFound for an unknown model or feature, Invalid for an argument that cannot be read.
    """
    with service.database.read() as connection:
        model = known_models.get(connection, name)
    if feature not in {column.name for column in model.columns if column.role == "feature"} | set(COUNTED):
        raise NotFound(f"Model {name!r} has no feature {feature!r}")
    stretch = stretch_of(given, newest_of(model, now), model.oldest_prediction)
    chosen, window = _window(stretch, given)
    segment = given.get("segment") or None
    sides = _sides(service, name, feature, window, segment, now)
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        frame = Frame.load(service, connection, model)
        scope = replace(_scope(frame, model, feature, stretch, window), segment=segment or "")
        asked: list[Query] = [*templates.asked(FEATURE_PAGE, scope), Table(feature)]
        answers = answer(Reader(connection, model, frame, now, sides), scope, asked)
        odd = odd_hours([one for one in seen_by(frame, stretch.end) if one.feature == feature])
    readings, histogram = answers[Table(feature)], answers[Histogram(feature)]
    assert isinstance(readings, Rows)
    assert isinstance(histogram, SideBySide)
    return views.FeaturePage(
        model=name,
        feature=feature,
        segment=segment,
        range=range_of(f"/models/{name}/features/{feature}", stretch, given),
        figures=templates.drawn(FEATURE_PAGE, scope, answers),
        sides=histogram,
        distances=[] if sides is None else said(sides),
        readings=readings.rows,
        odd_hours=odd,
        windows=[views.Choice(_name(one), href(given, window=one), one == chosen) for one in WINDOWS],
    )


def _name(window: str) -> str:
    return "whole range" if window == "range" else f"last {words.span(WINDOWS[window] or 0)}"


def _window(stretch: Stretch, given: Mapping[str, str]) -> tuple[str, tuple[int, int]]:
    """The window compared with the reference: the last 7 days unless chosen, or all of a range given by its ends."""
    chosen = given.get("window") or ("7d" if stretch.name is not None else "range")
    if chosen not in WINDOWS:
        raise Invalid(f"window is one of {', '.join(WINDOWS)}", field="window")
    length = WINDOWS[chosen]
    return chosen, (stretch.start if length is None else max(stretch.start, stretch.end - length), stretch.end)


def _sides(
    service: Service, name: str, feature: str, window: tuple[int, int], segment: str | None, now: int
) -> dict[str, Any] | None:
    """None for a feature or a segment that is not counted yet."""
    try:
        return distributions(service, name, feature, now=now, start=window[0], end=window[1], segment=segment)
    except NotFound:
        return None


def _scope(frame: Frame | None, model: Model, feature: str, stretch: Stretch, window: tuple[int, int]) -> Scope:
    return Scope(
        model=model.name,
        start=stretch.start,
        end=stretch.end,
        fine=stretch.fine,
        length_hours=(drift_lengths(frame) or [24])[0],
        feature=feature,
        window=window,
        in_ledger=drift_checks(frame),
        tolerance=settings_of(model).tolerance,
    )
