"""The share of rows that moved, over time, with its interval and the bounds: for predictions and for one feature."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import band, bounds, line, mark, share, step, table, time_axis, verdict_markers
from dashboards.queries import HOUR, Line, Mark, Scope
from dashboards.theme import SERIES, Theme

CRITICAL = 0.15


def drift_figure(title: str, scope: Scope, lines: Sequence[Line], marks: Sequence[Mark], theme: Theme) -> Figure:
    """One line per metric of the pooled readings at the page's window length."""
    shown = [one for one in lines if one.version == "*" and one.length_hours == scope.length_hours]
    if not any(value is not None for one in shown for value in one.value):
        return Figure(title, empty="Nothing was measured in this stretch of time.")
    gap = 2 * step(scope)
    data = []
    for one, colour in zip(shown, SERIES, strict=False):
        data.append(band(one.at, one.lower, one.upper, colour, gap))
        data.append(line(words.metric(one.name), one.at, one.value, colour, gap=gap, hover="%{y:.1%}"))
        data += verdict_markers(one.at, one.value, one.verdict)
    _once(data)
    levels = [(scope.tolerance, "@warning"), (CRITICAL, "@critical")]
    highest = max((value for one in shown for value in (*one.value, *one.upper) if value is not None), default=0.1)
    layout = theme.layout(
        260,
        xaxis=time_axis(scope),
        yaxis={"tickformat": ".0%", "range": [0, max(1.08 * highest, 0.05)]},
        shapes=bounds([pair for pair in levels if pair[0] < 1.05 * max(highest, 0.05)], theme),
    )
    mark(layout, data, marks, scope, theme)
    note = (
        f"Share of rows moved, windows of {words.span(scope.length_hours * HOUR)}; shaded: the interval at the "
        f"ledger's level. Dotted: what is tolerated ({words.percent(scope.tolerance)} %) and critical (15 %)."
    )
    return Figure(
        title, _say(shown), note, data, layout, table("Day", [(words.metric(one.name), one) for one in shown], share)
    )


def _once(data: list[dict[str, object]]) -> None:
    """Show each verdict in the legend once."""
    seen: set[object] = set()
    for trace in data:
        if trace.get("mode") == "markers":
            trace["legendgroup"] = trace["name"]
            trace["showlegend"] = trace["name"] not in seen
            seen.add(trace["name"])


def _say(lines: Sequence[Line]) -> str:
    said = []
    for one in lines:
        known = [(value, at) for value, at in zip(one.value, one.at, strict=True) if value is not None]
        if known:
            far, at = max(known)
            now = known[-1][0]
            name = words.metric(one.name)
            said.append(
                f"{name[0].upper()}{name[1:]}: {words.percent(now)} % at the end, "
                f"at most {words.percent(far)} % on {words.day(at)}."
            )
    return " ".join(said)
