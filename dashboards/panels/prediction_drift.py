"""How far the predictions and scores moved against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.drift_lines import drift_figure
from dashboards.figure import Figure
from dashboards.queries import Answer, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import Theme


def ask(scope: Scope) -> Sequence[Query]:
    """The readings over time, and what happened."""
    return [Series("readings", "prediction_drift"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """A line per metric with its interval."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    moved = [one for one in series.lines if not one.name.startswith("estimated_")]
    return drift_figure("Drift of the predictions", scope, moved, timeline.marks, theme)
