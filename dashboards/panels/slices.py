"""Which slices of the rows got worse, by what they add to the rise of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure, Numbers
from dashboards.plotting import amount, between, wrapped
from dashboards.queries import Answer, Cause, Causes, Query, Scope
from dashboards.theme import SERIES, Theme

TITLE = "Where it got worse"
NOTE = (
    "Values and pairs of values that got worse than the rest, chosen on half of the days and measured on the other "
    "half; at most 5 % of such a list are there by chance. They may overlap."
)


def ask(scope: Scope) -> Sequence[Query]:
    """The explanation."""
    return [Cause()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """A bar per slice; None where nothing could be explained."""
    (found,) = (answers[query] for query in ask(scope))
    assert isinstance(found, Causes)
    if found.rise is None:
        return None
    if not found.slices:
        return Figure(TITLE, empty="No value of a feature and no pair of values got surely worse than the rest.")
    scale = 100 if found.in_points else 1
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": [round(one.contribution * scale, 4) for one in found.slices],
        "y": [wrapped(one.name) for one in found.slices],
        "marker": {"color": SERIES[0]},
        "text": [f"{amount(one.value, found)} in {words.percent(one.share)} % of the rows" for one in found.slices],
        "textposition": "auto",
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    names = {"autorange": "reversed", "showgrid": False, "type": "category", "tickfont": {"color": theme.ink}}
    across = {"ticksuffix": " pt" if found.in_points else "", "rangemode": "tozero"}
    layout = theme.layout(70 + 34 * len(found.slices), hovermode="closest", xaxis=across, yaxis=names)
    worst = found.slices[0]
    said = (
        f"Most of all where {worst.name}: {amount(worst.value, found)} ({between(worst, found)}) in "
        f"{words.percent(worst.share)} % of the rows, {amount(worst.contribution, found)} of the whole."
    )
    return Figure(TITLE, said, NOTE, [bar], layout, _numbers(found))


def _numbers(found: Causes) -> Numbers:
    rows = [
        [
            one.name,
            amount(one.value, found),
            between(one, found),
            f"{words.percent(one.share)} %",
            amount(one.contribution, found),
        ]
        for one in found.slices
    ]
    return Numbers(["Where", "Rise of the loss", "95 % interval", "Rows", "Of the whole"], rows)
