"""The largest distance between two distribution functions, from sorted values, without merging them.

Both are counted at some hundred values spread over the samples. Between two of these the functions can only rise, so
the distance there is at most that of one at the right end to the other at the left end; stretches that cannot beat
what is already found are dropped, the others are split again, and the last few are counted value by value. The answer
is exact, and nearly all of its cost is the sorting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ranks = NDArray[np.int64]

PARTS = 16  # into how many a stretch is split at a time
LEAST = 4  # as many values as this must lie behind each one that is looked up, or they are counted one by one


@dataclass(frozen=True)
class Gap:
    """``distance`` is the largest of \\|F(x) - G(x)\\|; ``place`` is an x where it is reached."""

    distance: float
    place: float


def largest_gap(first: Array, second: Array) -> Gap:
    """The Kolmogorov-Smirnov distance of two sorted samples (float64 [n] and [m], finite, neither empty)."""
    if np.array_equal(first, second):
        return Gap(0.0, float(first[-1]))
    samples = (first, second)
    ends = np.array([[[0, len(sample)]] for sample in samples], dtype=np.int64)  # [sample, stretch, (start, stop)]
    best, turn = Gap(0.0, float(max(first[-1], second[-1]))), 0
    while LEAST * PARTS * ends.shape[1] < (ends[:, :, 1] - ends[:, :, 0]).sum():
        inner = _spread(samples[turn], ends[turn])
        below = np.stack([np.searchsorted(sample, inner, side="left") for sample in samples])
        up_to = np.stack([np.searchsorted(sample, inner, side="right") for sample in samples])
        best = _better(best, samples, inner.ravel(), up_to.reshape(2, -1))
        starts = np.concatenate([ends[:, :, :1], up_to], axis=2)
        stops = np.concatenate([below, ends[:, :, 1:]], axis=2)
        ends = _worth_a_look(best, samples, np.stack([starts, stops], axis=-1).reshape(2, -1, 2))
        turn = 1 - turn
    values = np.concatenate([sample[_members(part)] for sample, part in zip(samples, ends, strict=True)])
    up_to = np.stack([np.searchsorted(sample, values, side="right") for sample in samples])
    return _better(best, samples, values, up_to)


def _spread(sample: Array, ends: Ranks) -> Array:
    """Values at even ranks strictly inside each stretch, [stretches, PARTS - 1]; a neighbour where there are fewer."""
    start, stop = ends[:, :1], ends[:, 1:]
    ranks = start + (stop - start) * np.arange(1, PARTS) // PARTS
    return sample[np.minimum(ranks, len(sample) - 1)]


def _better(best: Gap, samples: tuple[Array, Array], values: Array, up_to: Ranks) -> Gap:
    """The larger of what is known and what is at these values, of which ``up_to`` [2, n] rows are not above."""
    if len(values) == 0:
        return best
    apart = np.abs(up_to[0] / len(samples[0]) - up_to[1] / len(samples[1]))
    place = int(apart.argmax())
    return Gap(float(apart[place]), float(values[place])) if apart[place] > best.distance else best


def _worth_a_look(best: Gap, samples: tuple[Array, Array], ends: Ranks) -> Ranks:
    """The stretches inside which the distance might be larger than the best known."""
    start, stop = (ends[:, :, side] / np.array([[len(sample)] for sample in samples]) for side in (0, 1))
    limit = np.maximum(stop[0] - start[1], stop[1] - start[0])
    return ends[:, (limit > best.distance) & (ends[:, :, 0] < ends[:, :, 1]).any(axis=0)]


def _members(ends: Ranks) -> Ranks:
    """All ranks inside the stretches, one after another."""
    sizes = ends[:, 1] - ends[:, 0]
    before = np.cumsum(sizes) - sizes
    return np.repeat(ends[:, 0] - before, sizes) + np.arange(sizes.sum())
