"""Colours by name, and what all figures have in common.

A colour is written ``@name`` or ``@name/alpha``; the page's script puts in the style sheet's value of ``--name``, so
that figures follow the reader's light or dark scheme and one file says what each colour is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERDICT_COLOURS: Mapping[str | None, str] = {
    "ok": "@ok",
    "warning": "@warning",
    "critical": "@critical",
    "cannot_tell": "@quiet",
    None: "@quiet",
}
VERDICT_SYMBOLS: Mapping[str, str] = {"warning": "triangle-up", "critical": "diamond"}
SERIES = ("@series-1", "@series-2", "@series-3", "@series-4", "@series-5", "@series-6", "@series-7", "@series-8")


@dataclass(frozen=True)
class Theme:
    """Names of colours and the size of type in figures."""

    ink: str = "@ink"
    soft: str = "@soft"
    line: str = "@line"
    paper: str = "@paper"
    accent: str = "@accent"
    reference: str = "@reference"
    size: int = 12

    def layout(self, height: int, **more: Any) -> dict[str, Any]:
        """A quiet frame: no box, thin grid, legend above, hover on the x axis."""
        axis = {
            "gridcolor": self.line,
            "linecolor": self.line,
            "zeroline": False,
            "automargin": True,
            "fixedrange": True,
        }
        base: dict[str, Any] = {
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {
                "color": self.soft,
                "size": self.size,
                "family": "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
            },
            "hoverlabel": {
                "bgcolor": self.paper,
                "bordercolor": self.line,
                "font": {"color": self.ink},
                "align": "left",
            },
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
            "xaxis": {**axis, "showgrid": False},
            "yaxis": {**axis},
            "hovermode": "x unified",
            "dragmode": False,
        }
        for name, value in more.items():
            known = base.get(name)
            base[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
        return base
