"""Do features still go together as they did? The change of each pair's rank correlation, from hourly sums.

Every feature may look as it always did while two of them come apart: no test of single columns sees it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.intervals import normal_quantile, t_quantile, t_tail
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, NO_VARIATION, NOT_COUNTED, TOO_FEW_ROWS, Measurement
from detectors.pairs.counting import is_ranked
from detectors.pairs.moments import Moments, influence, mixed, of_hours, one_row, tells_within
from detectors.profile import Reference, ReferenceProfile
from detectors.shares.bounds import POWER
from detectors.shares.calibrate import calibrated
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
MOST_TOLD = 10
_AT_ONCE = 200_000  # hours x pairs that are fitted together
_MANY = 1e9  # degrees of a variance that is known
_Z_POWER = float(normal_quantile(1 - POWER))


def watched(binning: Binning, names: Collection[str]) -> Places:
    """Which of the binning's pairs have both columns among ``names``."""
    key = (METRIC, frozenset(names))
    if key not in binning.memo:
        inside = (place for place, pair in enumerate(binning.pairs) if key[1].issuperset(pair))
        binning.memo[key] = np.fromiter(inside, np.int64)
    found: Places = binning.memo[key]
    return found


def is_measured(binning: Binning, names: Collection[str]) -> bool:
    """Whether these columns have anything to say: a pair is watched, or would be if pairs had been counted."""
    if binning.pairs:
        return len(watched(binning, names)) > 0
    return sum(is_ranked(binning.by_name[name]) for name in names) > 1


def measure_correlations(
    binning: Binning,
    names: Sequence[str],
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    alpha: float,
    tolerance: float = TOLERANCE,
    independent: bool = False,
) -> Measurement:
    """The largest change of a rank correlation over the watched pairs of ``names``; ``feature`` is None.

    ``value``: the largest absolute change; ``effect`` that of the surest pair, ``effect_lower`` what it has changed at
    least, at ``alpha`` over all pairs (Bonferroni); all in units of correlation. ``p_value`` is that of H0: no pair
    changed by more than ``tolerance``. The test is Fisher's (1915) on z = atanh r, with the variance that the
    reference's own windows of ``length_hours`` show, at least that of independent rows (which all rows are taken for
    where they are said to be ``independent``). ``details.pairs``: the worst ones. Reasons: ``not_counted`` (hours or
    reference were stored before pairs were counted), ``no_reference``, ``too_few_rows`` (under 30 rows beyond the
    hours' means), ``no_variation``.
    """
    chosen = watched(binning, names)
    data = _Data(binning, chosen, current, reference, length_hours, tolerance, alpha, independent)
    if not data.is_counted:
        return Measurement(METRIC, None, reference.rows, current.rows, reason=NOT_COUNTED)
    return _Found.of(data).measurement()


@dataclass(frozen=True)
class _Data:
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
class _Window:
    """The window's moments, around the means of each hour (``within``) or of all, and its ``hourly`` degrees [T, P]."""

    moments: Moments
    within: bool
    hourly: Array

    @classmethod
    def of(cls, data: _Data, *, within: bool) -> _Window:
        """From the window's hours."""
        products = data.products
        return cls(of_hours(products, within=within), within, np.maximum(products[..., 0] - 1.0, 0.0))

    def terms(self, data: _Data) -> Array:
        """Mean seasonal terms of the window's rows, [P, 18]."""
        found: Array = self.hourly.T @ terms(data.hours) / np.maximum(self.moments.degrees, 1)[:, None]
        return found


@dataclass(frozen=True)
class _Known:
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


def _known(data: _Data, window: _Window) -> _Known:
    parts = data.reference.parts
    scale = sum(weight for _, weight in parts)
    weights = [weight / scale for _, weight in parts]
    whole = mixed([_moments(data, profile, window.within) for profile, _ in parts], weights)
    if not window.within:
        error = one_row(whole.correlation) / np.maximum(whole.degrees - 2, 1)
        critical = np.full(len(error), normal_quantile(data.level))
        return _Known(whole, 0 * error, error, np.full(len(error), _MANY), 0 * error, 0 * error + 1, critical)
    horizons = [_horizon(data, profile) for profile, _ in parts]
    terms = window.terms(data) if any((one.baseline.sizes > CONSTANT).any() for one in horizons) else None
    found = [_at_window(data, one, terms) for one in horizons]
    share = np.array(weights)[:, None]
    shift, variance = (np.sum(share * np.stack([one[place] for one in found]), axis=0) for place in (0, 1))
    return _Known(
        whole,
        shift,
        variance,
        np.min([one.level.degrees for one in horizons], axis=0),
        np.min([one.windows for one in horizons], axis=0),
        np.max([one.factor for one in horizons], axis=0),
        np.max([_critical(data, profile, one) for (profile, _), one in zip(parts, horizons, strict=True)], axis=0),
    )


def _at_window(data: _Data, known: Horizon, terms: Array | None) -> tuple[Array, Array]:
    """Expected change of the correlation at the window's hours, and the variance beyond independent rows."""
    baseline = known.baseline
    if terms is None:
        shift, leverage = baseline.coefficients[0], baseline.inverse[:, 0, 0]
    else:
        shift, leverage = np.einsum("bp,pb->b", terms, baseline.coefficients), baseline.leverage(terms)
    excess = known.level.excess * known.level.by_hour[data.current.end_hour % DAY]
    return shift, excess + leverage * known.rate * known.row


def _moments(data: _Data, profile: ReferenceProfile, within: bool) -> Moments:
    key = (METRIC, data.chosen.tobytes(), within)
    if key not in profile.memo:
        profile.memo[key] = of_hours(profile.products[:, data.chosen], within=within)
    found: Moments = profile.memo[key]
    return found


def _tells_within(data: _Data, profile: ReferenceProfile) -> bool:
    key = (METRIC, data.chosen.tobytes(), "within")
    if key not in profile.memo:
        profile.memo[key] = tells_within(profile, data.chosen)
    found: bool = profile.memo[key]
    return found


def _critical(data: _Data, profile: ReferenceProfile, known: Horizon) -> Array:
    key = (METRIC, data.chosen.tobytes(), data.length, data.level)
    if key not in profile.memo:
        profile.memo[key] = t_quantile(data.level, known.level.degrees)
    found: Array = profile.memo[key]
    return found


def _horizon(data: _Data, profile: ReferenceProfile) -> Horizon:
    key = (METRIC, data.chosen.tobytes(), data.length, data.tolerance, data.alpha)
    if key not in profile.memo:
        profile.memo[key] = _fitted(data, profile)
    found: Horizon = profile.memo[key]
    return found


def _fitted(data: _Data, profile: ReferenceProfile) -> Horizon:
    """Some pairs at a time, as the share engine does."""
    found = []
    level = data.alpha / len(data.chosen)
    for fitted in _fits(data, profile):
        known = horizon(fitted, data.length)
        allowed = np.where(known.windows >= ENOUGH, data.tolerance, max(SHORT_TOLERANCE, data.tolerance))
        found.append(calibrated(fitted, known, allowed, level))
    one: Horizon = found[0] if len(found) == 1 else joined(found)
    return one


def _fits(data: _Data, profile: ReferenceProfile) -> list[Fit]:
    key = (METRIC, data.chosen.tobytes())
    if key not in profile.memo:
        assert profile.hours is not None
        start, span = int(profile.hours[0]), int(profile.hours[-1] - profile.hours[0]) + 1
        step = max(1, _AT_ONCE // span)
        parts = (data.chosen[first : first + step] for first in range(0, len(data.chosen), step))
        profile.memo[key] = [_fit(profile, part, start, span) for part in parts]
    found: list[Fit] = profile.memo[key]
    return found


def _fit(profile: ReferenceProfile, chosen: Places, start: int, span: int) -> Fit:
    """The share engine on what each hour adds to the correlations: the pairs are its columns, with a cell each."""
    assert profile.hours is not None
    hours = Moments.of(profile.products[:, chosen])
    total = hours.total()
    inside, rows = np.zeros((2, span, len(chosen)))
    inside[profile.hours - start], rows[profile.hours - start] = influence(hours, total), hours.degrees
    cells = Cells.of([(np.array([place]), np.array([place + 1]), place, place + 1) for place in range(len(chosen))])
    return fit_reference(cells, Hours(start, inside, rows), one_row(total.correlation))


@dataclass(frozen=True)
class _Found:
    """Per pair [P]: correlations ``before`` (the reference's at the hours of the window) and ``now``, what certainly
    and at most changed, p-values of H0: at most the tolerance; ``usable`` ones could be measured."""

    data: _Data
    known: _Known
    window: Moments
    usable: NDArray[np.bool_]
    tolerance: Array
    before: Array
    now: Array
    lower: Array
    upper: Array
    p_value: Array
    mde: Array

    @classmethod
    def of(cls, data: _Data) -> _Found:
        """Measure every pair."""
        within = not data.independent and all(_tells_within(data, profile) for profile, _ in data.reference.parts)
        looked_at = _Window.of(data, within=within)
        known = _known(data, looked_at)
        window, whole = looked_at.moments, known.moments
        usable = (np.minimum(window.degrees, whole.degrees) >= MINIMUM_ROWS) & window.varies & whole.varies
        short = known.short & (not data.independent)
        tolerance = np.where(short, max(SHORT_TOLERANCE, data.tolerance), data.tolerance)
        before, now = np.clip(whole.correlation + known.shift, -0.999, 0.999), window.correlation
        row = one_row(before)
        variance = (row / np.maximum(window.degrees - 2, 1) + known.variance) * known.factor
        error = np.sqrt(variance) / (1 - before**2)
        lower, upper, p_value = _tested(before, now, error, known, tolerance)
        mde = tolerance + (known.critical + _Z_POWER) * np.sqrt(variance)
        return cls(data, known, window, usable, tolerance, before, now, lower, upper, p_value, mde)

    def measurement(self) -> Measurement:
        """That of the surest pair, and the worst ones in the details."""
        if not self.usable.any():
            return Measurement(METRIC, None, *self._rows(0), reason=self._reason())
        change = np.where(self.usable, np.abs(self.now - self.before), -1.0)
        sure = np.where(self.usable, self.lower - self.tolerance, -np.inf)
        order = np.lexsort((-change, -sure))
        order = order[self.usable[order]]
        top = order[0]
        value, upper = float(change.max()), float(self.upper[self.usable].max())
        lower = float(self.lower[top])
        p_value = min(1.0, len(change) * float(self.p_value[self.usable].min()))
        return Measurement(
            METRIC,
            value,
            *self._rows(top),
            lower=lower,
            upper=max(upper, value),
            p_value=p_value,
            effect=float(change[top]),
            effect_lower=lower,
            effect_upper=float(self.upper[top]),
            mde=min(2.0, float(self.mde[self.usable].max())),
            alpha=self.data.alpha,
            details=self._details(order[:MOST_TOLD]),
        )

    def _rows(self, place: int) -> tuple[int, int]:
        """Rows of the reference and of the window that have both values of a pair."""
        return round(float(self.known.moments.rows[place])), round(float(self.window.rows[place]))

    def _reason(self) -> str:
        if not self.known.moments.rows.any():
            return NO_REFERENCE
        few = np.minimum(self.window.degrees, self.known.moments.degrees) < MINIMUM_ROWS
        return TOO_FEW_ROWS if few.all() else NO_VARIATION

    def _details(self, worst: Places) -> dict[str, Any]:
        top = worst[0]
        details: dict[str, Any] = {
            "pairs": [self._pair(place) for place in worst],
            "pairs_watched": len(self.now),
            "tolerance": float(self.tolerance[top]),
            "reference_windows": int(self.known.windows[top]),
        }
        if self.known.short[top] and not self.data.independent:
            details["short_reference"] = True
        if self.known.factor[top] > 1:
            details["calibration"] = float(self.known.factor[top])
        return details

    def _pair(self, place: int) -> dict[str, Any]:
        names = self.data.binning.pairs[self.data.chosen[place]]
        return {
            "features": [name.removeprefix("feature.") for name in names],
            "reference": float(self.before[place]),
            "current": float(self.now[place]),
            "effect_lower": float(self.lower[place]),
            "effect_upper": float(self.upper[place]),
        }


def _tested(before: Array, now: Array, error: Array, known: _Known, tolerance: Array) -> tuple[Array, Array, Array]:
    """What the correlation has changed at least and at most, and the p-value of H0: at most the tolerance; [P] each."""
    sign = np.where(now < before, -1.0, 1.0)
    z, reach = np.arctanh(now), sign * known.critical * error
    nearest, farthest = np.tanh(z - reach), np.tanh(z + reach)
    lower = np.maximum(sign * (nearest - before), 0.0)
    edge = np.arctanh(np.clip(before + sign * tolerance, -0.999999, 0.999999))
    beyond = np.abs(now - before) > tolerance
    p_value = np.ones(len(now))
    p_value[beyond] = np.minimum(2 * t_tail(np.abs(z - edge)[beyond] / error[beyond], known.degrees[beyond]), 1.0)
    return np.minimum(lower, np.abs(now - before)), sign * (farthest - before), p_value
