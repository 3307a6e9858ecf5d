"""Two samples as one table of counts: categories as they are, numbers in the reference's deciles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.sample import NAMELESS, Binned, Levels, Sample, Values

Array = NDArray[np.float64]

DECILES: Array = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Table:
    """Counts ``reference`` and ``current`` float64 [B] in cells that are not empty in both; what the cells are in
    ``details``: ``edges`` (inner cuts, x <= edge is below) or ``categories``."""

    reference: Array
    current: Array
    details: dict[str, Any]

    @property
    def shares(self) -> tuple[Array, Array]:
        """Shares of reference and current, [B] each."""
        return self.reference / self.reference.sum(), self.current / self.current.sum()

    @property
    def smoothed(self) -> tuple[Array, Array]:
        """Shares with half a row added to every cell, so that none is zero."""
        reference, current = self.reference + 0.5, self.current + 0.5
        return reference / reference.sum(), current / current.sum()


def table(reference: Sample, current: Sample) -> Table:
    """Count both samples alike. Raises ``ValueError`` where one is empty, ``TypeError`` where they are not of one
    kind."""
    need_rows(reference, current)
    if isinstance(reference, Levels) and isinstance(current, Levels):
        return _categories(reference, current)
    if isinstance(reference, Values) and isinstance(current, Values):
        cuts = _cuts_of_values(reference.ordered)
        then, now = (_count(cuts, sample.ordered) for sample in (reference, current))
        return _filled(then, now, {"edges": cuts.tolist()})
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        places = _cuts_of_bins(reference)
        then, now = (_merge(places, sample.counts) for sample in (reference, current))
        return _filled(then, now, {"edges": reference.cuts[places].tolist()})
    raise TypeError("the two samples must be of one kind: values, levels, or bins")


def two_by_two(reference: Levels, current: Levels) -> Table | None:
    """The table of a column of exactly two levels, the last in sorted order (1, true, yes) in front; ``None`` where
    there are more or fewer."""
    found = table(reference, current)
    names = found.details["categories"]
    if len(names) != 2:
        return None
    order = sorted((0, 1), key=lambda place: str(names[place]), reverse=True)
    return Table(found.reference[order], found.current[order], {"categories": [names[place] for place in order]})


def need_rows(reference: Sample, current: Sample) -> None:
    """Raise ``ValueError`` where a sample is empty."""
    if reference.rows <= 0 or current.rows <= 0:
        raise ValueError("both samples need at least one row")


def need_same_cuts(reference: Binned, current: Binned) -> None:
    """Raise ``ValueError`` where counts stand on different cuts."""
    if not np.array_equal(reference.cuts, current.cuts):
        raise ValueError("the two samples were counted on different cuts")


def _categories(reference: Levels, current: Levels) -> Table:
    """What is rare in the reference, or was never seen there, is one category with all that is not surely common: which
    values are which was chance, and each part of them has another share in the next rows of the same source."""
    names = tuple(dict.fromkeys((*reference.levels, *current.levels)))
    then, now = (_align(names, sample) for sample in (reference, current))
    if reference.common is not None and reference.levels == current.levels and (then + now)[-len(NAMELESS) :].any():
        first, last = reference.common, len(names) - reference.closed
        then, now = (np.concatenate([s[:first], [s[first:last].sum()], s[last:]]) for s in (then, now))
        names = (*names[:first], NAMELESS[0], *names[last:])
    used = then + now > 0
    return Table(then[used], now[used], {"categories": [name for name, keep in zip(names, used, strict=True) if keep]})


def _align(names: tuple[str, ...], sample: Levels) -> Array:
    found = dict(zip(sample.levels, np.asarray(sample.counts, dtype=np.float64).tolist(), strict=True))
    return np.array([found.get(name, 0.0) for name in names])


def _filled(reference: Array, current: Array, details: dict[str, Any]) -> Table:
    used = reference + current > 0
    return Table(reference[used], current[used], details)


def _cuts_of_values(ordered: Array) -> Array:
    """Deciles (smallest values with j/10 of the rows at or below); the largest value gives way to the one before it,
    and a constant is set apart from what is below and above it."""
    ranks = np.ceil(DECILES * len(ordered) - 1e-9).astype(np.int64)
    cuts = np.unique(ordered[np.maximum(ranks, 1) - 1])
    top = ordered[-1]
    if cuts[-1] < top:
        return cuts
    below = ordered[: np.searchsorted(ordered, top)]
    return np.unique(np.append(cuts[:-1], below[-1])) if len(below) else np.array([np.nextafter(top, -np.inf), top])


def _cuts_of_bins(reference: Binned) -> NDArray[np.int64]:
    """The like among the cuts of a binned reference, as indices."""
    shares = np.cumsum(reference.counts)[:-1] / reference.rows
    if len(shares) == 0:
        return np.empty(0, dtype=np.int64)
    places = np.unique(np.searchsorted(shares, DECILES - 1e-12))
    inner = places[places < len(shares)]
    inner = inner[shares[inner] < 1]
    if len(inner) < len(places):
        below = np.flatnonzero((shares > 0) & (shares < 1))
        inner = np.unique(np.append(inner, below[-1:]))
    return inner if len(inner) else np.arange(len(shares))


def _count(cuts: Array, ordered: Array) -> Array:
    return np.diff(np.searchsorted(ordered, cuts, side="right"), prepend=0, append=len(ordered)).astype(np.float64)


def _merge(places: NDArray[np.int64], counts: NDArray[Any]) -> Array:
    merged: Array = np.add.reduceat(np.asarray(counts, dtype=np.float64), np.append(0, places + 1))
    return merged
