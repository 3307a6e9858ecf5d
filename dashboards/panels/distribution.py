"""One feature in the reference and in the window, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards import rebin, words
from dashboards.figure import Figure, Numbers
from dashboards.plotting import Trace, rounded
from dashboards.queries import Answer, Histogram, Query, Scope, SideBySide
from dashboards.theme import Theme

MOST_CATEGORIES = 20
REST = {
    "other": "(rare ones)",
    "unseen": "(unseen in the reference)",
    "missing": "(missing)",
    "mismatch": "(wrong type)",
}
Floats = NDArray[np.float64]


def ask(scope: Scope) -> Sequence[Query]:
    """The counts of both sides."""
    return [Histogram(scope.feature or "")]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure | None:
    """Bars for categories and for few values, steps for the rest; vectors have no distribution to draw."""
    found = answers[ask(scope)[0]]
    assert isinstance(found, SideBySide)
    if found.type == "embedding":
        return None
    title = "Distribution"
    rows = {side: sum(counts) for side, counts in found.counts.items()}
    if not any(rows.values()):
        return Figure(title, empty="No values were counted in this window.")
    if found.type == "categorical":
        return _categorical(title, found, theme)
    if not found.edges:
        return Figure(title, empty="The values are counted in bins once the model has a reference.")
    return _numeric(title, found, theme)


def _names(found: SideBySide) -> dict[str, str]:
    rows = {side: sum(counts) for side, counts in found.counts.items()}
    window = words.window(found.start, found.end)
    named = {"current": f"{window} ({words.count(rows.get('current', 0), 'row')})"}
    if "reference" in rows:
        named["reference"] = f"reference {found.reference} ({words.count(rows['reference'], 'row')})"
    return named


def _sides(found: SideBySide) -> dict[str, Floats]:
    return {
        side: np.array(found.counts[side], dtype=float) for side in ("reference", "current") if side in found.counts
    }


def _colour(side: str, theme: Theme) -> str:
    return theme.accent if side == "current" else theme.reference


def _numeric(title: str, found: SideBySide, theme: Theme) -> Figure:
    sides = _sides(found)
    edges = np.array(found.edges)
    single = rebin.single_values(edges, found.maximum, list(sides.values()))
    if single is not None:
        values, shares = single
        return _bars(
            title, found, [words.number(value) for value in values], dict(zip(sides, shares, strict=True)), theme
        )
    bins, shares = rebin.even_shares(rebin.ends(edges, found.minimum, found.maximum), list(sides.values()))
    data = [_steps(_names(found)[side], bins, share, side, theme) for side, share in zip(sides, shares, strict=True)]
    layout = theme.layout(300, hovermode="x", xaxis={"title": found.feature}, yaxis={"tickformat": ".0%"})
    layout["xaxis"]["title"] = {"text": found.feature}
    note = "Share of rows per bin, bins of equal width over the middle 99 % of the values."
    return Figure(title, _outside(found), note, data, layout, _quantile_table(found, sides))


def _steps(name: str, bins: Floats, shares: Floats, side: str, theme: Theme) -> Trace:
    colour = _colour(side, theme)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": rounded([float(f"{edge:.5g}") for edge in bins], 9),
        "y": rounded([*shares.tolist(), float(shares[-1])], 5),
        "line": {"shape": "hv", "color": colour, "width": 2},
        "fill": "tozeroy",
        "fillcolor": f"{colour}/0.14",
        "hovertemplate": "%{y:.1%}<extra></extra>",
    }


def _outside(found: SideBySide) -> str:
    extras = found.extras.get("current", {})
    rows = sum(found.counts.get("current", ())) or 1
    said = []
    for name, words_ in (("below_min", "below"), ("above_max", "above")):
        if extras.get(name):
            bound = found.minimum if name == "below_min" else found.maximum
            share = words.percent(extras[name] / rows)
            said.append(
                f"{share} % of the window's values are {words_} anything in the reference ({words.number(bound)})."
            )
    return " ".join(said)


def _quantile_table(found: SideBySide, sides: Mapping[str, Floats]) -> Numbers:
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    ends = rebin.ends(np.array(found.edges), found.minimum, found.maximum)
    columns = [rebin.quantiles(ends, counts[None, :], levels)[0] for counts in sides.values()]
    rows = [
        [f"{words.percent(level)} % are below", *(words.number(float(column[i])) for column in columns)]
        for i, level in enumerate(levels)
    ]
    return Numbers(["", *(_names(found)[side] for side in sides)], rows)


def _categorical(title: str, found: SideBySide, theme: Theme) -> Figure:
    names, shares = _all_levels(found)
    return _bars(title, found, names, shares, theme)


def _all_levels(found: SideBySide) -> tuple[list[str], dict[str, Floats]]:
    """The commonest levels of either side, then everything else in lines of its own."""
    sides = _sides(found)
    extras = {side: [found.extras.get(side, {}).get(name, 0.0) for name in REST] for side in sides}
    totals = {side: max(float(counts.sum()) + sum(extras[side]), 1.0) for side, counts in sides.items()}
    shares = {side: counts / totals[side] for side, counts in sides.items()}
    order = np.argsort(-np.max(list(shares.values()), axis=0), kind="stable") if found.categories else np.array([], int)
    shown, left = order[:MOST_CATEGORIES], order[MOST_CATEGORIES:]
    names = [found.categories[i] for i in shown]
    parts = {side: list(share[shown]) for side, share in shares.items()}
    if len(left):
        names.append(f"({len(left)} more)")
        for side, share in shares.items():
            parts[side].append(float(share[left].sum()))
    for index, words_ in enumerate(REST.values()):
        if any(extras[side][index] for side in sides):
            names.append(words_)
            for side in sides:
                parts[side].append(extras[side][index] / totals[side])
    return names, {side: np.array(part) for side, part in parts.items()}


def _bars(title: str, found: SideBySide, names: Sequence[str], shares: Mapping[str, Floats], theme: Theme) -> Figure:
    data: list[dict[str, Any]] = []
    for side, share in shares.items():
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": _names(found)[side],
                "x": rounded(share.tolist()),
                "y": list(names),
                "marker": {"color": _colour(side, theme)},
                "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
            }
        )
    rows = {
        "autorange": "reversed",
        "type": "category",
        "dtick": 1,
        "tickfont": {"color": theme.ink},
        "showgrid": False,
    }
    layout = theme.layout(100 + 26 * len(names), hovermode="closest", barmode="group", bargap=0.3, yaxis=rows)
    layout["xaxis"] |= {"tickformat": ".0%", "rangemode": "tozero", "showgrid": True}
    return Figure(
        title, _largest_move(names, shares), "Share of rows.", data, layout, _share_table(found, names, shares)
    )


def _largest_move(names: Sequence[str], shares: Mapping[str, Floats]) -> str:
    if len(shares) < 2 or not len(names):
        return ""
    before, now = shares["reference"], shares["current"]
    at = int(np.argmax(np.abs(now - before)))
    then, there = words.percent(float(before[at])), words.percent(float(now[at]))
    return f"The largest move: {names[at]} from {then} % to {there} % of rows."


def _share_table(found: SideBySide, names: Sequence[str], shares: Mapping[str, Floats]) -> Numbers:
    rows = [
        [name, *(f"{words.percent(float(share[i]))} %" for share in shares.values())] for i, name in enumerate(names)
    ]
    return Numbers(["Value", *(_names(found)[side] for side in shares)], rows)
