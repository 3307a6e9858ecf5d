"""Pieces that panels build figures from: traces as plain dicts, marks on the time axis, tables of the numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from dashboards import words
from dashboards.figure import Numbers
from dashboards.queries import DAY, HOUR, Causes, Effect, Line, Mark, Scope
from dashboards.theme import VERDICT_COLOURS, VERDICT_SYMBOLS, Theme

Trace = dict[str, Any]
Values = Sequence[float | None]

WEEK = 168  # hours
MOST_NUMBERS = 100
MOST_MARKS = 80
FEW_MARKS = 8  # up to here each has a line down through the figure
SUNK = "y9"  # an axis of its own for marks, from 0 to 1 over the whole height


def rounded(values: Values, digits: int = 4) -> list[float | None]:
    """Short numbers: a page carries thousands."""
    return [None if value is None else round(value, digits) for value in values]


def time_axis(scope: Scope) -> dict[str, Any]:
    """The x axis of everything over time: the page's stretch, whatever has readings."""
    written = "%-d %b %Y, %H:%M" if scope.fine else "%-d %b %Y"
    return {"type": "date", "range": [words.iso(scope.start), words.iso(scope.end)], "hoverformat": written}


def shift(scope: Scope) -> int:
    """A day's number is drawn at its noon, a window's where the window ends."""
    return 0 if scope.fine else DAY // 2


def step(scope: Scope) -> int:
    """The distance of neighbouring points: beyond twice that a line is broken."""
    return 4 * HOUR if scope.fine else DAY


def reach(scope: Scope, length_hours: int) -> int:
    """Beyond which distance a line of windows of that length is broken: those of a week end once a day."""
    return step(scope) * (8 if length_hours >= WEEK else 2)


def runs(at: Sequence[int], values: Values, gap: int) -> list[list[int]]:
    """Indices of points with a value, cut where neighbours are farther apart than ``gap``."""
    found: list[list[int]] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        if found and at[index] - at[found[-1][-1]] <= gap:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def broken(at: Sequence[int], values: Values, gap: int, by: int = 0) -> tuple[list[str | None], list[float | None]]:
    """x and y of a line with a hole wherever there is nothing."""
    x: list[str | None] = []
    y: list[float | None] = []
    for run in runs(at, values, gap):
        if x:
            x.append(None)
            y.append(None)
        x += [words.iso(at[i] + by) for i in run]
        y += rounded([values[i] for i in run])
    return x, y


def line(
    name: str,
    at: Sequence[int],
    values: Values,
    colour: str,
    *,
    gap: int,
    by: int = 0,
    hover: str = "%{y:.4~g}",
    **more: Any,
) -> Trace:
    """A line with holes where there is nothing; ``by`` moves it in time."""
    x, y = broken(at, values, gap, by)
    drawn = {"color": colour, "width": 1.75, **more.pop("line", {})}
    mode = more.pop("mode", "lines+markers" if len(x) <= 10 else "lines")
    hovered = f"{name} {hover}<extra></extra>"
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": x,
        "y": y,
        "line": drawn,
        "hovertemplate": hovered,
    } | more


def band(at: Sequence[int], lower: Values, upper: Values, colour: str, gap: int, by: int = 0) -> Trace:
    """The area between two lines."""
    x: list[str | None] = []
    y: list[float | None] = []
    both = [None if low is None or high is None else low for low, high in zip(lower, upper, strict=True)]
    for run in runs(at, both, gap):
        if x:
            x.append(None)
            y.append(None)
        there = [words.iso(at[i] + by) for i in run]
        x += [*there, *reversed(there), there[0]]
        y += rounded([*(lower[i] for i in run), *(upper[i] for i in reversed(run)), lower[run[0]]])
    fill = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": f"{colour}/0.16", "line": {"width": 0}}
    return {**fill, "x": x, "y": y, "hoverinfo": "skip", "showlegend": False}


def verdict_markers(at: Sequence[int], values: Values, verdicts: Sequence[str | None], by: int = 0) -> list[Trace]:
    """A symbol of its own on every point at severity: colour never speaks alone."""
    found = []
    for verdict, symbol in VERDICT_SYMBOLS.items():
        places = [i for i, one in enumerate(verdicts) if one == verdict and values[i] is not None]
        if places:
            marker = {"symbol": symbol, "size": 9, "color": VERDICT_COLOURS[verdict]}
            found.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": verdict,
                    "x": [words.iso(at[i] + by) for i in places],
                    "y": rounded([values[i] for i in places]),
                    "marker": marker,
                    "hovertemplate": f"{verdict}<extra></extra>",
                    "showlegend": False,
                }
            )
    return found


def bounds(levels: Sequence[tuple[float, str]], theme: Theme, axis: str = "y") -> list[dict[str, Any]]:
    """Dotted lines at what counts as warning and as critical."""
    return [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "yref": axis,
            "y0": level,
            "y1": level,
            "line": {"color": colour, "width": 1, "dash": "dot"},
        }
        for level, colour in levels
    ]


def mark(layout: dict[str, Any], data: list[Trace], marks: Sequence[Mark], scope: Scope, theme: Theme) -> None:
    """Put alerts, new versions and retrainings on a figure's time axis."""
    near = scope.start + (scope.end - scope.start) // 50  # a version that is there from the start is no news
    since = {"version": near}
    shown = [one for one in marks if since.get(one.what, scope.start) <= one.at <= scope.end + HOUR][-MOST_MARKS:]
    if not shown:
        return
    shapes, notes = layout.setdefault("shapes", []), layout.setdefault("annotations", [])
    layout["yaxis9"] = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
    for one in shown:
        if one.what == "version" or len(shown) <= FEW_MARKS:
            shapes.append(_stroke(one, theme))
        if one.what == "version":
            notes.append(_note(one, theme))
    for what, symbol in (*VERDICT_SYMBOLS.items(), ("retraining", "star")):
        found = [one for one in shown if one.what == what]
        if found:
            data.append(_flags(what, symbol, found))


def _stroke(one: Mark, theme: Theme) -> dict[str, Any]:
    colour = {"version": theme.ink, "retraining": theme.accent}.get(one.what) or VERDICT_COLOURS[one.what]
    drawn = {"color": f"{colour}/0.55", "width": 1, "dash": "dash" if one.what == "version" else "solid"}
    at = words.iso(one.at)
    return {"type": "line", "xref": "x", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": drawn}


def _note(one: Mark, theme: Theme) -> dict[str, Any]:
    place = {"x": words.iso(one.at), "xref": "x", "y": 0, "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {**place, "text": one.words, "showarrow": False, "font": {"size": 11, "color": theme.ink}}


def _flags(what: str, symbol: str, found: Sequence[Mark]) -> Trace:
    colour = VERDICT_COLOURS.get(what, "@accent")
    name = "retraining" if what == "retraining" else f"{what} alert"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [words.iso(one.at) for one in found],
        "y": [1] * len(found),
        "yaxis": SUNK,
        "cliponaxis": False,
        "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1, "color": "@paper"}},
        "text": [wrapped(one.words) for one in found],
        "hovertemplate": f"<b>{name}</b> %{{text}}<extra></extra>",
        "showlegend": False,
    }


def wrapped(text: str, width: int = 48) -> str:
    """At most four short lines, as hover boxes do not wrap; safe in the plot's own markup."""
    lines: list[str] = []
    for word in text.replace("&", "&amp;").replace("<", "&lt;").split():
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "<br>".join(lines[:4]) + (" …" if len(lines) > 4 else "")


def table(
    first: str,
    lines: Sequence[tuple[str, Line]],
    write: Any = words.number,
    unsettled: Sequence[Collection[int]] = (),
) -> Numbers:
    """The newest numbers of lines, one row per point in time; ``unsettled``: of the first lines, when a number may
    change yet, which it says."""
    at = sorted({one for _, each in lines for one in each.at})[-MOST_NUMBERS:]
    later = [*unsettled, *(() for _ in lines[len(unsettled) :])]
    written = [_written(each, write, some) for (_, each), some in zip(lines, later, strict=True)]
    when = {one: words.moment(one) if one % DAY else words.day(one) for one in at}
    rows = [[when[one], *(each.get(one, write(None)) for each in written)] for one in at]
    return Numbers([first, *(name for name, _ in lines)], rows[::-1])


def _written(one: Line, write: Any, later: Collection[int]) -> dict[int, str]:
    return {
        at: f"{write(value)} so far" if value is not None and at in later else write(value)
        for at, value in zip(one.at, one.value, strict=True)
    }


def share(value: float | None) -> str:
    """A share for a table of numbers."""
    return "–" if value is None else f"{words.percent(value)} %"


def amount(value: float, found: Causes) -> str:
    """A change of the loss in its unit."""
    return f"{words.percent(value)} points" if found.in_points else words.number(value)


def between(one: Effect, found: Causes) -> str:
    """Its limits: ``2.1 to 4.5``."""
    if one.lower is None or one.upper is None:
        return "–"
    write = words.percent if found.in_points else words.number
    return f"{write(one.lower)} to {write(one.upper)}"
