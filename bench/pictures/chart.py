"""A small chart as SVG: lines, bands, dots, bars and words, in the colours of the reader's scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 64, 44
STYLE = """
.page{fill:#fff}.ink{fill:#1f2933}.quiet{fill:#6b7785}.grid{stroke:#e4e9ee}.axis{stroke:#9aa5b1}
.a{stroke:#0b6e99}.b{stroke:#c2410c}.c{stroke:#5b7a1f}.d{stroke:#8792a0}
.fa{fill:#0b6e99}.fb{fill:#c2410c}.fc{fill:#5b7a1f}.fd{fill:#8792a0}
@media(prefers-color-scheme:dark){.page{fill:#14181d}.ink{fill:#e6ebf0}.quiet{fill:#98a4b1}.grid{stroke:#2a323b}
.axis{stroke:#566270}.a{stroke:#5bb8e0}.b{stroke:#f2935c}.c{stroke:#a8cc66}.d{stroke:#7d8996}
.fa{fill:#5bb8e0}.fb{fill:#f2935c}.fc{fill:#a8cc66}.fd{fill:#7d8996}}
"""


@dataclass
class Chart:
    """``x`` and ``y``: what the axes go from and to; ``colour`` of a part is a, b, c or d."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str = ""
    y_title: str = ""
    x_ticks: Sequence[tuple[float, str]] | None = None
    y_ticks: Sequence[tuple[float, str]] | None = None
    parts: list[str] = field(default_factory=list)
    legend: list[tuple[str, str, bool]] = field(default_factory=list)

    def line(
        self, x: Sequence[float], y: Sequence[float], colour: str, label: str = "", *, dashed: bool = False
    ) -> None:
        """A line through points; where y is not a number it is broken."""
        runs = np.split(np.arange(len(x)), np.flatnonzero(~np.isfinite(np.asarray(y, dtype=float))))
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        for run in runs:
            points = " ".join(self._at(x[i], y[i]) for i in run if np.isfinite(y[i]))
            if points:
                self.parts.append(f'<polyline points="{points}" class="{colour}" fill="none" stroke-width="2"{dash}/>')
        self._note(label, colour, dashed)

    def band(
        self, x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str, label: str = ""
    ) -> None:
        """What lies between two lines."""
        points = [self._at(*one) for one in zip(x, low, strict=True)]
        points += [self._at(*one) for one in list(zip(x, high, strict=True))[::-1]]
        self.parts.append(f'<polygon points="{" ".join(points)}" class="f{colour}" opacity="0.18"/>')
        self._note(label, colour, False)

    def dots(self, x: Sequence[float], y: Sequence[float], colour: str, label: str = "", *, size: float = 3) -> None:
        """A dot at each point."""
        for one in zip(x, y, strict=True):
            cx, cy = self._at(*one).split(",")
            self.parts.append(f'<circle cx="{cx}" cy="{cy}" r="{size:g}" class="f{colour}"/>')
        self._note(label, colour, False)

    def bars(
        self, x: Sequence[float], y: Sequence[float], colour: str, label: str = "", *, width: float, base: float = 0.0
    ) -> None:
        """Upright bars from ``base``, ``width`` in units of x."""
        for place, value in zip(x, y, strict=True):
            left, top = map(float, self._at(place - width / 2, max(value, base)).split(","))
            right, bottom = map(float, self._at(place + width / 2, min(value, base)).split(","))
            size = f'width="{right - left:.1f}" height="{max(bottom - top, 0.5):.1f}"'
            self.parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} class="f{colour}" opacity="0.85"/>')
        self._note(label, colour, False)

    def interval(self, x: float, low: float, high: float, colour: str) -> None:
        """An upright interval with caps."""
        (x0, y0), (_, y1) = (map(float, self._at(x, one).split(",")) for one in (low, high))
        path = f"M{x0} {y0}V{y1}M{x0 - 5} {y0}h10M{x0 - 5} {y1}h10"
        self.parts.append(f'<path d="{path}" class="{colour}" fill="none" stroke-width="2"/>')

    def rule(self, *, x: float | None = None, y: float | None = None, text: str = "") -> None:
        """A dotted line across, with a word at its end."""
        first, last = ((x, self.y[0]), (x, self.y[1])) if x is not None else ((self.x[0], y), (self.x[1], y))
        a, b = self._at(*first), self._at(*last)  # type: ignore[arg-type]
        (xa, ya), (xb, yb) = a.split(","), b.split(",")
        self.parts.append(f'<line x1="{xa}" y1="{ya}" x2="{xb}" y2="{yb}" class="axis" stroke-dasharray="2 3"/>')
        if text:
            place = (
                f'x="{float(xb) + 5:.1f}" y="{float(yb) + 12:.1f}"'
                if x is not None
                else (f'x="{float(xb) - 4:.1f}" y="{float(yb) - 5:.1f}" text-anchor="end"')
            )
            self.parts.append(f'<text {place} class="quiet">{escape(text)}</text>')

    def say(self, x: float, y: float, text: str, *, anchor: str = "start") -> None:
        """Words at a point."""
        px, py = self._at(x, y).split(",")
        self.parts.append(f'<text x="{px}" y="{py}" class="ink" text-anchor="{anchor}">{escape(text)}</text>')

    def svg(self) -> str:
        """The whole picture."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            f'role="img" aria-label="{escape(self.title)}" font-family="system-ui, sans-serif" font-size="12">'
            f'<style>{STYLE}</style><rect width="100%" height="100%" class="page"/>'
            f'<text x="16" y="24" font-size="15" font-weight="600" class="ink">{escape(self.title)}</text>'
            f"{''.join(self._frame() + self.parts + self._legend())}</svg>\n"
        )

    def _at(self, x: float, y: float) -> str:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        px = LEFT + min(max(across, -0.02), 1.02) * (WIDTH - LEFT - RIGHT)
        py = HEIGHT - BOTTOM - min(max(up, -0.02), 1.02) * (HEIGHT - TOP - BOTTOM)
        return f"{px:.1f},{py:.1f}"

    def _note(self, label: str, colour: str, dashed: bool) -> None:
        if label:
            self.legend.append((label, colour, dashed))

    def _frame(self) -> list[str]:
        found = []
        for value, text in self.x_ticks if self.x_ticks is not None else _ticks(*self.x):
            px, py = self._at(value, self.y[0]).split(",")
            found.append(
                f'<text x="{px}" y="{float(py) + 16:.1f}" text-anchor="middle" class="quiet">{escape(text)}</text>'
            )
        for value, text in self.y_ticks if self.y_ticks is not None else _ticks(*self.y):
            (xa, ya), (xb, _) = (self._at(end, value).split(",") for end in self.x)
            found.append(f'<line x1="{xa}" y1="{ya}" x2="{xb}" y2="{ya}" class="grid"/>')
            found.append(
                f'<text x="{LEFT - 8}" y="{float(ya) + 4:.1f}" text-anchor="end" class="quiet">{escape(text)}</text>'
            )
        found.append(
            f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end" class="quiet">{escape(self.x_title)}</text>'
        )
        found.append(f'<text x="16" y="{TOP - 10}" class="quiet">{escape(self.y_title)}</text>')
        return found

    def _legend(self) -> list[str]:
        found, at = [], WIDTH - RIGHT
        for label, colour, dashed in reversed(self.legend):
            at -= int(6.6 * len(label)) + 34
            dash = ' stroke-dasharray="5 4"' if dashed else ""
            found.append(f'<line x1="{at}" x2="{at + 20}" y1="44" y2="44" class="{colour}" stroke-width="3"{dash}/>')
            found.append(f'<text x="{at + 26}" y="48" class="ink">{escape(label)}</text>')
        return found


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Four to eight round numbers."""
    step = 10 ** np.floor(np.log10(high - low))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if (high - low) / s <= 8)
    first = np.ceil(low / step - 1e-9) * step
    return [(float(v), f"{v:g}") for v in np.round(np.arange(first, high + step / 1e6, step), 10) + 0.0]
