"""Several lines in one figure: their names and colours, and which of them are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dashboards import words
from dashboards.plotting import Trace, band, line, reach, shift, verdict_markers
from dashboards.queries import HOUR, Line, Scope
from dashboards.theme import SERIES

MOST_LINES, MOST_BANDS = 6, 2
_RANKS: Mapping[str | None, int] = {"ok": 1, "warning": 2, "critical": 3}
_PARTS: tuple[Callable[[Line], str], ...] = (
    lambda one: one.version if one.version not in ("*", "") else "all",
    lambda one: words.span(one.length_hours * HOUR),
    lambda one: one.check,
)


class Shown(NamedTuple):
    """A line with its name, its colour, and whether its interval is drawn."""

    name: str
    line: Line
    colour: str
    banded: bool


def known(one: Line) -> list[int]:
    """Indices of the points that have a value."""
    return [i for i, value in enumerate(one.value) if value is not None]


def named(lines: Sequence[Line], of: Callable[[Line], str]) -> list[tuple[str, Line]]:
    """Each with what it is ``of``, and where several are of the same with version, length and check as far as these
    differ."""
    alike: dict[str, list[Line]] = {}
    for one in lines:
        alike.setdefault(of(one), []).append(one)
    found = []
    for one in lines:
        others = alike[of(one)]
        parts = [part(one) for part in _PARTS if len({part(each) for each in others}) > 1]
        found.append((", ".join([of(one), *parts]), one))
    return found


def worst(lines: Sequence[tuple[str, Line]], most: int = MOST_LINES) -> list[Shown]:
    """At most so many of these lines with values, in their order: those of the worst verdicts, then those that are
    surely highest at some time, then the highest. More intervals than two would hide each other."""

    def badness(one: Line) -> tuple[int, float, float]:
        sure = max((value for value in one.lower if value is not None), default=0.0)
        highest = max(one.value[i] or 0.0 for i in known(one))
        return max((_RANKS.get(said, 0) for said in one.verdict), default=0), sure, highest

    kept = sorted(range(len(lines)), key=lambda i: badness(lines[i][1]), reverse=True)[:most]
    banded = kept[:MOST_BANDS]
    return [Shown(*lines[i], colour, i in banded) for i, colour in zip(sorted(kept), SERIES, strict=False)]


def drawn(one: Shown, scope: Scope, hover: str) -> list[Trace]:
    """The line with its interval, where it has one that is drawn, and its verdicts."""
    of, gap, by = one.line, reach(scope, one.line.length_hours), shift(scope)
    interval = one.banded and any(value is not None for value in of.lower)
    return [
        *([band(of.at, of.lower, of.upper, one.colour, gap, by)] if interval else []),
        line(one.name, of.at, of.value, one.colour, gap=gap, by=by, hover=hover),
        *verdict_markers(of.at, of.value, of.verdict, by),
    ]


def limits(shown: Sequence[Shown], scope: Scope) -> list[tuple[float, str]]:
    """What checks state as limits of these lines, with the colours of the verdicts; where several checks do, each in
    the colour of its first line."""
    stated: dict[str, str] = {}
    for one in shown:
        if scope.limits.get(one.line.check):
            stated.setdefault(one.line.check, one.colour)
    if len(stated) > 1:
        return [(limit, colour) for check, colour in stated.items() for limit in scope.limits[check]]
    return [pair for check in stated for pair in zip(scope.limits[check], ("@warning", "@critical"), strict=False)]


def lengths(shown: Sequence[Shown]) -> str:
    """``Windows of 24 hours and 7 days``."""
    found = sorted({one.line.length_hours for one in shown})
    return f"Windows of {' and '.join(words.span(one * HOUR) for one in found)}"


def of_which(shown: Sequence[Shown]) -> str:
    """Of which lines the interval is drawn, where not of all."""
    bands = sum(one.banded for one in shown)
    return "" if bands == len(shown) else f" (of the {bands} worst)"


def left_out(lines: Sequence[object], shown: Sequence[Shown]) -> list[str]:
    """That the table has more lines than the figure, where it has."""
    more = len(lines) - len(shown)
    return [f"The table has {words.count(more, 'more line')}."] if more else []
