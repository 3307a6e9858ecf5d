"""A numeric feature's quantiles over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import Trace, band, line, mark, table, time_axis
from dashboards.queries import DAY, Answer, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import Theme

TITLE = "Quantiles over time"
NAMES = ("p5", "p25", "p50", "p75", "p95")


def ask(scope: Scope) -> Sequence[Query]:
    """The column day by day, and what happened."""
    return [Series("column", feature=scope.feature), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """The median between two bands; None for a column without quantiles."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    by_name = {one.name: one for one in series.lines if one.name in NAMES}
    if len(by_name) < len(NAMES):
        return None
    gap = 2 * DAY
    data: list[Trace] = []
    for low, high in (("p5", "p95"), ("p25", "p75")):
        data.append(band(by_name[low].at, by_name[low].value, by_name[high].value, theme.accent, gap, DAY // 2))
    for name in NAMES:
        one, middle = by_name[name], name == "p50"
        colour = theme.accent if middle else f"{theme.accent}/0.55"
        more: dict[str, Any] = {"line": {"width": 2.25 if middle else 0.75}, "showlegend": False}
        data.append(line(_label(name), one.at, one.value, colour, gap=gap, by=DAY // 2, **more))
    layout = theme.layout(260, xaxis=time_axis(scope), yaxis={})
    mark(layout, data, timeline.marks, scope, theme)
    note = "The median, the middle half and the middle nine tenths of each day's values, to the width of a bin."
    numbers = table("Day", [(_label(name), by_name[name]) for name in NAMES])
    return Figure(TITLE, _say(by_name["p50"].value), note, data, layout, numbers)


def _label(name: str) -> str:
    return "median" if name == "p50" else f"{name[1:]} %"


def _say(median: Sequence[float | None]) -> str:
    known = [value for value in median if value is not None]
    if not known:
        return ""
    span = f"between {words.number(min(known))} and {words.number(max(known))}"
    return f"The daily median was {words.number(known[-1])} at the end, {span} before."
