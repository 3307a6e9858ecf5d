"""A line of drift as small as a word, drawn without a script."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import words
from dashboards.queries import DAY

WIDTH, HEIGHT, DEPTH = 120, 28, 0.15


def path(drift: Sequence[tuple[int, float, str]]) -> str:
    """The SVG path of a line through the days, the worst at the top; the scale reaches at least to 15 %."""
    points = places(drift)
    if len(points) == 1:
        x, y = points[0]
        points = [(x - 3, y), (x, y)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""


def places(drift: Sequence[tuple[int, float, str]]) -> list[tuple[float, float]]:
    """Where each day lies, the newest at the right edge of 30 days."""
    if not drift:
        return []
    last = drift[-1][0]
    top = max(DEPTH, *(size for _, size, _ in drift)) if drift else DEPTH
    return [
        (WIDTH - 4 - (last - at) / DAY * (WIDTH - 8) / 29, HEIGHT - 3 - size / top * (HEIGHT - 6))
        for at, size, _ in drift
    ]


def marks(drift: Sequence[tuple[int, float, str]]) -> list[tuple[float, float, str]]:
    """(x, y, verdict) of the days at severity."""
    placed = zip(places(drift), drift, strict=True)
    return [(x, y, verdict) for (x, y), (_, _, verdict) in placed if verdict in ("warning", "critical")]


def say(drift: Sequence[tuple[int, float, str]]) -> str:
    """The same in words."""
    if not drift:
        return "no drift measured yet"
    at, size, _ = max(drift, key=lambda one: one[1])
    far, now = words.percent(size), words.percent(drift[-1][1])
    return f"at most {far} % of rows moved, on {words.day(at)}; {now} % on the last day"
