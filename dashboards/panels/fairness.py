"""How far apart a model's answers are for the groups of each segment column, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dashboards import several, words
from dashboards.figure import Figure
from dashboards.plotting import bounds, mark, table, time_axis
from dashboards.queries import Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.several import Shown
from dashboards.theme import Theme
from dashboards.unsettled import shade, stretches, unsettled

TITLE = "Fairness: how far apart groups are"
POINTS = 100  # of a share
NAMES = {
    "demographic_parity_difference": "demographic parity",
    "equal_opportunity_difference": "equal opportunity",
    "false_positive_difference": "false positives",
    "calibration_difference": "calibration",
}


def ask(scope: Scope) -> Sequence[Query]:
    """The readings of fairness, and what happened."""
    return [Series("readings", "fairness"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """A line per segment column and metric, in points, with its interval; left out where there are no groups."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    scope = replace(scope, limits={check: [POINTS * one for one in given] for check, given in scope.limits.items()})
    found = _chosen([_in_points(one) for one in series.lines if several.known(one)], scope)
    if not found:
        return None
    named = several.named(found, _subject)
    shown = several.worst(named)
    data = [trace for one in shown for trace in several.drawn(one, scope, "%{y:.3~g} points")]
    limits = several.limits(shown, scope)
    young = stretches({at for one in shown for at in _so_far(one.line)}, scope)
    height = 240 + 15 * len(shown)  # where it is narrow each has a line of the legend
    layout = theme.layout(height, xaxis=time_axis(scope), yaxis=_axis(shown, [limit for limit, _ in limits]))
    layout["shapes"] = [*(shade(start, end, (0, 1), theme) for start, end in young), *bounds(limits, theme)]
    mark(layout, data, timeline.marks, scope, theme)
    note = [
        f"{several.lengths(shown)}: the largest less the smallest of the groups' numbers, in points, with the 95 % "
        f"interval for all pairs of groups at once{several.of_which(shown)}.",
        *(["Dotted: the limits that checks state."] if limits else []),
        *(["Shaded: labels are still coming; what needs them shows what they point to so far."] if young else []),
        *several.left_out(named, shown),
    ]
    numbers = table(
        "Day", [(f"{name}, points", one) for name, one in named], unsettled=[unsettled(one) for one in found]
    )
    return Figure(TITLE, _say(shown), " ".join(note), data, layout, numbers)


def _in_points(one: Line) -> Line:
    value, lower, upper = (
        [None if number is None else POINTS * number for number in side] for side in (one.value, one.lower, one.upper)
    )
    return replace(one, value=value, lower=lower, upper=upper)


def _so_far(one: Line) -> set[int]:
    """When it has a number that labels may change yet."""
    return {one.at[i] for i in several.known(one)} & unsettled(one)


def _chosen(lines: Sequence[Line], scope: Scope) -> list[Line]:
    """Of each column and metric what checks judge; where none does, what is shown at the page's length."""
    by_subject: dict[tuple[str, str], list[Line]] = {}
    for one in lines:
        by_subject.setdefault((one.segment, one.name), []).append(one)
    found = []
    for subject in sorted(by_subject):
        same = by_subject[subject]
        judged = [one for one in same if one.check in scope.limits or {"ok", "warning", "critical"} & {*one.verdict}]
        nearest = min(same, key=lambda one: (one.length_hours != scope.length_hours, one.length_hours, one.check))
        found += judged or [nearest]
    return found


def _subject(one: Line) -> str:
    return f"{NAMES.get(one.name, words.metric(one.name))} by {one.segment.removesuffix('=*')}"


def _axis(shown: Sequence[Shown], limits: Sequence[float]) -> dict[str, Any]:
    """From 0 up; the interval of a few rows does not press everything else flat."""
    highest = max(one.line.value[i] or 0.0 for one in shown for i in several.known(one.line))
    widest = max((value for one in shown if one.banded for value in one.line.upper if value is not None), default=0.0)
    top = max(min(widest, 2.5 * highest), *limits, highest, 1.0)
    return {"range": [0, 1.08 * top], "title": {"text": "points", "font": {"size": 11}}}


def _say(shown: Sequence[Shown]) -> str:
    """The gap that is surely the widest at the end, of those that labels which are still coming will not change."""
    facts, waiting = list[tuple[str, Line, int]](), list[str]()
    for name, one, *_ in shown:
        later = unsettled(one)
        settled = [i for i in several.known(one) if one.at[i] not in later]
        facts += [(name, one, settled[-1])] if settled else []
        waiting += [] if settled else [name]
    said = []
    if facts:
        name, one, i = max(facts, key=_size)
        told = f"Widest at the end: {name}" if len(facts) > 1 else f"{name[0].upper()}{name[1:]}"
        said.append(f"{told}, {_number(one, i)} on {words.day(one.at[i])}.")
    beyond = [name for name, one, i in facts if one.verdict[i] in ("warning", "critical")]
    said += [f"Beyond what a check allows: {', '.join(beyond)}."] if beyond else []
    said += [f"Cannot be told yet, labels are still coming: {', '.join(waiting)}."] if waiting else []
    return " ".join(said)


def _size(fact: tuple[str, Line, int]) -> tuple[float, float]:
    _, one, i = fact
    return one.lower[i] or 0.0, one.value[i] or 0.0


def _number(one: Line, index: int) -> str:
    low, high = one.lower[index], one.upper[index]
    interval = "" if low is None or high is None else f" ({words.number(low)} to {words.number(high)})"
    return f"{words.number(one.value[index])} points apart{interval}"
