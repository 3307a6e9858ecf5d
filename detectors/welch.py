"""Two means compared without taking their variances for equal (Welch 1947), from values, moments or bins."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.measurement import NO_VARIATION, TOO_FEW_ROWS
from detectors.sample import Binned, Sample, Values
from detectors.tables import need_rows, need_same_cuts

LOST = 1e-9  # a variance below this share of the mean square has lost its digits in the sums


@dataclass(frozen=True)
class Welch:
    """``statistic``: mean of the reference less that of the window, in standard errors; ``p_value`` two-sided, by
    Student's t. ``reason``: why neither could be had (both are then NaN)."""

    statistic: float
    p_value: float
    details: dict[str, Any]
    reason: str | None = None


@dataclass(frozen=True)
class _Mean:
    """``variance`` with n - 1; the true mean is within ``shift`` of ``mean``, the true deviation within ``spread``."""

    rows: float
    mean: float
    variance: float
    shift: float = 0.0
    spread: float = 0.0


def welch(reference: Sample, current: Sample) -> Welch:
    """scipy's ``ttest_ind(equal_var=False)``.

    Bins: by their stored moments (``details.error_bound`` 0: only rounding), else each bin stands for its middle. Then
    the means are off by at most δ = Σ p w / 2 each and the deviations by at most η = √(Σ p w² / 4 · n / (n - 1)) (w
    the bins' widths; Minkowski), and ``details.error_bound`` is the largest change of the statistic within that;
    it holds as long as values stay within the range of the first reference, and is ``None`` where that is not known or
    both deviations may be 0.
    """
    need_rows(reference, current)
    if not (isinstance(reference, Values | Binned) and isinstance(current, Values | Binned)):
        raise TypeError("means are of numbers")
    if min(reference.rows, current.rows) < 2:
        return Welch(np.nan, np.nan, {}, TOO_FEW_ROWS)
    then, now = _mean(reference), _mean(current)
    details: dict[str, Any] = {"mean_reference": then.mean, "mean_current": now.mean}
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        details["edges"] = reference.cuts.tolist()
    if then.variance + now.variance == 0:
        return Welch(np.nan, np.nan, details, NO_VARIATION)
    if isinstance(reference, Values) and isinstance(current, Values):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # one sample may be constant
            found = scipy.stats.ttest_ind(reference.numbers, current.numbers, equal_var=False)
        return Welch(float(found.statistic), float(found.pvalue), details)
    parts = (number for one in (then, now) for number in (one.mean, one.variance**0.5, one.rows))
    found = scipy.stats.ttest_ind_from_stats(*parts, equal_var=False)
    bound = _error_bound(then, now, float(found.statistic))
    return Welch(float(found.statistic), float(found.pvalue), {**details, "error_bound": bound})


def _mean(sample: Values | Binned) -> _Mean:
    rows = sample.rows
    if isinstance(sample, Values):
        constant = np.ptp(sample.numbers) == 0  # else rounding of the mean gives it a variance
        return _Mean(rows, float(sample.numbers.mean()), 0.0 if constant else float(sample.numbers.var(ddof=1)))
    if sample.moments is not None:
        total, squares = sample.moments
        rest = squares - total**2 / rows
        if np.isfinite(squares) and rest > LOST * squares:
            return _Mean(rows, total / rows, rest / (rows - 1))
    shares, unbiased = sample.counts / rows, rows / (rows - 1)
    mean = float(sample.middles @ shares)
    variance = float((sample.middles - mean) ** 2 @ shares) * unbiased if np.count_nonzero(shares) > 1 else 0.0
    if not sample.bounded:
        return _Mean(rows, mean, variance, np.inf, np.inf)
    spread = float(np.sqrt(sample.widths**2 / 4 @ shares * unbiased))
    return _Mean(rows, mean, variance, float(sample.widths / 2 @ shares), spread)


def _error_bound(then: _Mean, now: _Mean, statistic: float) -> float | None:
    shift = then.shift + now.shift
    least, most = (
        np.hypot(*(max(one.variance**0.5 + sign * one.spread, 0.0) / one.rows**0.5 for one in (then, now)))
        for sign in (-1, 1)
    )
    if not np.isfinite(shift) or least == 0:
        return None
    if shift == 0 and then.spread + now.spread == 0:
        return 0.0
    apart = np.array([then.mean - now.mean - shift, then.mean - now.mean + shift])
    return float(np.abs(np.concatenate([apart / least, apart / most]) - statistic).max())
