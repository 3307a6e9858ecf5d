"""Kolmogorov-Smirnov: the largest distance between two distribution functions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.gap import largest_gap
from detectors.sample import Binned, Comparison, Sample, Values
from detectors.tables import need_rows, need_same_cuts

MOST_FOR_EXACT = 10_000  # scipy's own limit under method="auto"
MANY = 20_000  # from here on expansions stand for sums over all rows


def compare(reference: Sample, current: Sample) -> Comparison:
    """Values: as scipy's ``ks_2samp`` (exact p-value up to 10,000 values, the asymptotic one beyond). Bins: the largest
    distance at a cut, which is at most ``details.error_bound`` below that of the values, with scipy's asymptotic
    p-value. Limits: the 95 % DKW band (Massart 1990)."""
    need_rows(reference, current)
    if isinstance(reference, Values) and isinstance(current, Values):
        if max(reference.rows, current.rows) > MOST_FOR_EXACT:
            distance = largest_gap(reference.ordered, current.ordered).distance
            return _bounded(distance, _asymptotic(distance, reference, current), reference, current, {})
        with warnings.catch_warnings():
            # scipy falls back from the exact to the asymptotic p-value, and warns, where the exact one overflows
            warnings.simplefilter("ignore", RuntimeWarning)
            found = scipy.stats.ks_2samp(reference.numbers, current.numbers)
        return _bounded(float(found.statistic), float(found.pvalue), reference, current, {})
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        apart = np.cumsum(reference.counts) / reference.rows - np.cumsum(current.counts) / current.rows
        distance = float(np.abs(apart).max())
        p_value = _asymptotic(distance, reference, current)
        details = {"edges": reference.cuts.tolist(), "error_bound": max(reference.hidden, current.hidden)}
        return _bounded(distance, p_value, reference, current, details)
    raise TypeError("Kolmogorov-Smirnov compares numbers")


def _asymptotic(distance: float, reference: Sample, current: Sample) -> float:
    rows = float(np.round(max(reference.rows * current.rows / (reference.rows + current.rows), 1.0)))
    if rows > MANY and rows * distance**2 < 370:
        return _tail(distance, rows) if rows * distance**2 >= 2.2 else _middle(distance, rows)
    return float(np.clip(scipy.stats.kstwo.sf(distance, rows), 0, 1))


def _middle(distance: float, rows: float) -> float:
    """Kolmogorov's limit with Vrbik's correction for finite samples (2018), of order rows^-3/2: within 1e-6 here."""
    root = np.sqrt(rows) * distance
    return float(scipy.special.kolmogorov(root + 1 / (6 * np.sqrt(rows)) + (root - 1) / (4 * rows)))


def _tail(distance: float, rows: float) -> float:
    """What scipy's ``kstwo.sf`` answers here, without its sum over all rows: twice Smirnov's one-sided limit with the
    correction of Maag and Dicaire (1971) and the next two terms of its expansion. Compared with the sum, it is within
    1e-4 of it down to p = 1e-40."""
    square = distance**2
    exponent = -((6 * rows * distance + 1) ** 2) / (18 * rows) - 4 / 9 * (rows * square**2 - square)
    return float(2 * np.exp(exponent))


def _bounded(
    distance: float, p_value: float, reference: Sample, current: Sample, details: dict[str, Any]
) -> Comparison:
    radius = float(np.sqrt(np.log(2 / 0.05) / 2 * (1 / reference.rows + 1 / current.rows)))
    return Comparison(distance, p_value, max(0.0, distance - radius), min(1.0, distance + radius), details)
