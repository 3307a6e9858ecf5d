"""How good the model was, with its interval, and for how many predictions the truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import Trace, band, line, mark, shift, step, table, time_axis, verdict_markers
from dashboards.queries import Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

TITLE = "Performance"
WEEK = 168


def ask(scope: Scope) -> Sequence[Query]:
    """Every performance reading, and what happened."""
    return [Series("readings", "performance"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """The chosen metric, a line per version and length, above the coverage."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    metric = scope.metric or next(iter(scope.judged), "accuracy")
    shown = [one for one in series.lines if one.name == metric and _known(one)]
    title = f"{TITLE}: {words.metric(metric)}"
    if not shown:
        return Figure(title, empty="No performance is known yet in this stretch: it needs labels, and a reference.")
    covered = [one for one in series.lines if one.name == "label_coverage" and _known(one)]
    data = _metric(scope, shown) + _coverage(scope, covered)
    upper = [0.34, 1] if covered else [0, 1]
    layout = theme.layout(360 if covered else 280, xaxis=time_axis(scope), yaxis={"domain": upper})
    if covered:
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis2"] = {
            **layout["yaxis"],
            "domain": [0, 0.2],
            "range": [0, 1.05],
            "tickformat": ".0%",
            "tickvals": [0, 1],
            "title": {"text": "labels", "font": {"size": 11}},
        }
    mark(layout, data, timeline.marks, scope, theme)
    note = (
        "Thick: the longest windows with their 95 % interval. Thin: shorter windows. "
        "Below: share of predictions whose label is known."
    )
    return Figure(title, _say(metric, shown), note, data, layout, table("Day", _named(shown)))


def _known(one: Line) -> bool:
    return any(value is not None for value in one.value)


def _versions(shown: Sequence[Line]) -> list[str]:
    return sorted({one.version for one in shown if one.version != "*"}) or ["*"]


def _label(one: Line) -> str:
    return one.version if one.version not in ("*", "") else "all"


def _named(shown: Sequence[Line]) -> list[tuple[str, Line]]:
    kept = [one for one in shown if one.version != "*"] or list(shown)
    return [(f"{_label(one)}, {words.span(one.length_hours * 3_600_000_000)}", one) for one in kept]


def _metric(scope: Scope, shown: Sequence[Line]) -> list[Trace]:
    data: list[Trace] = []
    longest, by = max(one.length_hours for one in shown), shift(scope)
    for version, colour in zip(_versions(shown), SERIES, strict=False):
        for one in (each for each in shown if each.version == version):
            thick = one.length_hours == longest
            gap = step(scope) * (8 if one.length_hours >= WEEK else 2)
            if thick:
                data.append(band(one.at, one.lower, one.upper, colour, gap, by))
                data.append(line(_label(one), one.at, one.value, colour, gap=gap, by=by, line={"width": 2.5}))
                data += verdict_markers(one.at, one.value, one.verdict, by)
            else:
                name = f"{_label(one)}, {words.span(one.length_hours * 3_600_000_000)}"
                data.append(line(name, one.at, one.value, f"{colour}/0.5", gap=gap, by=by, line={"width": 1}))
    return data


def _coverage(scope: Scope, covered: Sequence[Line]) -> list[Trace]:
    if not covered:
        return []
    shortest = min(one.length_hours for one in covered)
    kept = [one for one in covered if one.length_hours == shortest]
    found = []
    for version, colour in zip(_versions(kept), SERIES, strict=False):
        for one in (each for each in kept if each.version == version):
            more = {"yaxis": "y2", "showlegend": False, "fill": "tozeroy", "fillcolor": f"{colour}/0.18"}
            hover = "%{y:.0%} of labels known"
            found.append(
                line(_label(one), one.at, one.value, colour, gap=2 * step(scope), by=shift(scope), hover=hover, **more)
            )
    return found


def _say(metric: str, shown: Sequence[Line]) -> str:
    longest = max(one.length_hours for one in shown)
    said = []
    for one in shown:
        if one.length_hours == longest and one.version in _versions(shown):
            value, low, high, at = _last(one)
            interval = "" if low is None or high is None else f" ({words.number(low)} to {words.number(high)})"
            name = words.metric(metric)
            of = f"{name[0].upper()}{name[1:]}" + (f" of {one.version}" if one.version not in ("*", "") else "")
            said.append(f"{of} was {words.number(value)}{interval} on {words.day(at)}.")
    return " ".join(said)


def _last(one: Line) -> tuple[float, float | None, float | None, int]:
    index = max(i for i, value in enumerate(one.value) if value is not None)
    value = one.value[index]
    assert value is not None
    return value, one.lower[index], one.upper[index], one.at[index]
