"""A figure: what the plot library draws, and the same in words and numbers for those who do not see it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Numbers:
    """A table of the numbers behind a figure."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """``words`` is one sentence that says what is to be seen; ``empty`` stands in its place when there is nothing to
    draw; ``link`` is what a click on a row of the figure leads to, followed by the row's name."""

    title: str
    words: str = ""
    note: str = ""
    data: Sequence[dict[str, Any]] = ()
    layout: dict[str, Any] = field(default_factory=dict)
    numbers: Numbers | None = None
    empty: str | None = None
    link: str | None = None

    @property
    def height(self) -> int:
        """In pixels, so that the page does not jump when it is drawn."""
        return int(self.layout.get("height", 0))

    def to_json(self) -> str:
        """What the script reads, safe inside a script element."""
        text = json.dumps(
            {"data": list(self.data), "layout": self.layout, "link": self.link},
            separators=(",", ":"),
            allow_nan=False,
            ensure_ascii=False,
        )
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
