"""The share of rows without a usable value, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import line, mark, share, table, time_axis
from dashboards.queries import DAY, Answer, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

TITLE = "Without a usable value"
NAMES = {"missing": "missing", "mismatch": "wrong type", "unseen": "unseen category", "outside": "out of range"}


def ask(scope: Scope) -> Sequence[Query]:
    """The column day by day, and what happened."""
    return [Series("column", feature=scope.feature), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """A line for each thing that can be wrong with a value, if it ever was."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    lines = [(NAMES[one.name], one) for one in series.lines if one.name in NAMES and any(one.value)]
    if not any(one.name in NAMES for one in series.lines):
        return Figure(TITLE, empty="No values were counted in this range.")
    if not lines:
        return Figure(TITLE, empty="Every value was there, of the right type, known and in range.")
    data = [
        line(name, one.at, one.value, colour, gap=2 * DAY, by=DAY // 2, hover="%{y:.2%}", showlegend=True)
        for (name, one), colour in zip(lines, SERIES, strict=False)
    ]
    highest = max(value or 0 for _, one in lines for value in one.value)
    axis = {"tickformat": ".1~%", "range": [0, max(1.1 * highest, 0.01)]}
    layout = theme.layout(200, xaxis=time_axis(scope), yaxis=axis)
    mark(layout, data, timeline.marks, scope, theme)
    said = "; ".join(f"{name} at most {words.percent(max(v or 0 for v in one.value))} %" for name, one in lines)
    return Figure(TITLE, f"{said[0].upper()}{said[1:]} of a day's rows.", "", data, layout, table("Day", lines, share))
