"""Drift of vectors: the distance of the window's mean embedding from the reference's, from hourly sums.

The maximum mean discrepancy (Gretton et al. 2012) in random features: MMD = |mean φ(window) - mean φ(reference)|. Where
a share s of the rows comes from elsewhere, MMD = s |mean φ(elsewhere) - m| <= s √(1 + |m|²), m the reference's mean,
since features have length 1 and the kernel is above 0. So MMD / √(1 + |m|²) of the rows moved at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import FREQUENCIES, Binning, EmbeddingColumn
from detectors.embedding.features import SCALE
from detectors.embedding.null import KNOWN, Null
from detectors.embedding.replay import Known, Replay
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, NOT_COUNTED, TOO_FEW_ROWS, Measurement
from detectors.profile import Reference, ReferenceProfile
from detectors.rise import SHORT_TOLERANCE
from detectors.shares.calibrate import can_replay
from detectors.shares.cells import Cells
from detectors.shares.engine import FEWEST_HOURS
from detectors.shares.fitting import Fit, fit_reference, horizon, taken
from detectors.shares.seasons import CONSTANT, DAY, terms
from detectors.shares.unrest import ENOUGH, Hours, level_deviations, sums
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

METRIC = "mean_embedding"
_UNIT = SCALE * float(np.sqrt(FREQUENCIES))
_CELLS = Cells.of([(np.arange(2 * FREQUENCIES), np.arange(1, 2 * FREQUENCIES + 1), 0, 2 * FREQUENCIES)])


def measure_embeddings(
    binning: Binning,
    names: Sequence[str],
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    tolerance: float,
    alpha: float,
    independent: bool = False,
) -> list[Measurement]:
    """``mean_embedding`` of each of the columns of vectors ``names``, in their order.

    ``value`` is the MMD from what the reference has at the hours of the window; ``effect``, less what chance adds, the
    share of rows that moved at least; ``effect_lower`` certainly, at ``alpha``. The distance that chance makes is
    judged by an F distribution with the null's mean and effective dimension, from the reference's own windows of
    ``length_hours``, at least that of independent rows; ``p_value`` is that of H0: at most ``tolerance``, 0.05 where
    the reference has too few such windows, but where rows are taken for ``independent``. Reasons:
    ``not_counted``, ``no_reference``, ``too_few_rows``.
    """
    places = {column.name: place for place, column in enumerate(binning.embeddings)}
    found = []
    for name in names:
        column = binning.by_name[name]
        assert isinstance(column, EmbeddingColumn)
        found.append(
            _Data(
                binning, column, places[name], current, reference, length_hours, tolerance, alpha, independent
            ).measured()
        )
    return found


@dataclass(frozen=True)
class _Data:
    binning: Binning
    column: EmbeddingColumn
    place: int
    current: WindowCounts
    reference: Reference
    length: int
    tolerance: float
    alpha: float
    independent: bool

    def measured(self) -> Measurement:
        """The measurement, or why there is none."""
        slots = self.binning.slots(self.column.name)
        n, m = (int(counts[slots].sum()) for counts in (self.current.counts, self.reference.total))
        feature = self.column.name.removeprefix("feature.")
        if m < MINIMUM_ROWS or not self.column.levels:
            return Measurement(METRIC, None, m, n, feature, reason=NO_REFERENCE)
        if n < MINIMUM_ROWS:
            return Measurement(METRIC, None, m, n, feature, reason=TOO_FEW_ROWS)
        hourly = self.current.hourly
        counted = [profile.embedded.shape[1] for profile, _ in self.reference.parts]
        if hourly is None or min(*counted, hourly.embedded.shape[1]) <= self.place:
            return Measurement(METRIC, None, m, n, feature, reason=NOT_COUNTED)
        return self._measured(n, m, feature)

    def _measured(self, n: int, m: int, feature: str) -> Measurement:
        null = self._null(n)
        short = null.windows < ENOUGH and not self.independent
        tolerance = max(SHORT_TOLERANCE, self.tolerance) if short else self.tolerance
        mean = self._window()[1].sum(axis=0) / (n * _UNIT)
        distance = float(np.linalg.norm(mean - null.expects))
        reach = null.reach(self.alpha)
        effect = float(np.sqrt(max(distance**2 - null.square, 0.0))) / null.farthest
        lower = min(max(distance - reach, 0.0) / null.farthest, effect)
        details: dict[str, Any] = {"tolerance": tolerance, "reference_windows": int(null.windows)}
        if short:
            details["short_reference"] = True
        if null.factor > 1:
            details["calibration"] = null.factor
        if not (null.replayed or self.independent):
            details["replayed"] = False
        return Measurement(
            METRIC,
            distance,
            m,
            n,
            feature,
            lower,
            distance + reach,
            null.tail(distance - null.farthest * tolerance),
            effect,
            lower,
            max((distance + reach) / null.farthest, effect),
            tolerance + (reach + null.reach(0.1)) / null.farthest,
            self.alpha,
            details=details,
        )

    def _window(self) -> tuple[NDArray[np.int64], Array, Array]:
        """The window's hours, the sums of their features [T, 256] and their rows [T]."""
        hourly = self.current.hourly
        assert hourly is not None
        inside = slice(*np.searchsorted(hourly.hours, [self.current.end_hour - self.length, self.current.end_hour]))
        rows = hourly.counts[inside, self.binning.slots(self.column.name)].sum(axis=1).astype(np.float64)
        return hourly.hours[inside], hourly.embedded[inside, self.place].astype(np.float64), rows

    def _null(self, n: int) -> Null:
        parts = self.reference.parts
        scale = sum(weight for _, weight in parts)
        weights = [weight / scale for _, weight in parts]
        found = [self._of_profile(profile, n) for profile, _ in parts]
        if len(found) == 1:
            return found[0]
        return Null(
            np.sum([weight * one.expects for weight, one in zip(weights, found, strict=True)], axis=0),
            sum(weight * one.square for weight, one in zip(weights, found, strict=True)),
            min(one.dimension for one in found),
            min(one.degrees for one in found),
            min(one.windows for one in found),
            max(one.factor for one in found),
            all(one.replayed for one in found),
        )

    def _of_profile(self, profile: ReferenceProfile, n: int) -> Null:
        total = profile.embedded[:, self.place].sum(axis=0, dtype=np.int64)
        rows = max(int(profile.total[self.binning.slots(self.column.name)].sum()), 1)
        mean = total / (rows * _UNIT)
        one_row = max(1 - float(mean @ mean), 1e-9)
        dimension = 1 / self.column.concentration
        if profile.hours is None or len(profile.hours) < FEWEST_HOURS:
            return Null(mean, one_row * (1 / n + 1 / rows), dimension, KNOWN, 0.0)
        known = self._known(profile)
        hours, _, by_hour = self._window()
        design = by_hour @ terms(hours) / max(by_hour.sum(), 1.0)
        design = np.where(np.arange(len(design)) < known.horizon.baseline.sizes[0], design, 0.0)
        expects = mean if known.horizon.baseline.sizes[0] == CONSTANT else design @ known.horizon.baseline.coefficients
        leverage = float(known.horizon.baseline.leverage(design[None, None])[0, 0])
        excess = known.excess * float(known.horizon.level.by_hour[self.current.end_hour % DAY, 0])
        square = one_row * (1 / n + leverage * float(known.horizon.rate[0])) + excess
        if excess > 0:
            dimension = min(dimension, known.dimension)
        degrees = float(known.horizon.level.degrees[0])
        factor, replayed = self._factor(profile, known, one_row), can_replay(self._fit(profile), self.length)
        return Null(expects, square, dimension, degrees, float(known.horizon.windows[0]), factor, replayed)

    def _factor(self, profile: ReferenceProfile, known: Known, one_row: float) -> float:
        """What the replay of the reference asks for, found once for a level and tolerance."""
        key = (METRIC, self.column.name, self.length, self.tolerance, self.alpha)
        if key not in profile.memo:
            short = known.horizon.windows[0] < ENOUGH
            allowed = max(SHORT_TOLERANCE, self.tolerance) if short else self.tolerance
            given = Replay(known, one_row, 1 / self.column.concentration, allowed, self.alpha)
            profile.memo[key] = given.factor(self._fit(profile))
        found: float = profile.memo[key]
        return found

    def _known(self, profile: ReferenceProfile) -> Known:
        key = (METRIC, self.column.name, self.length)
        if key not in profile.memo:
            fitted = self._fit(profile)
            known = horizon(fitted, self.length), _excess(fitted, self.length), _dimension(fitted, self.length)
            profile.memo[key] = Known(*known)
        found: Known = profile.memo[key]
        return found

    def _fit(self, profile: ReferenceProfile) -> Fit:
        """The share engine on the features: one column of 256 cells."""
        key = (METRIC, self.column.name)
        if key not in profile.memo:
            assert profile.hours is not None
            start, span = int(profile.hours[0]), int(profile.hours[-1] - profile.hours[0]) + 1
            inside, rows = np.zeros((span, 2 * FREQUENCIES)), np.zeros((span, 1))
            inside[profile.hours - start] = profile.embedded[:, self.place] / _UNIT
            rows[profile.hours - start, 0] = profile.counts[:, self.binning.slots(self.column.name)].sum(axis=1)
            mean = inside.sum(axis=0) / max(rows.sum(), 1.0)
            profile.memo[key] = fit_reference(_CELLS, Hours(start, inside, rows), _one_row(mean))
        found: Fit = profile.memo[key]
        return found


def _one_row(mean: Array) -> Array:
    """Variance of one row's features [256]: of a cosine and its sine together 1/128 less the squares of their means, so
    that the sum over all is exact."""
    of_both = 1 / FREQUENCIES - mean[:FREQUENCIES] ** 2 - mean[FREQUENCIES:] ** 2
    found: Array = np.tile(np.maximum(of_both, 1e-12) / 2, 2)
    return found


def _excess(fitted: Fit, length: int) -> float:
    """Mean square of windows' deviations beyond that of independent rows, over all features together (cell by cell,
    what is below it by chance would not count against what is above); at least what shorter windows foretell."""
    most = 0.0
    for one in sorted({1, 6, DAY, length}):
        if one > length or len(fitted.residuals) < ENOUGH * one:
            continue
        found = level_deviations(_CELLS, fitted.reference, fitted.residuals, fitted.row, one)
        usable = found.usable[:, 0]
        if not usable.any():
            continue
        square = float((found.change[usable] ** 2).sum(axis=1).mean()) / (1 - float(taken(fitted, found, one)[0]))
        ratio = fitted.memory.variance(length) / fitted.memory.variance(one)
        most = max(most, (square - float(found.independent[usable].sum(axis=1).mean())) * float(ratio[0]))
    return most


def _dimension(fitted: Fit, length: int) -> float:
    """In how many directions the means of the reference's windows differ, tr(C) / λ₁, not more than is known of it: at
    least √(tr(C)² / tr(C²)), the latter from pairs of different windows, or as the windows themselves show, whose λ₁
    is too large by chance; of the longest windows up to ``length`` of which there are 8."""
    hours = len(fitted.residuals)
    longest = next((one for one in (length, DAY, 6, 1) if one <= length and hours // one >= ENOUGH), 1)
    ends = np.arange(hours, longest - 1, -longest)
    rows = sums(fitted.reference.rows, longest, ends)[:, 0]
    some = rows >= MINIMUM_ROWS
    means = sums(fitted.residuals, longest, ends)[some] / rows[some, None]
    if len(means) < ENOUGH:
        return 1.0
    gram = means @ means.T
    apart = ~np.eye(len(means), dtype=bool)
    of_pairs = float(np.diagonal(gram).mean() ** 2 / max(float((gram[apart] ** 2).mean()), 1e-300))
    shown = float(np.trace(gram) / max(np.linalg.eigvalsh(gram)[-1], 1e-300))
    return max(1.0, float(np.sqrt(of_pairs)), shown)
