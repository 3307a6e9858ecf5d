"""Labelled rows hour by hour: what their sum does not tell, how much the hours of one window differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.performance.scored import LabelCounts, Unpacked

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelHours:
    """Labelled rows of the ``hours`` hours of a window from ``start`` (hours since 1970) on: ``known`` groups, each of
    the hour at its place of ``places`` int64 [groups]. Several groups of an hour add up; an hour may have none."""

    start: int
    hours: int
    places: NDArray[np.int64]
    known: Unpacked

    @classmethod
    def of(cls, start: int, end: int, hours: Sequence[int], data: Sequence[bytes]) -> LabelHours:
        """From encoded summaries (at least one) of these ``hours`` of [start, end)."""
        return cls(start, end - start, np.asarray(hours, np.int64) - start, Unpacked.of(data))

    @classmethod
    def of_arrays(cls, start: int, counts: NDArray[np.int64], sums: Array) -> LabelHours:
        """From counts [T, Lc] and sums [T, S] of consecutive hours."""
        return cls(start, len(counts), np.arange(len(counts)), Unpacked.of_arrays(counts, sums))

    @property
    def total(self) -> LabelCounts:
        """All hours together."""
        return self.known.total

    def arrays(self, slots: NDArray[np.int64], most_sums: int) -> tuple[Array, Array]:
        """Counts [T, L] and the first sums [T, at most ``most_sums``] of every hour, none of those by bin; ``slots``
        int64 [Lc]: the place of each count among L, -1 for none."""
        known, into, size = self.known, slots[self.known.slot], int(slots.max()) + 1
        kept = into >= 0
        flat = self.places[known.group[kept]] * size + into[kept]
        counts = np.bincount(flat, weights=known.value[kept], minlength=self.hours * size)
        sums = np.zeros((self.hours, min(known.sums.shape[1], most_sums)))
        np.add.at(sums, self.places, known.sums[:, :most_sums])
        return counts.astype(np.float64).reshape(self.hours, size), sums

    def __add__(self, other: LabelHours) -> LabelHours:
        """Both together, of the same window."""
        places = np.concatenate([self.places, other.places])
        return LabelHours(self.start, self.hours, places, self.known + other.known)
