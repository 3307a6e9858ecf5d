"""How far the correlations between features moved against the reference, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import bounds, line, mark, shift, step, table, time_axis, verdict_markers
from dashboards.queries import HOUR, Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

METRIC = "correlation"
TITLE = "Correlations between features"
WARNING, CRITICAL = 0.10, 0.30


def ask(scope: Scope) -> Sequence[Query]:
    """The readings of data drift that are of no single feature, and what happened."""
    return [Series("readings", "data_drift", ""), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """The largest change as observed, thin, and what certainly changed, filled; left out where none was measured."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    mine = [one for one in series.lines if one.name == METRIC and one.version == "*"]
    mine = [one for one in mine if one.length_hours == scope.length_hours and any(v is not None for v in one.value)]
    if not mine:
        return None
    one, colour, gap, by = mine[0], SERIES[0], 2 * step(scope), shift(scope)
    least = [None if value is None else max(value, 0.0) for value in one.lower]
    fill = {"fill": "tozeroy", "fillcolor": f"{colour}/0.22", "line": {"width": 1.5}}
    thin = {"line": {"width": 1}}
    data = [
        line("largest change", one.at, one.value, f"{colour}/0.6", gap=gap, by=by, hover="%{y:.2f} observed", **thin),
        line("at least", one.at, least, colour, gap=gap, by=by, hover="%{y:.2f} at least", showlegend=False, **fill),
        *verdict_markers(one.at, least, one.verdict, by),
    ]
    highest = max(value for value in one.value if value is not None)
    top = max(1.08 * highest, 0.2)
    levels = [(WARNING, "@warning"), (CRITICAL, "@critical")]
    layout = theme.layout(
        220,
        xaxis=time_axis(scope),
        yaxis={"range": [0, top]},
        shapes=bounds([pair for pair in levels if pair[0] < top], theme),
    )
    mark(layout, data, timeline.marks, scope, theme)
    note = (
        f"The largest change of a rank correlation, in windows of {words.span(scope.length_hours * HOUR)}. Thin: as "
        "observed. Filled: at least, at the ledger's level; this is judged. Dotted: what is tolerated (0.10) and "
        "critical (0.30)."
    )
    return Figure(TITLE, _say(one), note, data, layout, table("Day", [("largest change", one)], words.number))


def _say(one: Line) -> str:
    known = zip(one.lower, one.value, one.at, strict=True)
    sizes = [(max(low or 0.0, 0.0), value, at) for low, value, at in known if value is not None]
    low, value, at = max(sizes)
    sure = f"at least {words.number(low)}" if low > 0 else "within what chance does"
    return f"At most {words.number(value)} on {words.day(at)} ({sure})."
