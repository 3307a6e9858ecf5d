"""How far one feature's rows moved against the reference, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashboards.drift_lines import drift_figure
from dashboards.figure import Figure
from dashboards.queries import Answer, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import Theme

VECTORS = "mean_embedding"  # its value is a distance, its effect a share of rows


def ask(scope: Scope) -> Sequence[Query]:
    """The readings over time, and what happened."""
    return [Series("readings", "data_drift", scope.feature), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """A line with its interval."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    lines = [one for one in series.lines if not scope.in_ledger or one.check in scope.in_ledger]
    lines = [replace(one, value=one.effect) if one.name == VECTORS else one for one in lines]
    return drift_figure("Rows moved over time", scope, lines, timeline.marks, theme)
