"""How common the positive class (of several: the one that surely moved, or the commonest) is, before labels tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import band, line, mark, share, shift, step, table, time_axis
from dashboards.queries import HOUR, Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

METRIC = "estimated_base_rate"
BY_CLASSES = "estimated_base_rate_bbse"
TITLE = "Base rate, estimated from scores"


def ask(scope: Scope) -> Sequence[Query]:
    """The readings of prediction drift, and what happened."""
    return [Series("readings", "prediction_drift"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """The estimate with its interval, beside it the one from predicted classes; left out where there never was one."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    shown = [one for one in series.lines if one.name == METRIC and one.version == "*" and any(_known(one))]
    if not shown:
        return None
    one = min(shown, key=lambda each: (each.length_hours != scope.length_hours, each.length_hours))
    colour, gap, by = SERIES[0], 2 * step(scope), shift(scope)
    name = words.metric(METRIC)
    data = [
        band(one.at, one.lower, one.upper, colour, gap, by),
        line(name, one.at, one.value, colour, gap=gap, by=by, hover="%{y:.1%}"),
    ]
    others = [each for each in series.lines if _beside(each, one) and any(_known(each))]
    for other in others:
        dashed = {"dash": "dot", "width": 1.25}
        drawn = line(
            words.metric(BY_CLASSES), other.at, other.value, SERIES[1], gap=gap, by=by, hover="%{y:.1%}", line=dashed
        )
        data.append(drawn)
    layout = theme.layout(220, xaxis=time_axis(scope), yaxis={"tickformat": ".0%", "rangemode": "tozero"})
    mark(layout, data, timeline.marks, scope, theme)
    numbers = [(name, one), *((words.metric(BY_CLASSES), other) for other in others)]
    note = (
        f"Windows of {words.span(one.length_hours * HOUR)}, with the 95 % interval. Supposes that only the share of "
        "the classes changed; where the scores contradict that, nothing is shown. Dotted: from predicted classes "
        "alone. Of several classes: of the reference's commonest while none has surely moved, else of the one that "
        "moved most surely; each reading names it, and has the others."
    )
    return Figure(TITLE, _say(one), note, data, layout, table("Day", numbers, share))


def _beside(each: Line, one: Line) -> bool:
    same = (each.version, each.length_hours, each.check) == (one.version, one.length_hours, one.check)
    return each.name == BY_CLASSES and same


def _known(one: Line) -> Sequence[bool]:
    return [value is not None for value in one.value]


def _say(one: Line) -> str:
    newest = max(place for place, known in enumerate(_known(one)) if known)
    value, low, high = one.value[newest], one.lower[newest], one.upper[newest]
    interval = "" if low is None or high is None else f" ({words.percent(low)} to {words.percent(high)})"
    return f"About {words.percent(value or 0.0)} %{interval} on {words.day(one.at[newest])}."
