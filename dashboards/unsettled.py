"""Numbers that labels which are still coming may change: when, and the shade behind them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from dashboards import words
from dashboards.plotting import shift, step
from dashboards.queries import Line, Scope
from dashboards.theme import Theme

IMMATURE = "immature"


def unsettled(one: Line) -> frozenset[int]:
    """When labels that are still coming may change its numbers."""
    return frozenset(at for at, verdict in zip(one.at, one.verdict, strict=False) if verdict == IMMATURE)


def stretches(times: Collection[int], scope: Scope) -> list[tuple[int, int]]:
    """What these points in time cover, neighbours together."""
    by, found = shift(scope), list[tuple[int, int]]()
    for at in sorted(times):
        start, end = at + by - step(scope) // 2, at + by + step(scope) // 2
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found


def shade(start: int, end: int, domain: Sequence[float], theme: Theme) -> dict[str, Any]:
    """A shape behind what is drawn from ``start`` to ``end``, over a part of the figure's height."""
    place = {
        "xref": "x",
        "x0": words.iso(start),
        "x1": words.iso(end),
        "yref": "paper",
        "y0": domain[0],
        "y1": domain[1],
    }
    return {"type": "rect", **place, "layer": "below", "line": {"width": 0}, "fillcolor": f"{theme.line}/0.45"}
