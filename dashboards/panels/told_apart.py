"""How well the window's rows can be told from the reference's, all features at once, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards import several, words
from dashboards.figure import Figure
from dashboards.plotting import bounds, mark, table, time_axis
from dashboards.queries import Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.several import Shown
from dashboards.theme import Theme

METRIC = "domain_classifier"
TITLE = "Window told from reference"
CHANCE = 0.5


def ask(scope: Scope) -> Sequence[Query]:
    """The readings of data drift that are of no single feature, and what happened."""
    return [Series("readings", "data_drift", ""), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """The classifier's area with its interval, a line per check and length; left out where no check asks for one."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    mine = [one for one in series.lines if one.name == METRIC and one.version == "*" and several.known(one)]
    if not mine:
        return None
    named = several.named(mine, lambda one: "area")
    shown = several.worst(named)
    data = [trace for one in shown for trace in several.drawn(one, scope, "%{y:.2f}")]
    limits = several.limits(shown, scope)
    layout = theme.layout(
        240,
        xaxis=time_axis(scope),
        yaxis=_axis(shown, [limit for limit, _ in limits]),
        shapes=bounds([(CHANCE, theme.soft), *limits], theme),
    )
    mark(layout, data, timeline.marks, scope, theme)
    stated = " and the bounds that checks state" if limits else ""
    note = [
        f"{several.lengths(shown)}: how well trees tell their rows from the reference's by all features at once, as "
        "the area under the ROC curve, less what days without drift give where the reference could be replayed; with "
        f"the 95 % interval{several.of_which(shown)}. Dotted: chance (0.5){stated}. A verdict asks for both, the area "
        "beyond its bound and the whole interval above chance.",
        *several.left_out(named, shown),
    ]
    return Figure(TITLE, " ".join(_told(one) for one in shown), " ".join(note), data, layout, table("Day", named))


def _axis(shown: Sequence[Shown], limits: Sequence[float]) -> dict[str, Any]:
    """Chance, the limits and all of the intervals are on it."""
    sides = (side for one in shown for side in (one.line.value, one.line.lower, one.line.upper))
    known = [value for side in sides for value in side if value is not None]
    low, high = min(*known, CHANCE), max(*known, *limits, CHANCE + 0.1)
    return {"range": [low - 0.03, high + 0.03], "tickformat": ".2~f"}


def _told(one: Shown) -> str:
    """The newest number, and the highest."""
    values, known = one.line.value, several.known(one.line)
    newest, highest = known[-1], max(known, key=lambda i: values[i] or 0.0)
    text = f"{one.name[0].upper()}{one.name[1:]} {_number(one.line, newest)}"
    return f"{text}." if highest == newest else f"{text}; at most {_number(one.line, highest)}."


def _number(one: Line, index: int) -> str:
    low, high = one.lower[index], one.upper[index]
    text = f"{words.number(one.value[index])} on {words.day(one.at[index])}"
    if low is None or high is None:
        return text
    sure = "surely more than chance" if low > CHANCE else "within what chance does"
    return f"{text} ({words.number(low)} to {words.number(high)}, {sure})"
