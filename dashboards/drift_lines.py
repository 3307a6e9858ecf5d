"""The share of rows that moved, over time, with its interval and the bounds: for predictions and for one feature."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import Trace, bounds, line, mark, share, shift, step, table, time_axis, verdict_markers
from dashboards.queries import HOUR, Line, Mark, Scope
from dashboards.theme import SERIES, Theme

CRITICAL = 0.15


def drift_figure(title: str, scope: Scope, lines: Sequence[Line], marks: Sequence[Mark], theme: Theme) -> Figure:
    """One line per metric of the pooled readings at the page's window length."""
    shown = [one for one in lines if one.version == "*" and one.length_hours == scope.length_hours]
    if not any(value is not None for one in shown for value in one.value):
        return Figure(title, empty="Nothing was measured in this stretch of time.")
    data: list[Trace] = []
    for one, colour in zip(shown, SERIES, strict=False):
        data += _drawn(one, colour, scope)
    levels = [(scope.tolerance, "@warning"), (CRITICAL, "@critical")]
    highest = max(value for one in shown for value in one.value if value is not None)
    layout = theme.layout(
        260,
        xaxis=time_axis(scope),
        yaxis={"tickformat": ".0%", "range": [0, max(1.08 * highest, 0.05)]},
        shapes=bounds([pair for pair in levels if pair[0] < 1.05 * max(highest, 0.05)], theme),
    )
    mark(layout, data, marks, scope, theme)
    note = (
        f"Windows of {words.span(scope.length_hours * HOUR)}. Thin: rows moved as observed. Filled: how many at least, "
        f"at the ledger's level; this is judged. Dotted: what is tolerated ({words.percent(scope.tolerance)} %) and "
        "critical (15 %)."
    )
    numbers = table("Day", [(words.metric(one.name), one) for one in shown], share)
    return Figure(title, _say(shown), note, data, layout, numbers)


def _drawn(one: Line, colour: str, scope: Scope) -> list[Trace]:
    """What was observed, thin, above what can be relied on, filled."""
    gap, by = 2 * step(scope), shift(scope)
    least = [None if value is None else max(value, 0.0) for value in one.lower]
    name = words.metric(one.name)
    fill = {"fill": "tozeroy", "fillcolor": f"{colour}/0.22", "line": {"width": 1.5}}
    return [
        line(name, one.at, one.value, f"{colour}/0.6", gap=gap, by=by, hover="%{y:.1%} observed", line={"width": 1}),
        line(name, one.at, least, colour, gap=gap, by=by, hover="%{y:.1%} at least", showlegend=False, **fill),
        *verdict_markers(one.at, least, one.verdict, by),
    ]


def _say(lines: Sequence[Line]) -> str:
    said = []
    for one in lines:
        known = [
            (low, value, at) for low, value, at in zip(one.lower, one.value, one.at, strict=True) if value is not None
        ]
        if known:
            low, value, at = max(known, key=lambda each: (max(each[0] or 0.0, 0.0), each[1]))
            name = words.metric(one.name)
            sure = f"at least {words.percent(low)} %" if low is not None and low > 0 else "within what chance does"
            far = f"{words.percent(value)} % of rows on {words.day(at)}"
            said.append(f"{name[0].upper()}{name[1:]}: at most {far} ({sure}).")
    return " ".join(said)
