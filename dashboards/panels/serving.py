"""How fast the model answered, and how often it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import line, mark, shift, step, table, time_axis, verdict_markers
from dashboards.queries import Answer, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

TITLE = "Latency"
SHOWN = ("latency_p50", "latency_p95", "latency_p99")


def ask(scope: Scope) -> Sequence[Query]:
    """Serving readings, and what happened."""
    return [Series("readings", "serving"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """A line per percentile; nothing at all where no latency is sent."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    lines = [
        one
        for one in series.lines
        if one.name in SHOWN and one.version == "*" and any(value is not None for value in one.value)
    ]
    if not lines:
        return None
    data = []
    for one, colour in zip(sorted(lines, key=lambda each: SHOWN.index(each.name)), SERIES, strict=False):
        name = words.metric(one.name).removeprefix("latency, ")
        data.append(line(name, one.at, one.value, colour, gap=2 * step(scope), by=shift(scope), hover="%{y:,.4~g} ms"))
        data += verdict_markers(one.at, one.value, one.verdict, shift(scope))
    layout = theme.layout(220, xaxis=time_axis(scope), yaxis={"rangemode": "tozero", "ticksuffix": " ms"})
    mark(layout, data, timeline.marks, scope, theme)
    said = "; ".join(f"{words.metric(one.name)} {words.number(_last(one.value))} ms" for one in lines)
    note = "Serving is compared with the same hours of the weeks before, outside the false-alarm ledger."
    named = [(words.metric(one.name), one) for one in lines]
    return Figure(TITLE, f"At the end: {said}.", note, data, layout, table("Day", named))


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)
