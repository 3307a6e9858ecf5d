"""What a change looks like: another unit, stuck, two columns swapped, a code for missing values. Words for people, no
verdict.

A shape is recognised from what summaries hold: the mean, the standard deviation and the extremes of a window and of
the reference. x -> a + b x turns mean m into a + b m and deviation s into b s, whatever the distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn, NumericColumn
from detectors.measurement import Measurement
from detectors.profile import Reference
from detectors.shares.codes import code_of
from detectors.shares.stuck import stuck_at
from detectors.shares.swaps import swapped_categories
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

LARGE = 0.5  # of the rows: smaller changes have too many explanations
_CLOSE = 0.02  # relative agreement of a factor with a known one, beside the sampling error
_ERRORS = 4  # standard errors that chance may take
_VAGUE = 0.25  # of the logarithm of a factor: where chance may take more of it, another may be meant
_VAGUE_SHARE = 0.15  # of the rows: likewise, of shares below cuts
_WIDER = 5  # times the middle half's deviation: then the mean and deviation are those of a few values far away
_PLAIN = 10.0  # from this factor on, or below its inverse, no drift of another kind looks alike
_BETWEEN = 0.05  # of the rows, that lie between two cuts of the reference and are not known apart

# (factor, offset, what it is): the window's x is offset + factor · the reference's x
_UNITS: Sequence[tuple[float, float, str]] = (
    *((10.0**k, 0.0, f"times {10**k:,}") for k in (1, 2, 3, 6, 9)),
    *((10.0**-k, 0.0, f"divided by {10**k:,}") for k in (1, 2, 3, 6, 9)),
    (1.8, 32.0, "degrees Fahrenheit instead of Celsius"),
    (1 / 1.8, -32 / 1.8, "degrees Celsius instead of Fahrenheit"),
    (1.0, 273.15, "kelvins instead of degrees Celsius"),
    (1.0, -273.15, "degrees Celsius instead of kelvins"),
    (2.20462, 0.0, "pounds instead of kilograms"),
    (0.453592, 0.0, "kilograms instead of pounds"),
    (1.609344, 0.0, "kilometres instead of miles"),
    (0.621371, 0.0, "miles instead of kilometres"),
    (3.28084, 0.0, "feet instead of metres"),
    (0.3048, 0.0, "metres instead of feet"),
    (2.54, 0.0, "centimetres instead of inches"),
    (0.393701, 0.0, "inches instead of centimetres"),
    (3.6, 0.0, "times 3.6, as kilometres per hour instead of metres per second or kilojoules instead of watt-hours"),
    (60.0, 0.0, "times 60, as seconds instead of minutes"),
    (1 / 60, 0.0, "divided by 60, as minutes instead of seconds"),
    (3600.0, 0.0, "seconds instead of hours"),
    (86400.0, 0.0, "seconds instead of days"),
    (-1.0, 0.0, "the sign turned"),
)


@dataclass(frozen=True)
class _Shape:
    """Of one numeric column: finite ``rows``, ``mean``, ``deviation``, ``low``, ``high``; shares ``below`` its
    ``cuts``, [C]."""

    rows: float
    mean: float
    deviation: float
    low: float
    high: float
    cuts: Array
    below: Array

    @property
    def kurtosis(self) -> float:
        """Of a normal, or where values are never negative of the log-normal with this mean and deviation: by it a
        deviation's own error is known (a long tail makes it large)."""
        if self.low < 0 or self.mean <= 0:
            return 3.0
        one = 1 + (self.deviation / self.mean) ** 2
        return float(one**4 + 2 * one**3 + 3 * one**2 - 3)

    @property
    def middle(self) -> float:
        """The deviation of a normal with the same middle half."""
        quarter, three = (min(int(np.searchsorted(self.below, at)), len(self.cuts) - 1) for at in (0.25, 0.75))
        return float(self.cuts[three] - self.cuts[quarter]) / 1.349


def diagnosed(
    found: Sequence[Measurement], binning: Binning, current: WindowCounts, reference: Reference
) -> list[Measurement]:
    """The measurements of ``measure_drift``, with ``details.diagnosis`` where a change that is certain has a known
    shape."""
    certain = [place for place, one in enumerate(found) if _is_certain(one)]
    answer = list(found)
    said = {place: _by_value(found[place], binning, current, reference) for place in certain}
    left = [place for place in certain if said[place] is None]
    said |= _swapped(left, found, binning, current, reference) | _moved(left, found, binning, current, reference)
    for place, words in said.items():
        if words is not None:
            answer[place] = replace(found[place], details={**found[place].details, "diagnosis": words})
    return answer


def _is_certain(one: Measurement) -> bool:
    return one.reason is None and one.effect_lower is not None and one.effect_lower > 0


def _by_value(one: Measurement, binning: Binning, current: WindowCounts, reference: Reference) -> str | None:
    """Stuck, or a code for missing values: what is told by a single value that is common now."""
    name = f"feature.{one.feature}"
    stuck = stuck_at(binning, name, current, reference)
    if stuck is not None:
        return stuck.said(current.end_hour)
    code = code_of(binning, name, current, reference, float(one.value or 0.0))
    return None if code is None else code.said


def _swapped(
    places: Sequence[int],
    found: Sequence[Measurement],
    binning: Binning,
    current: WindowCounts,
    reference: Reference,
) -> dict[int, str | None]:
    """Of the categorical columns."""
    names = {f"feature.{found[place].feature}": place for place in places}
    names = {name: place for name, place in names.items() if type(binning.by_name[name]) is CategoricalColumn}
    effects = [float(found[place].effect or 0.0) for place in names.values()]
    others = swapped_categories(list(names), effects, binning, current, reference)
    return {names[name]: f"looks swapped with {found[names[other]].feature}" for name, other in others.items()}


def _moved(
    places: Sequence[int],
    found: Sequence[Measurement],
    binning: Binning,
    current: WindowCounts,
    reference: Reference,
) -> dict[int, str | None]:
    """Of the numeric columns that moved far."""
    numeric = {binning.numeric[row].name: row for row in range(len(binning.numeric))}
    large = {place: f"feature.{found[place].feature}" for place in places if (found[place].effect or 0) >= LARGE}
    rows = {place: numeric[name] for place, name in large.items() if name in numeric}
    now = {place: _of_window(binning.numeric[row], row, binning, current) for place, row in rows.items()}
    then = {place: _of_reference(binning.numeric[row], row, binning, reference) for place, row in rows.items()}
    return {place: _said(place, found, now, then) for place in rows}


def _said(
    place: int, found: Sequence[Measurement], now: Mapping[int, _Shape], then: Mapping[int, _Shape]
) -> str | None:
    mine, was = now[place], then[place]
    other = next((k for k in now if k != place and _alike(mine, then[k]) and _alike(now[k], was)), None)
    if other is not None:
        return f"looks swapped with {found[other].feature}"
    distance, unit = min((_far(mine, was, factor, offset), words) for factor, offset, words in _UNITS)
    return f"looks like another unit: {unit}" if distance <= 1 else None


def _far(now: _Shape, then: _Shape, factor: float, offset: float) -> float:
    """How far the window is from the reference in that unit, in what sampling and ``_CLOSE`` allow: at most 1 where it
    may be this unit."""
    if then.deviation <= 0 or now.deviation <= 0:
        return np.inf
    samples = np.sqrt(1 / now.rows + 1 / then.rows)
    spread = abs(np.log(now.deviation / then.deviation / abs(factor)))
    allowed = np.log1p(_CLOSE) + _ERRORS * samples * np.sqrt(then.kurtosis - 1) / 2
    if then.low >= 0 and offset == 0 and factor > 0:  # then means are told apart by their ratio, however long the tail
        if now.mean <= 0:
            return np.inf
        shift = abs(np.log(now.mean / then.mean / factor))
        near = np.log1p(_CLOSE) + _ERRORS * samples * then.deviation / then.mean
    else:
        shift = abs(now.mean - offset - factor * then.mean) / (abs(factor) * then.deviation)
        near = 0.1 + _ERRORS * samples / np.sqrt(2)
    vague = abs(factor) != 1 and allowed > _VAGUE * abs(np.log(abs(factor)))
    vague |= _chance(now, then) > _VAGUE_SHARE or 0 < _WIDER * then.middle < then.deviation
    if (vague and 1 / _PLAIN < abs(factor) < _PLAIN) or not _has_form(now, then, factor, offset):
        return np.inf
    return float(max(spread / allowed, shift / near))


def _chance(now: _Shape, then: _Shape) -> float:
    """What chance may take of the shares below cuts."""
    return float(_ERRORS * 0.5 * np.sqrt(1 / now.rows + 1 / then.rows))


def _has_form(now: _Shape, then: _Shape, factor: float, offset: float) -> bool:
    """Whether the window's shares below the cuts are the reference's below the same cuts in the other unit: a shift has
    the mean, and may have the deviation, of another unit, and another form."""
    places = (now.cuts - offset) / factor
    low, high = then.low, then.high
    grid = np.concatenate([[min(low, then.cuts[0])], then.cuts, [max(high, then.cuts[-1])]])
    shares = np.concatenate([[0.0], then.below, [1.0]])
    least = shares[np.maximum(np.searchsorted(grid, places, side="left") - 1, 0)]
    most = shares[np.minimum(np.searchsorted(grid, places, side="right"), len(grid) - 1)]
    if factor < 0:
        least, most = 1 - most, 1 - least
    slack = _BETWEEN + _chance(now, then)
    return bool(((now.below >= least - slack) & (now.below <= most + slack)).all())


def _alike(one: _Shape, other: _Shape) -> bool:
    if one.deviation <= 0 or other.deviation <= 0:
        return False
    noise = 3 * float(np.sqrt(1 / one.rows + 1 / other.rows))
    near = abs(one.mean - other.mean) / other.deviation <= 0.1 + noise
    return near and abs(np.log(one.deviation / other.deviation)) <= 0.1 + noise


def _of_window(column: NumericColumn, row: int, binning: Binning, current: WindowCounts) -> _Shape:
    low, high = current.extremes[row]
    return _shape(column, binning, current.counts, current.moments[row], float(low), float(high))


def _of_reference(column: NumericColumn, row: int, binning: Binning, reference: Reference) -> _Shape:
    counts = np.asarray(reference.total)
    return _shape(column, binning, counts, reference.moments[row], column.minimum, column.maximum)


def _shape(
    column: NumericColumn, binning: Binning, counts: NDArray[Any], moments: Array, low: float, high: float
) -> _Shape:
    running = np.cumsum(counts[binning.slots(column.name)].astype(np.float64))
    n = max(float(running[-1]), 1.0)
    mean = float(moments[0]) / n
    deviation = float(np.sqrt(max(float(moments[1]) / n - mean**2, 0.0)))
    return _Shape(n, mean, deviation, low, high, column.cuts, running[:-1] / n)
