"""What a large change looks like: another unit, a stuck sensor, two columns swapped. Words for people, no verdict.

A shape is recognised from what summaries hold: the mean, the standard deviation and the extremes of a window and of
the reference. x -> a + b x turns mean m into a + b m and deviation s into b s, whatever the distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.cuts import Binning, NumericColumn
from detectors.measurement import Measurement
from detectors.profile import Reference
from detectors.summary import WindowCounts

LARGE = 0.5  # of the rows: smaller changes have too many explanations
_CLOSE = 0.02  # relative agreement of a factor with a known one, beside the sampling error
_ERRORS = 4  # standard errors that chance may take
_FEW = 5  # distinct bins that make a single value in a window remarkable

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
    """Of one numeric column: finite ``rows``, ``mean``, ``deviation``, ``low``, ``high``."""

    rows: float
    mean: float
    deviation: float
    low: float
    high: float

    @property
    def kurtosis(self) -> float:
        """Of a normal, or where values are never negative of the log-normal with this mean and deviation: by it a
        deviation's own error is known (a long tail makes it large)."""
        if self.low < 0 or self.mean <= 0:
            return 3.0
        one = 1 + (self.deviation / self.mean) ** 2
        return float(one**4 + 2 * one**3 + 3 * one**2 - 3)


def diagnosed(
    found: Sequence[Measurement], binning: Binning, current: WindowCounts, reference: Reference
) -> list[Measurement]:
    """The measurements of ``measure_drift``, with ``details.diagnosis`` where a large change has a known shape."""
    large = [
        place
        for place, one in enumerate(found)
        if one.reason is None and one.effect_lower is not None and (one.effect or 0) >= LARGE and one.effect_lower > 0
    ]
    numeric = {binning.numeric[row].name: row for row in range(len(binning.numeric))}
    rows = {place: numeric[name] for place in large if (name := f"feature.{found[place].feature}") in numeric}
    if not rows:
        return list(found)
    now = {place: _of_window(binning.numeric[row], row, binning, current) for place, row in rows.items()}
    then = {place: _of_reference(binning.numeric[row], row, binning, reference) for place, row in rows.items()}
    answer = list(found)
    for place in rows:
        said = _said(place, found, now, then)
        if said is not None:
            answer[place] = replace(found[place], details={**found[place].details, "diagnosis": said})
    return answer


def _said(
    place: int, found: Sequence[Measurement], now: Mapping[int, _Shape], then: Mapping[int, _Shape]
) -> str | None:
    mine, was = now[place], then[place]
    if mine.low == mine.high and was.deviation > 0 and was.rows >= _FEW:
        return f"stuck at {mine.low:g}: every row has this one value"
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
    return float(max(spread / allowed, shift / near))


def _alike(one: _Shape, other: _Shape) -> bool:
    if one.deviation <= 0 or other.deviation <= 0:
        return False
    noise = 3 * float(np.sqrt(1 / one.rows + 1 / other.rows))
    near = abs(one.mean - other.mean) / other.deviation <= 0.1 + noise
    return near and abs(np.log(one.deviation / other.deviation)) <= 0.1 + noise


def _of_window(column: NumericColumn, row: int, binning: Binning, current: WindowCounts) -> _Shape:
    low, high = current.extremes[row]
    return _shape(_finite(column, binning, current.counts), current.moments[row], float(low), float(high))


def _of_reference(column: NumericColumn, row: int, binning: Binning, reference: Reference) -> _Shape:
    rows = _finite(column, binning, np.asarray(reference.total))
    return _shape(rows, reference.moments[row], column.minimum, column.maximum)


def _finite(column: NumericColumn, binning: Binning, counts: np.ndarray) -> float:
    return float(counts[binning.slots(column.name)].sum())


def _shape(rows: float, moments: np.ndarray, low: float, high: float) -> _Shape:
    n = max(rows, 1.0)
    mean = float(moments[0]) / n
    return _Shape(n, mean, float(np.sqrt(max(float(moments[1]) / n - mean**2, 0.0))), low, high)
