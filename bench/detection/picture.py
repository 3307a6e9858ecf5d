"""A bar chart on a logarithmic scale as SVG, for pages that show pictures and run nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, NUMBERS, LINE, TOP = 760, 150, 90, 26, 44
INK, QUIET, OURS, OTHERS = "#1f2933", "#9aa5b1", "#0b6e99", "#c9d3dc"


@dataclass(frozen=True)
class Bar:
    """``low`` and ``high``: an interval to draw; ``text`` stands at the end."""

    label: str
    value: float
    text: str
    ours: bool = False
    low: float | None = None
    high: float | None = None


def bars(title: str, data: Sequence[Bar], floor: float) -> str:
    """Horizontal bars; values at or under ``floor`` have no length."""
    top = max(max(bar.high or bar.value, bar.value) for bar in data)
    decades = max(1, math.ceil(math.log10(max(top, floor * 10) / floor)))
    scale = (WIDTH - LABELS - NUMBERS) / decades
    height = TOP + LINE * len(data) + 30

    def x(value: float) -> float:
        return LABELS + scale * max(0.0, math.log10(max(value, floor) / floor))

    parts = [f'<text x="12" y="24" font-size="15" font-weight="600" fill="{INK}">{escape(title)}</text>']
    for decade in range(decades + 1):
        at = LABELS + scale * decade
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 6}" y2="{height - 24}" stroke="#e4e9ee"/>')
        text = f"{floor * 10**decade:g}"
        parts.append(f'<text x="{at:.1f}" y="{height - 8}" text-anchor="middle" fill="{QUIET}">{text}</text>')
    for place, bar in enumerate(data):
        parts += _bar(bar, TOP + LINE * place, x)
    body = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n'
    )


def _bar(bar: Bar, y: int, x: Callable[[float], float]) -> list[str]:
    start, end = LABELS, x(bar.value)
    found = [
        f'<text x="{LABELS - 8}" y="{y + 14}" text-anchor="end" fill="{INK}">{escape(bar.label)}</text>',
        f'<rect x="{start}" y="{y + 2}" width="{max(end - start, 1):.1f}" height="16" rx="2" '
        f'fill="{OURS if bar.ours else OTHERS}"/>',
    ]
    if bar.low is not None and bar.high is not None:
        line = f'<line x1="{x(bar.low):.1f}" x2="{x(bar.high):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="{INK}"/>'
        found.append(line)
        end = max(end, x(bar.high))
    found.append(f'<text x="{end + 6:.1f}" y="{y + 14}" fill="{INK}">{escape(bar.text)}</text>')
    return found
