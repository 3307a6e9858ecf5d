"""What detectors that look at labelled rows one after the other found, window by window: evidence, and alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp, log10
from typing import Any

from dashboards import several, words
from dashboards.figure import Figure
from dashboards.plotting import Trace, bounds, mark, table, time_axis
from dashboards.queries import Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.several import Shown
from dashboards.theme import Theme

TITLE = "Labels one after the other"
EVIDENCE = "shiryaev_roberts"  # whose value is the logarithm of its statistic
COUNTED = ("adwin", "ddm", "eddm", "hddm_a", "hddm_w", "kswin", "page_hinkley")  # whose value is a number of alarms
LARGEST = 700.0  # the exponential of more is beyond all numbers


def ask(scope: Scope) -> Sequence[Query]:
    """Every performance reading, and what happened."""
    return [Series("readings", "performance"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """Evidence on a logarithmic axis, numbers of alarms below it: they have no unit in common. Left out where no check
    asks for a stream."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    known = [one for one in series.lines if several.known(one)]
    evidence = [_statistic(one) for one in known if one.name == EVIDENCE]
    found = evidence + [one for one in known if one.name in COUNTED]
    if not found:
        return None
    named = several.named(found, lambda one: words.metric(one.name))
    shown = several.worst(named)
    above = [one for one in shown if one.line.name == EVIDENCE]
    below = [one for one in shown if one.line.name in COUNTED]
    statistics = {one.line.check: [_exp(limit) for limit in scope.limits.get(one.line.check, ())] for one in above}
    scope = replace(scope, limits={**scope.limits, **statistics})
    layout = theme.layout(340 if above and below else 240, xaxis=time_axis(scope), shapes=[])
    data = _evidence(above, scope, layout, theme) if above else []
    data += _alarms(below, scope, layout, theme, under=bool(above)) if below else []
    mark(layout, data, timeline.marks, scope, theme)
    said = " ".join(_told(one, scope.limits.get(one.line.check, ())) for one in shown)
    note = " ".join([*_note(above, below), *several.left_out(named, shown)])
    return Figure(TITLE, said, note, data, layout, table("Day", named))


def _exp(logarithm: float) -> float:
    return float(f"{exp(min(logarithm, LARGEST)):.9g}")  # 1,000 is written as 1,000 again


def _statistic(one: Line) -> Line:
    return replace(one, value=[None if value is None else _exp(value) for value in one.value])


def _evidence(above: Sequence[Shown], scope: Scope, layout: dict[str, Any], theme: Theme) -> list[Trace]:
    limits = several.limits(above, scope)
    drawn = [one.line.value[i] or 1.0 for one in above for i in several.known(one.line)]
    low, high = (log10(side) for side in (min([*drawn, 1.0]), max([*drawn, *(limit for limit, _ in limits), 10.0])))
    room = 0.06 * (high - low)
    scale = {"type": "log", "range": [low - room, high + room], "dtick": max(round((high - low) / 4), 1)}
    layout["yaxis"] |= {**scale, "tickformat": "~s", "title": _title("evidence")}
    layout["shapes"] += bounds(limits, theme)
    return [trace for one in above for trace in several.drawn(one, scope, "%{y:,.3~g}")]


def _alarms(below: Sequence[Shown], scope: Scope, layout: dict[str, Any], theme: Theme, under: bool) -> list[Trace]:
    """On an axis of its own; ``under`` that of the evidence where there is some."""
    axis, place = ("y2", "yaxis2") if under else ("y", "yaxis")
    limits = [pair for pair in several.limits(below, scope) if pair[0] > 0]
    drawn = [one.line.value[i] or 0.0 for one in below for i in several.known(one.line)]
    top = max([*drawn, *(limit for limit, _ in limits), 1.0])
    plain = theme.layout(0)["yaxis"]
    layout[place] = {**plain, "range": [-0.06 * top, 1.12 * top], "tickformat": ",d", "title": _title("alarms")}
    layout[place] |= {"nticks": 4} | ({"dtick": 1} if top < 4 else {})
    if under:
        layout["yaxis"]["domain"], layout[place]["domain"] = [0.42, 1], [0, 0.32]
        layout["xaxis"]["anchor"] = axis
    layout["shapes"] += bounds(limits, theme, axis)
    traces = [trace for one in below for trace in several.drawn(one, scope, "%{y:,.0f} alarms")]
    return [{**trace, "yaxis": axis} for trace in traces]


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 11}}


def _note(above: Sequence[Shown], below: Sequence[Shown]) -> list[str]:
    said = [f"{several.lengths([*above, *below])}, by when labels became known; each is looked at from its start."]
    if above:
        said.append(
            "Evidence: the largest value of Shiryaev–Roberts' statistic, on a logarithmic axis; where it reaches the "
            "dotted bound it alarms."
        )
    if below:
        where = "Below: how" if above else "How"
        said.append(f"{where} many alarms the other detectors raised, which promise nothing about false ones.")
    return said


def _told(one: Shown, limits: Sequence[float]) -> str:
    """The most of it, and when."""
    values = one.line.value
    most = max(several.known(one.line), key=lambda i: values[i] or 0.0)
    value, on = values[most] or 0.0, f"on {words.day(one.line.at[most])}"
    if one.line.name == EVIDENCE:
        at = f" (an alarm is at {words.number(limits[0])})" if limits else ""
        return f"{one.name}: at most {words.number(value)}, {on}{at}."
    return (
        f"{one.name}: at most {words.count(value, 'alarm')} in a window, {on}." if value else f"{one.name}: no alarm."
    )
