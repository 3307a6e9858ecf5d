"""Rows in groups (hours, hours within segments), each counted by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Groups:
    """Of each row, which it is in. ``rows`` int64 [n] are those in any (None: all), ``places`` int64 [n] into
    ``hours``; ``order`` sorts them by group (None: sorted)."""

    hours: NDArray[np.int64]
    rows: NDArray[np.int64] | None
    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    order: NDArray[np.int64] | None

    @classmethod
    def of(cls, keys: NDArray[np.int64]) -> Groups:
        """Of one key per row; a negative one is in no group."""
        outside = keys < 0
        rows = np.flatnonzero(~outside) if outside.any() else None
        keys = keys if rows is None else keys[rows]
        if not np.all(keys[1:] >= keys[:-1]):
            distinct, places, sizes = np.unique(keys, return_inverse=True, return_counts=True)
            return cls(distinct, rows, places, sizes.astype(np.int64), np.argsort(places, kind="stable"))
        starts = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1])[: len(keys)]
        sizes = np.diff(starts, append=len(keys)).astype(np.int64)
        return cls(keys[starts], rows, np.repeat(np.arange(len(starts)), sizes), sizes, None)

    @property
    def alone(self) -> bool:
        """Is this one group, with every row in it?"""
        return len(self.hours) == 1 and self.rows is None

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each group begins among the rows in order of their group, [T]."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def places_in_order(self) -> NDArray[np.int64] | None:
        """The rows that are in a group in order of it; None: all, as they come."""
        if self.order is None:
            return self.rows
        return self.order if self.rows is None else self.rows[self.order]

    def of_these(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values of the rows that are in a group."""
        return values if self.rows is None else values[self.rows]

    def runs(
        self, values: NDArray[np.float64], chosen: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Values of the ``chosen`` rows (None: all) in order of their group, and how many are in each, int64 [T]."""
        values, chosen = self.of_these(values), None if chosen is None else self.of_these(chosen)
        if self.order is not None:
            values, chosen = values[self.order], None if chosen is None else chosen[self.order]
        if chosen is None:
            return values, self.sizes
        places = np.repeat(np.arange(len(self.hours)), self.sizes)[chosen]
        return values[chosen], np.bincount(places, minlength=len(self.hours)).astype(np.int64)

    def tell(self, flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many rows of each group have the flag, [T]."""
        if self.alone:
            return np.array([np.count_nonzero(flags)])
        return np.bincount(self.places[self.of_these(flags)], minlength=len(self.hours))

    def count(self, slots: NDArray[np.int64], into: NDArray[np.int64]) -> None:
        """Add one per row at (its group, its slot); ``into`` int64 [T, size]."""
        size = into.shape[1]
        slots = self.of_these(slots)
        cells = slots if len(self.hours) == 1 else self.places * size + slots
        flat = np.bincount(cells, minlength=into.size)
        into += flat.reshape(into.shape)
