"""Epps and Singleton's test: two characteristic functions at two points (1986)."""

from __future__ import annotations

import warnings

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.measurement import NO_VARIATION, TOO_FEW_ROWS
from detectors.sample import Array, Binned, Comparison, Sample, Values, undefined
from detectors.tables import need_rows, need_same_cuts

POINTS = np.array([0.4, 0.8])  # over half the interquartile range of both samples together
LEAST = 5  # rows of a sample
SMALL = 25  # rows of the larger sample, below which the statistic is corrected (Goerg and Kaiser 2009)


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``epps_singleton_2samp``; it sees shape as well as place, of whole numbers too.

    Bins: each bin stands for its middle, with no bound on the error (``details.binned``). Samples of one value each, or
    whose middle half is one value: ``no_variation``; under 5 rows: ``too_few_rows``.
    """
    need_rows(reference, current)
    if isinstance(reference, Values) and isinstance(current, Values):
        return _of_values(reference, current)
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        return _of_bins(reference, current)
    raise TypeError("Epps and Singleton's test compares numbers")


def _of_values(reference: Values, current: Values) -> Comparison:
    scale = float(scipy.stats.iqr(np.concatenate([reference.numbers, current.numbers]))) / 2
    constant = np.ptp(reference.numbers) == np.ptp(current.numbers) == 0
    reason = _unfit(reference, current, constant or scale == 0)
    if reason is not None:
        return undefined(reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few distinct values leave fewer degrees of freedom
        found = scipy.stats.epps_singleton_2samp(reference.numbers, current.numbers)
    return Comparison(float(found.statistic), float(found.pvalue))


def _of_bins(reference: Binned, current: Binned) -> Comparison:
    """The same from shares: W = N Δᵀ S⁺ Δ of the mean cosines and sines, chi-square by the rank of S."""
    details = {"edges": reference.cuts.tolist(), "binned": True}
    scale = _quartile_range(reference.middles, reference.counts + current.counts) / 2
    constant = np.count_nonzero(reference.counts) == np.count_nonzero(current.counts) == 1
    reason = _unfit(reference, current, constant or scale == 0)
    if reason is not None:
        return undefined(reason, details)
    angles = POINTS[:, None] / scale * reference.middles
    waves = np.concatenate([np.cos(angles), np.sin(angles)])
    rows = reference.rows + current.rows
    (then, of_then), (now, of_now) = (_moments(waves, sample.counts / sample.rows) for sample in (reference, current))
    inverse = np.linalg.pinv(rows / reference.rows * of_then + rows / current.rows * of_now)
    statistic = rows * float((then - now) @ inverse @ (then - now))
    if max(reference.rows, current.rows) < SMALL:
        statistic /= 1 + rows**-0.45 + 10.1 * (reference.rows**-1.7 + current.rows**-1.7)
    p_value = float(scipy.stats.chi2.sf(statistic, np.linalg.matrix_rank(inverse)))
    return Comparison(statistic, p_value, details=details)


def _unfit(reference: Sample, current: Sample, constant: bool) -> str | None:
    if min(reference.rows, current.rows) < LEAST:
        return TOO_FEW_ROWS
    return NO_VARIATION if constant else None


def _moments(waves: Array, shares: Array) -> tuple[Array, Array]:
    """Mean [4] and covariance [4, 4] of ``waves`` [4, B]."""
    mean = waves @ shares
    apart = waves - mean[:, None]
    return mean, (apart * shares) @ apart.T


def _quartile_range(middles: Array, counts: Array) -> float:
    """Third less first quartile, interpolated between rows as numpy does."""
    ends = np.cumsum(counts)
    ranks = (ends[-1] - 1) * np.array([0.25, 0.75])
    at = np.searchsorted(ends, [np.floor(ranks), np.ceil(ranks)], side="right")
    low, high = middles[np.minimum(at, len(middles) - 1)]
    first, third = low + (high - low) * (ranks % 1)
    return float(third - first)
