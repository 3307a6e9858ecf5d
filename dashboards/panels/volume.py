"""How many predictions came in, by model version, and how many of them have a label by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure, Numbers
from dashboards.plotting import Trace, mark, table, time_axis
from dashboards.queries import HOUR, Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, Theme

TITLE = "Volume and labels"


def ask(scope: Scope) -> Sequence[Query]:
    """Rows and labels over time, and what happened."""
    return [Series("rows"), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """Stacked bars: full where the label is known, pale where it is not yet."""
    series, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(timeline, Marks)
    if not series.lines:
        return Figure(TITLE, empty="No predictions were counted in this stretch of time.")
    hourly = _hourly(series.lines)
    data = _bars(series.lines, HOUR if hourly else 24 * HOUR)
    layout = theme.layout(240, barmode="stack", bargap=0.15, xaxis=time_axis(scope), yaxis={"tickformat": "~s"})
    mark(layout, data, timeline.marks, scope, theme)
    per = "hour" if hourly else "day"
    note = f"Rows per {per}: full where a label is known, pale where it is not yet"
    unusable = _total(series.lines, "unusable") > 0
    note += ", palest where there is no usable prediction, so that none is awaited." if unusable else "."
    return Figure(TITLE, _say(series.lines), note, data, layout, _numbers(series.lines))


def _hourly(lines: Sequence[Line]) -> bool:
    return any(at % (24 * HOUR) for one in lines for at in one.at)


def _versions(lines: Sequence[Line]) -> list[str]:
    return sorted({one.version for one in lines})


def _bars(lines: Sequence[Line], unit: int) -> list[Trace]:
    found: list[Trace] = []
    for version, colour in zip(_versions(lines), SERIES * 3, strict=False):
        mine = {one.name: one for one in lines if one.version == version}
        name = version or "predictions"
        for part, shade, words_ in (
            ("labelled", colour, "with label"),
            ("unlabelled", f"{colour}/0.35", "no label yet"),
            ("unusable", f"{colour}/0.15", "no usable prediction"),
        ):
            one = mine.get(part)
            if one is not None and any(one.value):
                found.append(
                    {
                        "type": "bar",
                        "name": f"{name}, {words_}",
                        "x": [words.iso(at + unit // 2) for at in one.at],
                        "y": list(one.value),
                        "marker": {"color": shade},
                        "hovertemplate": f"{name}, {words_}: %{{y:,}}<extra></extra>",
                    }
                )
    return found


def _total(lines: Sequence[Line], name: str) -> float:
    return sum(value or 0 for one in lines if one.name == name for value in one.value)


def _say(lines: Sequence[Line]) -> str:
    labelled, without, unusable = (_total(lines, name) for name in ("labelled", "unlabelled", "unusable"))
    share = labelled / max(labelled + without, 1)
    said = f"{words.count(labelled + without, 'prediction')}, {words.percent(share)} % of them with a label by now."
    return f"{said} {words.count(unusable, 'row')} without a usable prediction." if unusable else said


def _numbers(lines: Sequence[Line]) -> Numbers:
    named = [(f"{one.version or 'all'}, {one.name}", one) for one in lines if one.name != "unusable" or any(one.value)]
    return table("Time", named, lambda value: "–" if value is None else f"{value:,.0f}")
