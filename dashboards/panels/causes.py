"""What a rise of the loss is made of, and what retraining would gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.figure import Figure, Numbers
from dashboards.plotting import Trace, amount, between
from dashboards.queries import Answer, Cause, Causes, Effect, Query, Scope
from dashboards.theme import SERIES, Theme

TITLE = "What the rise is made of"


def ask(scope: Scope) -> Sequence[Query]:
    """The explanation."""
    return [Cause()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """A point with its interval for the whole, each part and the gain; None where nothing could be explained."""
    (found,) = (answers[query] for query in ask(scope))
    assert isinstance(found, Causes)
    if found.rise is None:
        return None
    rows = [found.rise, *found.parts, *([found.gain] if found.gain else [])]
    colours = [theme.ink, *SERIES[: len(found.parts)], theme.accent]
    data = [_point(one, colour, found) for one, colour in zip(rows, colours, strict=False)]
    names = {"autorange": "reversed", "showgrid": False, "type": "category", "tickfont": {"color": theme.ink}}
    zero = {"zeroline": True, "zerolinecolor": theme.soft, "ticksuffix": " pt" if found.in_points else ""}
    layout = theme.layout(80 + 34 * len(rows), hovermode="closest", showlegend=False, xaxis=zero, yaxis=names)
    said = f"{found.loss} rose by {amount(found.rise.value, found)} ({between(found.rise, found)})."
    return Figure(TITLE, said, "95 % intervals from whole days drawn anew.", data, layout, _numbers(rows, found))


def _point(one: Effect, colour: str, found: Causes) -> Trace:
    scale = 100 if found.in_points else 1
    value = one.value * scale
    known = one.lower is not None and one.upper is not None
    above = [(one.upper or 0.0) * scale - value] if known else [0.0]
    below = [value - (one.lower or 0.0) * scale] if known else [0.0]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(value, 4)],
        "y": [one.name],
        "error_x": {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": colour},
        "marker": {"size": 10, "color": colour},
        "hovertemplate": f"{amount(one.value, found)} ({between(one, found)})<extra></extra>",
    }


def _numbers(rows: Sequence[Effect], found: Causes) -> Numbers:
    return Numbers(
        ["What", "Rise of the loss", "95 % interval"],
        [[one.name, amount(one.value, found), between(one, found)] for one in rows],
    )
