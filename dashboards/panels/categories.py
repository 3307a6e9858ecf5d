"""A categorical feature's commonest values over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.figure import Figure
from dashboards.plotting import line, mark, share, table, time_axis
from dashboards.queries import DAY, Answer, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

TITLE = "Shares over time"
PREFIX = "="  # lines of categories are named =value


def ask(scope: Scope) -> Sequence[Query]:
    """The column day by day, and what happened."""
    return [Series("column", feature=scope.feature), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """A line per category; None for a numeric column."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    lines = [one for one in series.lines if one.name.startswith(PREFIX)]
    if not lines:
        return None
    named = [(one.name.removeprefix(PREFIX), one) for one in lines]
    data = [
        line(name, one.at, one.value, colour, gap=2 * DAY, by=DAY // 2, hover="%{y:.1%}")
        for (name, one), colour in zip(named, SERIES, strict=False)
    ]
    layout = theme.layout(280, xaxis=time_axis(scope), yaxis={"tickformat": ".0%", "rangemode": "tozero"})
    mark(layout, data, timeline.marks, scope, theme)
    note = "Share of each day's rows, the commonest values."
    return Figure(TITLE, "", note, data, layout, table("Day", named, share))
