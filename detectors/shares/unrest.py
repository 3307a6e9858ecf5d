"""How much the shares of windows differ from the baseline although nothing drifts: measured on the reference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from detectors.measurement import MINIMUM_ROWS
from detectors.shares.baseline import Baseline
from detectors.shares.cells import Cells
from detectors.shares.memory import PAST
from detectors.shares.seasons import DAY, terms

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

ENOUGH = 8  # windows, below which their own variance tells too little
_TINY = 1e-12


@dataclass(frozen=True)
class Hours:
    """A stretch of H hours without gaps: ``start`` (hours since 1970), ``inside`` rows in the cells [H, B], ``rows`` in
    the columns [H, F]; ``of_parts`` [K, H, F]: the same rows, divided between the parts of a mixed reference."""

    start: int
    inside: Array
    rows: Array
    of_parts: Array | None = None
    memo: dict[int, Residuals] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def hours(self) -> NDArray[np.int64]:
        """The hours themselves, [H]."""
        return np.arange(self.start, self.start + len(self.rows))

    def part(self, first: int, last: int) -> Hours:
        """From one place to another."""
        parts = None if self.of_parts is None else self.of_parts[:, first:last]
        return Hours(self.start + first, self.inside[first:last], self.rows[first:last], parts)

    def expected(self, cells: Cells, baseline: Baseline) -> Array:
        """Shares [H, B] of its hours, not kept inside 0 and 1; of a mixed baseline in the shares of each hour."""
        design = terms(self.hours)
        if self.of_parts is None or not baseline.parts:
            return baseline.expected(design)
        found = np.zeros_like(self.inside)
        for rows, part in zip(self.of_parts / np.maximum(self.rows, 1e-9), baseline.parts, strict=True):
            found += rows[:, cells.owner] * part.expected(design)
        return found

    def residuals(self, cells: Cells, baseline: Baseline) -> Array:
        """Rows in the cells beyond those expected, [H, B]."""
        return self.inside - self.rows[:, cells.owner] * self.expected(cells, baseline)

    @cached_property
    def running_inside(self) -> Array:
        """``running`` sums of the rows in the cells."""
        return running(self.inside)

    @cached_property
    def running_rows(self) -> Array:
        """``running`` sums of the rows in the columns."""
        return running(self.rows)

    @cached_property
    def running_terms(self) -> Array:
        """``running`` sums of the terms of all rows, [H + 1, F, 18]."""
        return running(self.rows[:, :, None] * terms(self.hours)[:, None, :])

    def beside(self, cells: Cells, baseline: Baseline) -> Residuals:
        """What is left of it by a baseline, worked out once for windows of all lengths."""
        known = self.memo.get(id(baseline))
        if known is None or known.baseline is not baseline:
            known = self.memo[id(baseline)] = Residuals(self, cells, baseline)
        return known


@dataclass(frozen=True, eq=False)
class Residuals:
    """Of a stretch of hours, beside a baseline; ``spectra`` of its shares, by size."""

    of: Hours
    cells: Cells
    baseline: Baseline
    spectra: dict[int, Array] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def running(self) -> Array:
        """``running`` sums of the rows beyond those expected, [H + 1, B]."""
        return running(self.of.residuals(self.cells, self.baseline))

    @cached_property
    def shares(self) -> Array:
        """Each hour's shares beyond those expected, [H, B]."""
        found = self.of.residuals(self.cells, self.baseline)
        found /= np.maximum(self.of.rows, 1)[:, self.cells.owner]
        return found


def running(hourly: Array) -> Array:
    """Sums [H + 1, ...] of the hours before each place."""
    found = np.zeros((len(hourly) + 1, *hourly.shape[1:]))
    np.cumsum(hourly, axis=0, out=found[1:])
    return found


def between(total: Array, length: int, ends: NDArray[np.int64]) -> Array:
    """Sums [W, ...] over the ``length`` hours before each of ``ends`` (places in the stretch), of ``running`` sums."""
    found: Array = total[ends] - total[ends - length]
    return found


def sums(hourly: Array, length: int, ends: NDArray[np.int64]) -> Array:
    """Sums [W, ...] over the ``length`` hours before each of ``ends``."""
    return between(running(hourly), length, ends)


def contrast(
    shares: Array,
    weights: Array,
    ends: NDArray[np.int64],
    owner: NDArray[np.int64] | None = None,
    spectra: dict[int, Array] | None = None,
) -> Array:
    """Weighted sums [W, B] of the last hours before each of ``ends``: ``shares`` [H, B], ``weights`` [K, F] of their
    columns; without ``owner`` [B] each has its own. ``spectra``: of these shares, by size; what is missing is added."""
    span = len(weights)
    own = slice(None) if owner is None else owner
    if len(ends) * 8 < len(shares):
        each = weights[:, own]
        found: Array = np.stack([np.einsum("kb,kb->b", shares[end - span : end], each) for end in ends])
        return found
    size = fft.next_fast_len(len(shares) + max(span, PAST + DAY), real=True)  # one for all lengths up to a day
    spectra = {} if spectra is None else spectra
    if size not in spectra:
        spectra[size] = fft.rfft(shares, size, axis=0)
    spectrum = spectra[size] * fft.rfft(weights[::-1], size, axis=0)[:, own]
    convolved: Array = fft.irfft(spectrum, size, axis=0, overwrite_x=True)[ends - 1]
    return convolved


@dataclass(frozen=True)
class Unrest:
    """Of one statistic at one window length. ``excess`` [B]: variance beyond that of independent rows; ``degrees``
    [F]: what it is worth; ``by_hour`` [24, F]: how the excess of windows that end at an hour of the day compares."""

    excess: Array
    degrees: Array
    by_hour: Array


@dataclass(frozen=True)
class Deviations:
    """Of the reference's windows at one length: ``change`` [W, B], the variance ``independent`` rows would have [W, B],
    ``usable`` [W, F], ``ends`` int64 [W] (hours since 1970), ``disjoint`` [F]: how many windows fit without
    overlap, ``row`` [B]: the variance of one row."""

    change: Array
    independent: Array
    usable: Flags
    ends: NDArray[np.int64]
    disjoint: Array
    row: Array


def level_deviations(cells: Cells, reference: Hours, residuals: Array, variance: Array, length: int) -> Deviations:
    """Of the mean share of each window of the reference that has at least 30 usable rows; ``variance`` [B] of a
    row."""
    stride = 1 if length < DAY else 4 if length <= DAY else DAY
    ends = np.arange(length, len(residuals) + 1, stride)
    rows = sums(reference.rows, length, ends)
    change = sums(residuals, length, ends) / np.maximum(rows, 1)[:, cells.owner]
    usable = rows >= MINIMUM_ROWS
    independent = variance / np.maximum(rows, 1)[:, cells.owner]
    disjoint = (usable.sum(axis=0) * stride + length - stride) / length * usable.any(axis=0)
    return Deviations(change, independent, usable, reference.start + ends, disjoint, variance)


def step_deviations(
    cells: Cells, reference: Hours, residuals: Array, variance: Array, weights: Array, length: int
) -> Deviations:
    """Of the step at the start of each window, by ``weights`` [F, 48 + length]; the window's hours must all have rows,
    and so must nine in ten of those that foretell it."""
    span = weights.shape[1]
    ends = np.arange(span, len(residuals) + 1)
    shares = residuals / np.maximum(reference.rows, 1)[:, cells.owner]
    change = contrast(shares, weights.T, ends, cells.owner)
    independent = contrast(1 / np.maximum(reference.rows, 1), weights.T**2, ends)[:, cells.owner] * variance
    usable = steps_usable(reference.rows, weights, ends, length)
    return Deviations(change, independent, usable, reference.start + ends, usable.sum(axis=0) / length, variance)


def steps_usable(rows: Array, weights: Array, ends: NDArray[np.int64], length: int) -> Flags:
    """Whether a step can be told at each of ``ends``, [W, F]."""
    some = (rows > 0).astype(np.float64)
    window = sums(some, length, ends) == length
    foretold = contrast(some, np.abs(weights.T[:PAST]), ends - length)
    enough: Flags = foretold >= 0.9 * np.abs(weights.T[:PAST]).sum(axis=0)
    usable: Flags = window & enough & (sums(rows, length, ends) >= MINIMUM_ROWS)
    return usable


def unrest_of(cells: Cells, found: Deviations, fitted: Array, length: int) -> Unrest:
    """What the windows tell. ``fitted`` [F]: the share of a window's variance that the baseline took with it."""
    unrest, kurtosis = _with_kurtosis(cells, found, fitted, length)
    of_tail = 4 + 6 / np.maximum(kurtosis, 1e-9)
    return replace(unrest, degrees=np.maximum(np.minimum(unrest.degrees, of_tail), 1.0))


def has_heavy_tails(cells: Cells, found: Deviations, length: int) -> Flags:
    """Columns whose windows certainly have heavier tails than a normal distribution, [F]."""
    _, kurtosis = _with_kurtosis(cells, found, np.zeros(found.usable.shape[1]), length)
    heavy: Flags = kurtosis > 0
    return heavy


def _with_kurtosis(cells: Cells, found: Deviations, fitted: Array, length: int) -> tuple[Unrest, Array]:
    """The unrest of windows with normal tails, and their excess kurtosis, where it is certain [F]."""
    weights = found.usable.astype(np.float64)
    count = np.maximum(weights.sum(axis=0), 1)[cells.owner]
    squares = np.where(found.usable[:, cells.owner], found.change**2, 0.0)
    variance = squares.sum(axis=0) / count / np.maximum(1 - fitted, 0.5)[cells.owner]
    independent = np.where(found.usable[:, cells.owner], found.independent, 0.0).sum(axis=0) / count
    degrees = found.disjoint / _dependence(cells, found, length) - 1
    excess, by_hour = np.maximum(variance - independent, 0.0), _by_hour(cells, found, variance, length)
    expected = found.independent + excess * by_hour[found.ends % DAY][:, cells.owner]
    return Unrest(excess, degrees, by_hour), _certain_kurtosis(cells, found, expected, degrees)


def _dependence(cells: Cells, found: Deviations, length: int) -> Array:
    """1 + 2 Σ ρ² over the autocorrelations of disjoint windows (Bartlett 1946), [F]."""
    step = int(np.diff(found.ends[:2])[0]) if len(found.ends) > 1 else 1
    lag = max(length // step, 1)
    windows = len(found.change) // lag
    values = np.where(found.usable[:, cells.owner], found.change, 0.0)
    least = 1e-3 * np.add.reduceat(found.independent.sum(axis=0), cells.starts)  # a constant leaves rounding alone
    power = np.maximum(np.add.reduceat((values**2).sum(axis=0), cells.starts), np.maximum(least, 1e-300))
    total = np.ones(len(power))
    for k in range(1, min(10, windows // 4) + 1):
        products = (values[k * lag :] * values[: -k * lag]).sum(axis=0)
        rho = np.add.reduceat(products, cells.starts) / power
        total += 2 * np.maximum(rho**2 - 1 / windows, 0.0)
    return total


def _certain_kurtosis(cells: Cells, found: Deviations, expected: Array, degrees: Array) -> Array:
    """The windows' excess kurtosis κ, where it is certain, else 0, [F]; that of a Student distribution of 4 + 6 / κ
    degrees.

    Deviations are taken in units of their ``expected`` variance [W, B]: windows with fewer rows are no heavy tail. What
    rows alone bring (a binomial's (1 - 6v) / (v n)) is left to the binomial tail.
    """
    usable = found.usable[:, cells.owner]
    count = np.maximum(usable.sum(axis=0), 1)
    squares = np.where(usable, found.change**2 / np.maximum(expected, 1e-300), 0.0)
    mean = np.maximum(squares.sum(axis=0) / count, 1e-100)
    kurtosis = (squares**2).sum(axis=0) / count / mean**2 - 3
    share = found.independent / np.maximum(expected, 1e-300)
    of_rows = np.where(usable, share**2 * _kurtosis_of_rows(found.row, found.independent), 0.0).sum(axis=0) / count
    weight = np.where(usable, expected, 0.0).sum(axis=0)
    total = np.maximum(np.add.reduceat(weight, cells.starts), 1e-300)
    pooled = np.add.reduceat((kurtosis - of_rows) * weight, cells.starts) / total
    certain: Array = np.maximum(pooled - 2 * np.sqrt(24 / np.maximum(degrees, 1)), 0.0)
    return certain


def _kurtosis_of_rows(row: Array, independent: Array) -> Array:
    """(1 - 6v) / (v n) with v = q(1 - q), n the rows at which v / n is the ``independent`` variance."""
    safe = np.maximum(row, _TINY)
    found: Array = np.maximum(1 - 6 * safe, 0.0) * independent / safe**2
    return found


def _by_hour(cells: Cells, found: Deviations, variance: Array, length: int) -> Array:
    """Ratio [24, F] of the variance at each hour of the day to that of all, shrunk towards 1 by as much as its own
    noise (empirical Bayes; Efron and Morris 1973). Windows of a day or more have no hour of their own."""
    columns = found.usable.shape[1]
    if length >= DAY:
        return np.ones((DAY, columns))
    hour = found.ends % DAY
    usable = found.usable[:, cells.owner]
    ratio = np.where(usable, found.change**2 / np.maximum(variance, 1e-300), 0.0)
    per_column = np.add.reduceat(ratio, cells.starts, axis=1) / cells.sizes
    sums_by_hour = np.zeros((DAY, columns))
    np.add.at(sums_by_hour, hour, per_column)
    days = np.zeros((DAY, columns))
    np.add.at(days, hour, found.usable.astype(np.float64))
    mean = np.where(days > 0, sums_by_hour / np.maximum(days, 1), 1.0)
    noise = 2 / np.maximum(days, 1)
    real = np.maximum(((mean - 1) ** 2 - noise).mean(axis=0), 0.0)
    shrunk: Array = np.maximum(1 + (mean - 1) * real / (real + noise), 0.25)
    return shrunk
