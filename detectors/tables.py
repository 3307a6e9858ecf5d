"""Two samples as one table of counts: categories as they are, numbers in the reference's deciles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.sample import NAMELESS, Binned, Levels, Sample, Values

Array = NDArray[np.float64]

SURE = 4.0  # standard errors
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
    """Every name is a category; on the cuts of a column, see ``_on_cuts``."""
    names = tuple(dict.fromkeys((*reference.levels, *current.levels)))
    then, now = (_align(names, sample) for sample in (reference, current))
    if reference.column is not None and reference.column is current.column:
        names, then, now = _on_cuts(reference, then, now)
    used = then + now > 0
    return Table(then[used], now[used], {"categories": [name for name, keep in zip(names, used, strict=True) if keep]})


def _on_cuts(reference: Levels, then: Array, now: Array) -> tuple[tuple[str, ...], Array, Array]:
    """All that is no common value is one category where any is rare: which they are was luck, and no part of them has
    the same share in the next rows of the same source. Unseen values are set beside as many as are to be expected, and
    are part of that category where these are many."""
    column, first = reference.column, reference.apart
    if column is None or column.common is None:
        return (*reference.levels,), then, now
    if column.unseen and not column.is_open and then[-1] == 0:
        then = np.append(then[:-1], _expected(column.unseen * then.sum(), now[-1] / now.sum() * then.sum()))
    last = len(then) if column.is_open else len(then) - 1
    then, now = (np.concatenate([side[:first], [side[first:last].sum()], side[last:]]) for side in (then, now))
    return (*reference.levels[:first], *NAMELESS[: 1 + len(reference.levels) - last]), then, now


def _expected(rows: float, seen: float) -> float:
    """Of the reference's rows those taken to be of unseen values, about ``rows`` by what is rare in it: that is an
    estimate, and of what may be, the nearest to what is ``seen``, so that only more than that counts."""
    spread = SURE * np.sqrt(2 * rows + 1)
    return float(np.clip(seen, max(rows - spread, 0.0), rows + spread))


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
