"""What a reference knows of the correlations of a window: theirs at its hours, and how restless they are by themselves.

The share engine does it, on what each block of hours adds to a correlation in place of the rows in a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.intervals import normal_quantile, t_quantile
from detectors.pairs.moments import Moments, blocks, influence, mixed, one_row, together, unit_of
from detectors.profile import Reference, ReferenceProfile
from detectors.shares.calibrate import calibrated, weeks_of
from detectors.shares.cells import Cells
from detectors.shares.engine import joined
from detectors.shares.fitting import Fit, fit_reference, horizon
from detectors.shares.horizons import Horizon
from detectors.shares.seasons import CONSTANT, DAY, terms
from detectors.shares.unrest import ENOUGH, Hours
from detectors.summary import WindowCounts

Array = NDArray[np.float64]
Places = NDArray[np.int64]

METRIC = "correlation"
TOLERANCE = 0.10  # of a correlation: that of features with weak common cycles moves by as much
SHORT_TOLERANCE = 0.15
_AT_ONCE = 200_000  # hours x pairs that are fitted together
_MANY = 1e9  # degrees of a variance that is known


@dataclass(frozen=True)
class Data:
    """What is asked: the ``chosen`` pairs of a window of ``length`` hours against a reference, at ``alpha``."""

    binning: Binning
    chosen: Places
    current: WindowCounts
    reference: Reference
    length: int
    tolerance: float
    alpha: float
    independent: bool

    @property
    def level(self) -> float:
        """Bonferroni over pairs and two sides."""
        return self.alpha / (2 * len(self.chosen))

    @property
    def is_counted(self) -> bool:
        """Whether window and reference know of their pairs."""
        hourly, last = self.current.hourly, self.chosen.max(initial=-1)
        counted = [] if hourly is None else [hourly.products.shape[1]]
        counted += [profile.products.shape[1] for profile, _ in self.reference.parts]
        return hourly is not None and len(self.chosen) > 0 and min(counted) > last

    @property
    def products(self) -> NDArray[np.int64]:
        """Those of the window's hours [T, P, 6], and all before in ``current.hourly`` left out."""
        assert self.current.hourly is not None
        found: NDArray[np.int64] = self.current.hourly.products[self._inside][:, self.chosen]
        return found

    @property
    def hours(self) -> NDArray[np.int64]:
        """The window's hours that have rows, [T]."""
        assert self.current.hourly is not None
        found: NDArray[np.int64] = self.current.hourly.hours[self._inside]
        return found

    @property
    def _inside(self) -> slice:
        assert self.current.hourly is not None
        ends = [self.current.end_hour - self.length, self.current.end_hour]
        return slice(*np.searchsorted(self.current.hourly.hours, ends))


@dataclass(frozen=True)
class Window:
    """The window's moments around the means of blocks of ``unit`` hours (None: of all rows), and those of each block
    [K, P] with its last hour [K]."""

    moments: Moments
    unit: int | None
    hours: NDArray[np.int64]
    each: Moments

    @classmethod
    def of(cls, data: Data, unit: int | None) -> Window:
        """From the window's hours."""
        hours, products = blocks(data.hours, data.products, unit or 1)
        each = Moments.of(products)
        return cls(together(products) if unit is None else each.total(), unit, hours, each)

    def terms(self) -> Array:
        """Mean seasonal terms of the window's rows, [P, 18]."""
        found: Array = self.each.degrees.T @ terms(self.hours) / np.maximum(self.moments.degrees, 1)[:, None]
        return found


@dataclass(frozen=True)
class Known:
    """What the reference says of the window, [P] each: its ``moments``, the ``shift`` of a correlation at these hours,
    the ``variance`` of a window's correlation beyond independent rows and the ``degrees`` it is worth, how many such
    ``windows`` it has, the ``factor`` of the calibration, and Student's ``critical`` value."""

    moments: Moments
    shift: Array
    variance: Array
    degrees: Array
    windows: Array
    factor: Array
    critical: Array

    @property
    def short(self) -> NDArray[np.bool_]:
        """Where the reference has fewer than 8 such windows."""
        return self.windows < ENOUGH


def known_of(data: Data, window: Window) -> Known:
    """What the references say, mixed in their shares; without blocks of hours, what the number of rows says."""
    parts = data.reference.parts
    scale = sum(weight for _, weight in parts)
    weights = [weight / scale for _, weight in parts]
    whole = mixed([_moments(data, profile, window.unit) for profile, _ in parts], weights)
    if window.unit is None:
        error = one_row(whole.correlation) / np.maximum(whole.degrees - 2, 1)
        critical = np.full(len(error), normal_quantile(data.level))
        return Known(whole, 0 * error, error, np.full(len(error), _MANY), 0 * error, 0 * error + 1, critical)
    horizons = [_horizon(data, profile, window.unit) for profile, _ in parts]
    terms = window.terms() if any((one.baseline.sizes > CONSTANT).any() for one in horizons) else None
    found = [_at_window(data, one, terms) for one in horizons]
    share = np.array(weights)[:, None]
    shift, variance = (np.sum(share * np.stack([one[place] for one in found]), axis=0) for place in (0, 1))
    limits = [_critical(data, profile, window.unit, one) for (profile, _), one in zip(parts, horizons, strict=True)]
    return Known(
        whole,
        shift,
        variance,
        np.min([one.level.degrees for one in horizons], axis=0),
        np.min([one.windows for one in horizons], axis=0),
        np.max([one.factor for one in horizons], axis=0),
        np.max(limits, axis=0),
    )


def _at_window(data: Data, known: Horizon, terms: Array | None) -> tuple[Array, Array]:
    """Expected change of the correlation at the window's hours, and the variance beyond independent rows."""
    baseline = known.baseline
    if terms is None:
        shift, leverage = baseline.coefficients[0], baseline.inverse[:, 0, 0]
    else:
        shift, leverage = np.einsum("bp,pb->b", terms, baseline.coefficients), baseline.leverage(terms)
    excess = known.level.excess * known.level.by_hour[data.current.end_hour % DAY]
    return shift, excess + leverage * known.rate * known.row


def _moments(data: Data, profile: ReferenceProfile, unit: int | None) -> Moments:
    key = (METRIC, data.chosen.tobytes(), "moments", unit)
    if key not in profile.memo:
        profile.memo[key] = _sum(profile, data.chosen, unit)
    found: Moments = profile.memo[key]
    return found


def _sum(profile: ReferenceProfile, chosen: Places, unit: int | None) -> Moments:
    products = profile.products[:, chosen]
    if unit is None or profile.hours is None:
        return together(products)
    return Moments.of(blocks(profile.hours, products, unit)[1]).total()


def unit_of_window(data: Data) -> int | None:
    """The blocks that all references can do with."""
    if data.independent:
        return None
    units = [_unit_of(data, profile) for profile, _ in data.reference.parts]
    known = [unit for unit in units if unit is not None]
    return max(known) if len(known) == len(units) else None


def _unit_of(data: Data, profile: ReferenceProfile) -> int | None:
    key = (METRIC, data.chosen.tobytes(), "unit")
    if key not in profile.memo:
        profile.memo[key] = unit_of(profile, data.chosen)
    found: int | None = profile.memo[key]
    return found


def _critical(data: Data, profile: ReferenceProfile, unit: int, known: Horizon) -> Array:
    key = (METRIC, data.chosen.tobytes(), unit, data.length, data.level)
    if key not in profile.memo:
        profile.memo[key] = t_quantile(data.level, known.level.degrees)
    found: Array = profile.memo[key]
    return found


def _horizon(data: Data, profile: ReferenceProfile, unit: int) -> Horizon:
    key = (METRIC, data.chosen.tobytes(), unit, data.length, data.tolerance, data.alpha)
    if key not in profile.memo:
        profile.memo[key] = _fitted(data, profile, unit)
    found: Horizon = profile.memo[key]
    return found


def _fitted(data: Data, profile: ReferenceProfile, unit: int) -> Horizon:
    """Some pairs at a time, as the share engine does."""
    found = []
    level = data.alpha / len(data.chosen)
    for fitted in _fits(data, profile, unit):
        known = horizon(fitted, data.length)
        allowed = np.where(known.windows >= ENOUGH, data.tolerance, max(SHORT_TOLERANCE, data.tolerance))
        weeks = weeks_of(fitted)
        by_steps = calibrated(fitted, known, allowed, level, weeks)
        # Windows are tested by their mean alone, with all of the level: that has to be replayed, too.
        by_mean = calibrated(fitted, replace(known, worthwhile=np.zeros_like(known.worthwhile)), allowed, level, weeks)
        found.append(replace(by_steps, factor=np.maximum(by_steps.factor, by_mean.factor)))
    one: Horizon = found[0] if len(found) == 1 else joined(found)
    return one


def _fits(data: Data, profile: ReferenceProfile, unit: int) -> list[Fit]:
    key = (METRIC, data.chosen.tobytes(), "fits", unit)
    if key not in profile.memo:
        assert profile.hours is not None
        start, span = int(profile.hours[0]), int(profile.hours[-1] - profile.hours[0]) + 1
        step = max(1, _AT_ONCE // span)
        parts = (data.chosen[first : first + step] for first in range(0, len(data.chosen), step))
        profile.memo[key] = [_fit(profile, part, unit, start, span) for part in parts]
    found: list[Fit] = profile.memo[key]
    return found


def _fit(profile: ReferenceProfile, chosen: Places, unit: int, start: int, span: int) -> Fit:
    """The share engine on what each block adds to the correlations, at its last hour: the pairs are its columns, with a
    cell each."""
    assert profile.hours is not None
    hours, products = blocks(profile.hours, profile.products[:, chosen], unit)
    each = Moments.of(products)
    total = each.total()
    inside, rows = np.zeros((2, span, len(chosen)))
    inside[hours - start], rows[hours - start] = influence(each, total), each.degrees
    cells = Cells.of([(np.array([place]), np.array([place + 1]), place, place + 1) for place in range(len(chosen))])
    return fit_reference(cells, Hours(start, inside, rows), one_row(total.correlation))
