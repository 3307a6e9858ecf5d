"""A number that stands for a missing value (-999, 9999, -1) and became common. Words for people, no verdict.

How often it occurs is known exactly where it is a heavy value of the reference, or lies beyond the reference's range
and is the only value there; a rare one, which shares its bin with others, is told by the second moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.cuts import Binning, NumericColumn
from detectors.profile import Reference
from detectors.summary import WindowCounts

_NINES = tuple(float("9" * digits) for digits in range(2, 11))
CODES = frozenset(
    {0.0, -1.0, -32768.0, 32767.0, 65535.0, -(2.0**31), 2.0**31 - 1, 1e20, -1e20, 1e30, -1e30, 1e36, -1e36}
    | {-one for one in _NINES}
    | set(_NINES[1:])
)
_GAP = 0.25  # of the range of all other values, that a code is beyond them at least
_FAR = 3.0  # ranges beyond, from which on the second moment tells how often it occurs
_MOST = 0.5  # of the move, that it explains at least
_LEAST = 0.02  # of the rows
_CLOSE = 0.2  # relative agreement of what moved with the second moment


@dataclass(frozen=True)
class Code:
    """A ``value`` with its shares of rows in the reference and now."""

    value: float
    before: float
    now: float

    @property
    def said(self) -> str:
        """For a person."""
        return (
            f"{_percent(self.now)} % of rows are exactly {self.value:g} ({_percent(self.before)} % in the reference), "
            "perhaps a code for missing values"
        )


def _percent(share: float) -> str:
    text = f"{100 * share:.1f}"
    return text.removesuffix(".0")


def code_of(binning: Binning, name: str, current: WindowCounts, reference: Reference, distance: float) -> Code | None:
    """The code that became common, where it explains most of ``distance``, the share of rows that moved."""
    column = binning.by_name[name]
    if not isinstance(column, NumericColumn) or len(column.cuts) == 0:
        return None
    row = [one.name for one in binning.numeric].index(name)
    for side in (0, 1):
        value = float(current.extremes[row, side])
        if value not in CODES or not _is_beyond(column, value, side):
            continue
        shares = _shares(binning, column, row, side, current, reference, distance)
        if shares is None:
            continue
        before, now = shares
        if now - before >= max(_LEAST, _MOST * distance):
            return Code(value, before, now)
    return None


def _others(column: NumericColumn, value: float, side: int) -> tuple[float, float]:
    """Between which numbers all other values of the reference lie, roughly: its range without a code at that end."""
    low, high = column.minimum, column.maximum
    if side == 0 and low == value:
        low = float(next((one for one in column.cuts if one > value), high))
    if side == 1 and high == value:
        high = float(next((one for one in column.cuts[::-1] if one < np.nextafter(value, -np.inf)), low))
    return low, high


def _is_beyond(column: NumericColumn, value: float, side: int) -> bool:
    """A value among the others is no code. -1 is one where nothing else is negative; 0 only where the reference never
    had it."""
    low, high = _others(column, value, side)
    gap = low - value if side == 0 else value - high
    if value == -1 and side == 0:
        return low > -1e-300  # the cut just below an atom at 0
    if value == 0 and (column.minimum <= 0 or side == 1):
        return False
    return gap > 0 and gap >= _GAP * (high - low)


def _shares(
    binning: Binning,
    column: NumericColumn,
    row: int,
    side: int,
    current: WindowCounts,
    reference: Reference,
    distance: float,
) -> tuple[float, float] | None:
    """In the reference and now; None where other values may be counted with it."""
    value, slots = float(current.extremes[row, side]), binning.slots(column.name)
    now, then = (np.asarray(counts[slots], dtype=np.float64) for counts in (current.counts, reference.total))
    n, m = max(float(now.sum()), 1.0), max(float(then.sum()), 1.0)
    place = int(np.searchsorted(column.cuts, value))
    alone = column.points[place] or (place == 0 and value == column.cuts[0] and column.minimum == value)
    if alone:
        return float(then[place]) / m, float(now[place]) / n
    end = column.minimum if side == 0 else column.maximum
    if end != value:
        return (0.0, _beyond(binning, column, row, side, current) / n) if _only(binning, row, side, current) else None
    low, high = _others(column, value, side)
    middle = (low + high) / 2
    if abs(value - middle) < _FAR * (high - low):
        return None
    about = [
        (float(squares) - 2 * middle * float(total)) / rows + middle**2
        for (total, squares), rows in ((current.moments[row], n), (reference.moments[row], m))
    ]
    rise = (about[0] - about[1]) / (value - middle) ** 2
    before = min(float(then[place]) / m, about[1] / (value - middle) ** 2)  # no more than there is in its bin
    return (before, before + rise) if abs(rise - distance) <= _CLOSE * distance + 0.01 else None


def _beyond(binning: Binning, column: NumericColumn, row: int, side: int, current: WindowCounts) -> float:
    return float(current.counts[binning.extra(column.name, ("below_min", "above_max")[side])])


def _only(binning: Binning, row: int, side: int, current: WindowCounts) -> bool:
    """Whether every hour that has a value beyond the reference's range has this one as its extreme, and as often as
    the sums of values allow."""
    column = binning.numeric[row]
    value = float(current.extremes[row, side])
    beyond = _beyond(binning, column, row, side, current)
    if current.hourly is not None:
        inside = (current.hourly.hours >= current.start_hour) & (current.hourly.hours < current.end_hour)
        extremes = current.hourly.extremes[inside, row, side]
        outside = extremes < column.minimum if side == 0 else extremes > column.maximum
        outside &= np.isfinite(extremes)
        if (extremes[outside] != value).any():
            return False
    rows = float(current.counts[binning.slots(column.name)].sum())
    rest = rows - beyond
    total, squares = (float(one) for one in current.moments[row])
    if rest < 1:
        return True
    mean, square = (total - beyond * value) / rest, (squares - beyond * value**2) / rest
    slack = 1e-9 * (abs(value) + abs(column.minimum) + abs(column.maximum)) * rows
    within = column.minimum - slack <= mean <= column.maximum + slack
    return within and square >= mean**2 - slack * (1 + abs(value))
