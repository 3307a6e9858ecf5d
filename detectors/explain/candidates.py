"""Parts of the rows that a value of one feature, or values of two, tell apart, and their sums by block of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.explain.labelled import Labelled
from detectors.levels import dictionary

Array = NDArray[np.float64]

VENTILES = 20
WIDE = 5  # ventiles that are looked at together, too: two features by quarters have rows enough
MOST_LEVELS = 30
LEAST_ROWS = 200
TERMS = 5  # rows, Σw, Σwl, Σwl², Σw²


@dataclass(frozen=True)
class Condition:
    """What a feature must be: one ``value`` of a category, numbers above ``low`` up to ``high`` (None: without end), or
    nothing at all (``missing``)."""

    feature: str
    value: str | None = None
    low: float | None = None
    high: float | None = None
    missing: bool = False


@dataclass(frozen=True)
class Coded:
    """A feature as numbers of its conditions: ``codes`` of both sides' rows (-1: none) in the narrow ones, ``groups``
    [narrow, conditions] tells which narrow ones each of the ``conditions`` holds; ``inside``: the place of a wider
    condition around each, -1 for none."""

    conditions: tuple[Condition, ...]
    codes: tuple[NDArray[np.int64], NDArray[np.int64]]
    groups: NDArray[np.bool_]
    inside: NDArray[np.int64]

    def holds(self, condition: int, side: int) -> NDArray[np.bool_]:
        """Which rows of a side meet a condition, [n]."""
        codes = self.codes[side]
        found: NDArray[np.bool_] = np.append(self.groups[:, condition], False)[codes]
        return found


@dataclass(frozen=True)
class Candidates:
    """``where`` one or two (feature, condition) places each, none of the whole, which is the first; ``parents`` int64
    [C, 2]: places of the candidates that hold this one; ``sums`` by side [D, C, 5] of the ``TERMS``."""

    where: list[tuple[tuple[int, int], ...]]
    parents: NDArray[np.int64]
    sums: tuple[Array, Array]


def coded(feature: str, reference: Any, current: Any) -> Coded:
    """A feature (pyarrow float64 or string) [n], [m]: ventiles of the reference and their quarters, or the commonest
    30 categories; missing values are a condition of their own."""
    if pa.types.is_floating(reference.type):
        return _numeric(feature, reference, current)
    return _categorical(feature, reference, current)


def _numeric(feature: str, reference: Any, current: Any) -> Coded:
    values = [side.to_numpy(zero_copy_only=False) for side in (reference, current)]
    known = values[0][np.isfinite(values[0])]
    cuts = np.unique(np.quantile(known, np.arange(1, VENTILES) / VENTILES)) if len(known) else np.empty(0)
    codes = [np.where(np.isfinite(one), np.searchsorted(cuts, one), len(cuts) + 1) for one in values]
    bins = len(cuts) + 1
    ends = [None, *cuts.tolist(), None]
    narrow = [Condition(feature, low=ends[place], high=ends[place + 1]) for place in range(bins)]
    starts = list(range(0, bins, WIDE)) if bins > WIDE else []
    wide = [Condition(feature, low=ends[one], high=ends[min(one + WIDE, bins)]) for one in starts]
    groups = np.zeros((bins + 1, bins + 1 + len(wide)), dtype=bool)
    np.fill_diagonal(groups, True)
    for place, start in enumerate(starts):
        groups[start : min(start + WIDE, bins), bins + 1 + place] = True
    around = bins + 1 + np.arange(bins) // WIDE if wide else np.full(bins, -1)
    inside = np.concatenate([around, np.full(1 + len(wide), -1)])
    return Coded((*narrow, Condition(feature, missing=True), *wide), (codes[0], codes[1]), groups, inside)


def _categorical(feature: str, reference: Any, current: Any) -> Coded:
    both = pa.chunked_array([reference, current]).combine_chunks()
    codes, distinct = dictionary(both)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    names = pc.fill_null(distinct, "").to_numpy(zero_copy_only=False).astype(str)
    order = np.lexsort((names, -counts))[:MOST_LEVELS]
    rank = np.full(len(distinct) + 1, -1)
    rank[order] = np.arange(len(order))
    rank[-1] = len(order)  # null
    ranked = rank[codes]
    conditions = tuple(Condition(feature, value=str(names[place])) for place in order)
    size = len(order) + 1
    sides = (ranked[: len(reference)], ranked[len(reference) :])
    missing = Condition(feature, missing=True)
    return Coded((*conditions, missing), sides, np.eye(size, dtype=bool), np.full(size, -1))


def singles(features: Sequence[Coded], sides: tuple[Labelled, Labelled]) -> Candidates:
    """The whole, and every condition of one feature that has 200 rows on both sides."""
    where: list[tuple[tuple[int, int], ...]] = [()]
    found = [tuple(_whole(side) for side in sides)]
    parents = [np.zeros((1, 2), np.int64)]
    total = 1
    for number, one in enumerate(features):
        tables = [_table(side, codes, one) for side, codes in zip(sides, one.codes, strict=True)]
        kept = np.flatnonzero(_enough(tables))
        places = np.full(len(one.conditions) + 1, 0)  # of a condition's candidate; the last: none
        places[kept] = total + np.arange(len(kept))
        where += [((number, int(condition)),) for condition in kept]
        parents.append(np.stack([np.zeros(len(kept), np.int64), places[one.inside[kept]]], axis=1))
        found.append((tables[0][:, kept], tables[1][:, kept]))
        total += len(kept)
    return _joined(where, parents, found)


def pairs(features: Sequence[Coded], sides: tuple[Labelled, Labelled], known: Candidates) -> Candidates:
    """The same and every pair of conditions of two features that has 200 rows on both sides."""
    place_of = {spot: place for place, one in enumerate(known.where) for spot in one}
    where, parents, found = list(known.where), [known.parents], [known.sums]
    for first, second in combinations(range(len(features)), 2):
        one, other = features[first], features[second]
        tables = [_cross(side, one, other, place) for place, side in enumerate(sides)]
        kept = np.flatnonzero(_enough(tables))
        spots = [divmod(int(place), len(other.conditions)) for place in kept]
        chosen = [((first, a), (second, b)) for a, b in spots]
        where += chosen
        parents.append(np.array([[place_of[a], place_of[b]] for a, b in chosen], np.int64).reshape(-1, 2))
        found.append((tables[0][:, kept], tables[1][:, kept]))
    return _joined(where, parents, found)


def _joined(
    where: list[tuple[tuple[int, int], ...]], parents: list[NDArray[np.int64]], found: Sequence[tuple[Array, ...]]
) -> Candidates:
    sums = tuple(np.concatenate([one[side] for one in found], axis=1) for side in range(2))
    return Candidates(where, np.concatenate(parents), (sums[0], sums[1]))


def _enough(tables: Sequence[Array]) -> NDArray[np.bool_]:
    enough: NDArray[np.bool_] = np.min([table[..., 0].sum(axis=0) for table in tables], axis=0) >= LEAST_ROWS
    return enough


def _terms(side: Labelled) -> Array:
    w, loss = side.weight, side.loss
    return np.stack([np.ones(len(w)), w, w * loss, w * loss**2, w**2])


def _whole(side: Labelled) -> Array:
    place = side.place
    found: Array = np.stack([np.bincount(place, weights=term) for term in _terms(side)], axis=1).astype(np.float64)
    return found[:, None]


def _counted(side: Labelled, codes: NDArray[np.int64], size: int) -> Array:
    """Sums [D, size, 5] by block and code; negative codes are left out."""
    inside = codes >= 0
    keys = side.place[inside] * size + codes[inside]
    flat = [np.bincount(keys, weights=term[inside], minlength=side.blocks * size) for term in _terms(side)]
    return np.stack(flat, axis=1).astype(np.float64).reshape(side.blocks, size, TERMS)


def _table(side: Labelled, codes: NDArray[np.int64], one: Coded) -> Array:
    counted = _counted(side, codes, len(one.groups))
    found: Array = np.tensordot(counted, one.groups.astype(np.float64), axes=(1, 0)).transpose(0, 2, 1)
    return found


def _cross(side: Labelled, one: Coded, other: Coded, place: int) -> Array:
    a, b = one.codes[place], other.codes[place]
    size = len(one.groups), len(other.groups)
    counted = _counted(side, np.where((a >= 0) & (b >= 0), a * size[1] + b, -1), size[0] * size[1])
    table = counted.reshape(side.blocks, *size, TERMS)
    by_one = np.tensordot(table, one.groups.astype(np.float64), axes=(1, 0))
    both = np.tensordot(by_one, other.groups.astype(np.float64), axes=(1, 0))  # block, term, condition, other condition
    found: Array = both.transpose(0, 2, 3, 1).reshape(side.blocks, -1, TERMS)
    return found
