"""Which slices of the rows got worse: a value of one feature, or of two, whose mean loss rose (Chung et al. 2019).

Slices are chosen on half of the days and tested on the other half, so that choosing among thousands costs nothing but
rows; of those tested, a share of at most 5 % is expected to be there by chance (Benjamini and Hochberg 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from numpy.typing import NDArray
from scipy import special

from detectors.explain.candidates import Candidates, Coded, Condition, coded, pairs, singles
from detectors.explain.labelled import Labelled
from detectors.intervals import Z95

Array = NDArray[np.float64]

MOST_FEATURES = 20
MOST_TESTED = 40
MOST_LISTED = 10
CHOSEN_AT = 0.05  # level of the first half; it decides nothing but what is tested
FALSE_SHARE = 0.05
SAME = 0.8  # overlap from which two slices are one


@dataclass(frozen=True)
class Slice:
    """``effect``: how much the mean loss rose, with 95 % limits, and ``p_value`` of H0: not worse than before, or no
    more so than what holds it; on days that had no part in choosing it. ``share`` of the window's rows; ``rows`` of the
    window and ``reference_rows``."""

    where: tuple[Condition, ...]
    effect: float
    lower: float
    upper: float
    p_value: float
    share: float
    rows: int
    reference_rows: int

    @property
    def contribution(self) -> float:
        """To the rise of the mean loss of all rows."""
        return self.effect * self.share


@dataclass(frozen=True)
class Slices:
    """The worst first; of so many ``candidates`` so many were ``tested``. ``clustering``: correlation of the losses of
    one block of days, as estimated."""

    found: tuple[Slice, ...]
    candidates: int
    tested: int
    clustering: float


@dataclass(frozen=True)
class _Rise:
    """Of the mean loss of every candidate, [C], and its standard error."""

    effect: Array
    error: Array

    @property
    def z(self) -> Array:
        return np.divide(self.effect, self.error, out=np.zeros_like(self.effect), where=self.error > 0)


def slices_that_got_worse(
    features: Sequence[str], reference: Labelled, current: Labelled, importance: Sequence[float]
) -> Slices:
    """Candidates are single values and pairs of values of at most 20 features (the most important; of equally
    important ones, those whose worst value moved most on the days for choosing) with 200 rows on both sides. The error
    of a mean is that of its rows with the correlation within blocks of days, pooled over all candidates, or that which
    its own blocks show, if larger. Chosen are those that got worse than what holds them (the whole; a wider range; each
    of two values) by one standard error; tested is H0: not worse than before, or no more so than what holds it. Vectors
    have no values that could be named: they are left out.
    """
    plain = [place for place, name in enumerate(features) if not pa.types.is_binary(reference.rows.columns[name].type)]
    if not plain:
        return Slices((), 0, 0, 0.0)
    features, importance = [features[place] for place in plain], [importance[place] for place in plain]
    columns = [coded(name, reference.rows.columns[name], current.rows.columns[name]) for name in features]
    sides = reference, current
    known = singles(columns, sides)
    clustering = _clustering(known)
    first = _rise(known, 0, clustering)
    chosen = _features(known, first, np.asarray(importance, np.float64))
    columns = [columns[place] for place in chosen]
    candidates = pairs(columns, sides, singles(columns, sides))
    rises = [_rise(candidates, half, clustering) for half in range(2)]
    likely = np.flatnonzero((special.ndtr(-rises[0].z) <= CHOSEN_AT) & (_excess(rises[0], candidates.parents) >= 1))
    tested = likely[np.argsort(-rises[0].z[likely], kind="stable")][:MOST_TESTED]
    if not len(tested):
        return Slices((), len(candidates.where) - 1, 0, clustering)
    p_values = special.ndtr(-np.minimum(rises[1].z, _excess(rises[1], candidates.parents)))
    kept = tested[scipy.stats.false_discovery_control(p_values[tested]) <= FALSE_SHARE]
    share = candidates.sums[1][..., 1].sum(axis=0)
    share = share / share[0]
    order = kept[np.argsort(-(rises[1].effect * share)[kept], kind="stable")]
    listed = _distinct(order, candidates, columns)
    found = tuple(
        _slice(place, candidates, columns, rises[1], float(share[place]), float(p_values[place])) for place in listed
    )
    return Slices(found, len(candidates.where) - 1, len(tested), clustering)


def _features(known: Candidates, rise: _Rise, importance: Array) -> list[int]:
    worst = np.zeros(len(importance))
    for place, where in enumerate(known.where[1:], start=1):
        worst[where[0][0]] = max(worst[where[0][0]], rise.z[place])
    order = np.lexsort((-worst, -importance))[:MOST_FEATURES]
    return sorted(int(place) for place in order)


def _rise(candidates: Candidates, half: int, clustering: float) -> _Rise:
    """On every other block."""
    (then, before), (now, after) = (_mean(sums[half::2], clustering) for sums in candidates.sums)
    return _Rise(now - then, np.sqrt(before + after))


def _mean(sums: Array, clustering: float) -> tuple[Array, Array]:
    """Mean loss [C] and its variance, infinite where it cannot be known."""
    rows, weight, loss, squares, weights = np.moveaxis(sums, -1, 0)
    total = np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
    mean = loss.sum(axis=0) / total
    effective = total**2 / np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
    spread = np.maximum(squares.sum(axis=0) / total - mean**2, 0.0)
    # One more row of either kind, so that a slice without a single loss is not certain.
    spread = (spread * effective + np.maximum(spread.max(initial=0.0), 1e-12)) / (effective + 1)
    in_block = (rows**2).sum(axis=0) / np.maximum(rows.sum(axis=0), 1)
    variance = spread / np.maximum(effective, 1) * (1 + clustering * np.maximum(in_block - 1, 0))
    blocks = (rows > 0).sum(axis=0)
    own = ((loss - mean * weight) ** 2).sum(axis=0) / total**2 * blocks / np.maximum(blocks - 1, 1)
    return mean, np.where(blocks >= 2, np.maximum(variance, own), np.inf)


def _clustering(known: Candidates) -> float:
    """Correlation of the losses of rows of one block, at least 0: by moments, pooled over candidates and sides.

    With variance s² of a row the squared deviation of a block's sum of n rows has mean s² n (1 + (n - 1) ρ), less what
    the estimated mean takes.
    """
    above, pairs_of_rows = 0.0, 0.0
    for sums in known.sums:
        rows, weight, loss, squares, _ = np.moveaxis(sums, -1, 0)
        blocks, total = len(rows), np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
        mean = loss.sum(axis=0) / total
        spread = np.maximum(squares.sum(axis=0) / total - mean**2, np.finfo(float).tiny)
        scale = (rows.sum(axis=0) / total) ** 2 if blocks > 1 else np.zeros_like(total)
        seen = scale * ((loss - mean * weight) ** 2).sum(axis=0) * blocks / max(blocks - 1, 1) / spread
        above += float((seen - rows.sum(axis=0) * (blocks > 1)).sum())
        pairs_of_rows += float((rows * (rows - 1)).sum()) * (blocks > 1)
    return max(above / pairs_of_rows, 0.0) if pairs_of_rows > 0 else 0.0


def _excess(rise: _Rise, parents: NDArray[np.int64]) -> Array:
    """By how many of its standard errors a candidate got worse than what holds it, [C]; the whole has nothing to beat.

    The error of the difference is less than that, as its own rows are among those of what holds it.
    """
    more = (rise.effect[:, None] - rise.effect[parents]).min(axis=1)
    found: Array = np.divide(more, rise.error, out=np.zeros_like(more), where=rise.error > 0)
    found[0] = -np.inf
    return found


def _distinct(order: NDArray[np.int64], candidates: Candidates, columns: Sequence[Coded]) -> list[int]:
    """The first of those that are nearly the same rows of the window."""
    listed: list[int] = []
    masks: list[NDArray[np.bool_]] = []
    for place in order.tolist():
        mask = np.all([columns[f].holds(c, 1) for f, c in candidates.where[place]], axis=0)
        if all((mask & one).sum() < SAME * (mask | one).sum() for one in masks):
            listed.append(place)
            masks.append(mask)
    return listed[:MOST_LISTED]


def _slice(
    place: int, candidates: Candidates, columns: Sequence[Coded], rise: _Rise, share: float, p_value: float
) -> Slice:
    effect, error = float(rise.effect[place]), float(rise.error[place])
    rows = [round(float(sums[:, place, 0].sum())) for sums in candidates.sums]
    where = tuple(columns[f].conditions[c] for f, c in candidates.where[place])
    return Slice(where, effect, effect - Z95 * error, effect + Z95 * error, p_value, share, rows[1], rows[0])
