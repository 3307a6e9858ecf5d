"""Labelled rows as additive counts and sums, from which every performance metric is computed.

The first count is the number of labelled rows; then

    binary      confusion of truth x predicted over (negative, positive, other), row by row: 9 counts; then score bins
                of the negative class, then of the positive class, len(score_cuts) + 1 each.
                sums: log loss, its square, Brier loss, its square
    multiclass  confusion over (classes..., other): (K + 1)^2 counts; then, where there are score cuts, the bins of the
                highest probability of the rows predicted wrong, then of those predicted right; then the number of rows
                with a probability. sums: log loss, its square
    regression  where there are score cuts, the bins of the prediction. sums, with e = predicted - truth: e, |e|, e^2,
                e^4, truth, truth^2; then |e|, e^2 and e^4, each by bin of the prediction

Rows predicted right whose value is none of the classes are in no cell of the confusion, which lacks as many rows; see
``detectors.performance.others``. A correction of a label is one row with sign -1 (what was known) and one with +1 (what
is known now).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.levels import dictionary
from detectors.sums import group_sums

_HEAD = struct.Struct("<II")
_SUMS = {"binary": 4, "multiclass": 2, "regression": 6}
_BY_BIN = 3
WHOLE_SUMS = max(_SUMS.values())  # sums by bin come after these, whatever the task
_SCORES = 10  # binary: where the score bins start
_AT_ONCE = 64  # groups are in memory at their full length
CLIP = float(np.finfo(np.float64).eps)  # probabilities keep this far from 0 and 1, as in scikit-learn's log_loss

Groups = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]

# What a sum is made of: cells int64 [R] of the sums [G, S], flattened; values float64 [n] in order of their cell; how
# many of them each has, int64 [R], at least 1.
Run = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


@dataclass(frozen=True)
class LabelCounts:
    """Additive summary of labelled rows: ``counts`` [Lc], ``sums`` float64 [S]; see the module."""

    counts: NDArray[Any]
    sums: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """Number of labelled rows."""
        return round(float(self.counts[0]))

    @property
    def weight(self) -> float:
        """The same, not rounded: rows of mixed references and weighted ones are effective numbers."""
        return float(self.counts[0])

    def __add__(self, other: LabelCounts) -> LabelCounts:
        """Both together."""
        return LabelCounts(self.counts + other.counts, self.sums + other.sums)


@dataclass(frozen=True, eq=False)
class LabelWindows(Sequence[LabelCounts]):
    """Labelled rows of a reference's own windows, oldest first; ``memo`` keeps what was derived from them once."""

    items: tuple[LabelCounts, ...] = ()
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]


def label_size(layout: ScoreLayout) -> int:
    """Length Lc of ``LabelCounts.counts``."""
    bins = _bins(layout)
    if layout.task == "binary":
        return _SCORES + 2 * (len(layout.score_cuts) + 1)
    return (len(layout.classes) + 1) ** 2 + 2 + 2 * bins if layout.task == "multiclass" else 1 + bins


def sum_size(layout: ScoreLayout) -> int:
    """Length S of ``LabelCounts.sums``."""
    return _SUMS[layout.task] + (_BY_BIN * _bins(layout) if layout.task == "regression" else 0)


def most_cells(layout: ScoreLayout, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of their sums groups of so many rows [G] have values for, at most."""
    return np.minimum(_SUMS[layout.task] + _BY_BIN * rows, sum_size(layout))


def _bins(layout: ScoreLayout) -> int:
    return len(layout.score_cuts) + 1 if len(layout.score_cuts) else 0


def no_labels(layout: ScoreLayout) -> LabelCounts:
    """The summary of no rows."""
    return LabelCounts(np.zeros(label_size(layout), dtype=np.int64), np.zeros(sum_size(layout)))


def confusion(layout: ScoreLayout, counts: NDArray[Any]) -> NDArray[Any]:
    """Truth x predicted [..., C, C], C = number of classes + 1 (the last is any other value: in its own cell only rows
    that are wrong)."""
    size = len(layout.classes) + 1
    return counts[..., 1 : 1 + size * size].reshape(*counts.shape[:-1], size, size)


def score_bins(layout: ScoreLayout, counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows by the bins of ``score_cuts``: binary, of the negative and of the positive class; multiclass, predicted
    wrong and right."""
    size = len(layout.score_cuts) + 1
    start = _SCORES if layout.task == "binary" else 1 + (len(layout.classes) + 1) ** 2
    return counts[..., start : start + size], counts[..., start + size : start + 2 * size]


def errors_by_bin(layout: ScoreLayout, labels: LabelCounts) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Rows [B] and sums of |e|, e^2 and e^4 [3, B] by the bins of the prediction; a regression with score cuts."""
    return labels.counts[1:], labels.sums[_SUMS["regression"] :].reshape(_BY_BIN, -1)


def scored(layout: ScoreLayout, counts: NDArray[Any]) -> Any:
    """How many labelled rows have a probability, [...]."""
    return counts[..., _SCORES:].sum(axis=-1) if layout.task == "binary" else counts[..., -1]


def count_scored(
    layout: ScoreLayout,
    groups: NDArray[np.int64],
    truth: Any,
    predicted: Any,
    score: NDArray[np.float64],
    sign: NDArray[np.int8],
    highest: NDArray[np.float64] | None = None,
) -> Groups:
    """Count labelled rows by group (int64 [n], such as their hour).

    ``truth`` and ``predicted``: pyarrow arrays, canonical strings (float64 for regression); rows where either is null
    (for regression: or not finite) are left out, and a group of such rows alone is not in the answer. ``score``
    float64 [n]: probability of the positive class (binary) or of the true class (multiclass), NaN where there is none.
    ``sign`` int8 [n], +1 or -1. ``highest`` float64 [n]: the highest probability of all classes (multiclass), NaN where
    there is none. Returns the distinct groups int64 [G] (increasing), counts int64 [G, Lc] and sums
    float64 [G, S]; they do not depend on the order of the rows.
    """
    keys, counts, runs = runs_of(layout, groups, truth, predicted, score, sign, highest)
    sums = np.zeros(len(keys) * sum_size(layout))
    for cells, values, sizes in runs:
        sums[cells] = group_sums(values, sizes)
    return keys, counts, sums.reshape(len(keys), sum_size(layout))


def runs_of(
    layout: ScoreLayout,
    groups: NDArray[np.int64],
    truth: Any,
    predicted: Any,
    score: NDArray[np.float64],
    sign: NDArray[np.int8],
    highest: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Iterator[Run]]:
    """The groups and counts of ``count_scored``, and what its sums are made of."""
    usable = _usable(layout, truth, predicted)
    chosen = np.flatnonzero(usable)
    order = chosen[np.argsort(groups[chosen], kind="stable")]
    keys, places, sizes = np.unique(groups[order], return_inverse=True, return_counts=True)
    shape = (len(keys), label_size(layout))
    top = np.full(len(order), np.nan) if highest is None else highest[order]
    signs = sign[order].astype(np.int64)
    rows = _Rows(places, sizes.astype(np.int64), score[order], top, signs, shape, sum_size(layout))
    picked = pa.array(order)
    truth, predicted = truth.take(picked), predicted.take(picked)
    count = _count_errors if layout.task == "regression" else _count_classes
    return keys, *count(layout, rows, truth, predicted)


def encode(counts: NDArray[np.int64], sums: NDArray[np.float64]) -> bytes:
    """One group's vectors to compact bytes: positions and values of the counts that are not zero, then the sums."""
    used = np.flatnonzero(counts)
    head = np.array([len(counts), len(used)], dtype="<u4").tobytes()
    steps = np.diff(used, prepend=0).astype("<u2").tobytes()
    return zlib.compress(head + steps + counts[used].astype("<i8").tobytes() + sums.astype("<f8").tobytes())


def decode(data: bytes) -> LabelCounts:
    """The inverse of ``encode``."""
    raw = zlib.decompress(data)
    size, used = (int(number) for number in np.frombuffer(raw, "<u4", 2))
    counts = np.zeros(size, dtype=np.int64)
    places = np.cumsum(np.frombuffer(raw, "<u2", used, 8), dtype=np.int64)
    counts[places] = np.frombuffer(raw, "<i8", used, 8 + 2 * used)
    return LabelCounts(counts, np.frombuffer(raw, "<f8", offset=8 + 10 * used).astype(np.float64))


def sparse(data: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The counts that are not zero of encoded groups (at least one): number of the group, slot and count, each [n]."""
    return _sparse([zlib.decompress(one) for one in data])


@dataclass(frozen=True, eq=False)
class Unpacked:
    """Encoded groups, one after another: the counts that are not zero as ``group``, ``slot`` and ``value`` int64 [n],
    the first ``sums`` [groups, at most ``WHOLE_SUMS``], and the ``total`` of all groups. Sums by bin are many, and kept
    in the total only."""

    group: NDArray[np.int64]
    slot: NDArray[np.int64]
    value: NDArray[np.int64]
    sums: NDArray[np.float64]
    total: LabelCounts

    @classmethod
    def of(cls, data: Sequence[bytes]) -> Unpacked:
        """Of at least one group."""
        size, total = 0, np.zeros(1)
        parts, firsts = [], []
        for start in range(0, len(data), _AT_ONCE):
            raws = [zlib.decompress(one) for one in data[start : start + _AT_ONCE]]
            size, group_sums = _HEAD.unpack_from(raws[0])[0], [_sums_of(raw) for raw in raws]
            firsts.append(np.stack([one[:WHOLE_SUMS] for one in group_sums]))
            total = reduce(np.add, group_sums, total)
            group, slot, value = _sparse(raws)
            parts.append((group + start, slot, value))
        group, slot, value = (np.concatenate(each) for each in zip(*parts, strict=True))
        # Weights are floats, exact up to 2^53: far beyond any count.
        counts = np.rint(np.bincount(slot, weights=value, minlength=size)).astype(np.int64)
        return cls(group, slot, value, np.concatenate(firsts), LabelCounts(counts, total))

    @classmethod
    def of_arrays(cls, counts: NDArray[np.int64], sums: NDArray[np.float64]) -> Unpacked:
        """Of counts [groups, Lc] and sums [groups, S]."""
        group, slot = np.nonzero(counts)
        total = LabelCounts(counts.sum(axis=0), sums.sum(axis=0))
        return cls(group, slot, counts[group, slot], sums[:, :WHOLE_SUMS].copy(), total)

    def __add__(self, other: Unpacked) -> Unpacked:
        """Those groups after these."""
        return Unpacked(
            np.concatenate([self.group, other.group + len(self.sums)]),
            np.concatenate([self.slot, other.slot]),
            np.concatenate([self.value, other.value]),
            np.concatenate([self.sums, other.sums]),
            self.total + other.total,
        )


def add_up(data: Sequence[bytes]) -> LabelCounts:
    """The sum of encoded groups (at least one)."""
    return Unpacked.of(data).total


def _sums_of(raw: bytes) -> NDArray[np.float64]:
    return np.frombuffer(raw, "<f8", offset=8 + 10 * _HEAD.unpack_from(raw)[1])


def _sparse(raws: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    used = np.array([_HEAD.unpack_from(raw)[1] for raw in raws], dtype=np.int64)
    steps = [np.frombuffer(raw, "<u2", number, 8) for raw, number in zip(raws, used.tolist(), strict=True)]
    values = [
        np.frombuffer(raw, "<i8", number, 8 + 2 * number) for raw, number in zip(raws, used.tolist(), strict=True)
    ]
    run = np.cumsum(np.concatenate(steps), dtype=np.int64)
    ends = np.cumsum(used)
    before = np.where(ends - used > 0, run[np.maximum(ends - used - 1, 0)] if len(run) else 0, 0)
    places = run - np.repeat(before, used)
    return np.repeat(np.arange(len(raws)), used), places, np.concatenate(values)


@dataclass(frozen=True)
class _Rows:
    """Rows sorted by group: ``places`` int64 [n] of their group, ``sizes`` int64 [G], ``shape`` (G, Lc) of counts,
    ``width`` S of sums."""

    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    score: NDArray[np.float64]
    highest: NDArray[np.float64]
    sign: NDArray[np.int64]
    shape: tuple[int, int]
    width: int

    def count(self, slots: NDArray[np.int64], chosen: NDArray[np.bool_] | slice, into: NDArray[np.int64]) -> None:
        """Add each chosen row's sign at (its group, its slot)."""
        flat = self.places[chosen] * self.shape[1] + slots
        for sign in (1, -1):
            some = flat[self.sign[chosen] == sign]
            into += sign * np.bincount(some, minlength=into.size).reshape(into.shape)

    def runs(self, terms: list[NDArray[np.float64]]) -> Iterator[Run]:
        """Signed terms (float64 [n] each) of the first sums."""
        for place, term in enumerate(terms if len(self.places) else ()):
            yield np.arange(self.shape[0]) * self.width + place, term * self.sign, self.sizes

    def runs_by_bin(self, terms: list[NDArray[np.float64]], bins: NDArray[np.int64], size: int) -> Iterator[Run]:
        """The same by bin, of the last sums: number of terms x size."""
        keys = self.places * size + bins
        order = np.argsort(keys, kind="stable")
        found, sizes = np.unique(keys[order], return_counts=True)
        first = self.width - len(terms) * size
        for place, term in enumerate(terms if len(found) else ()):
            cells = found // size * self.width + first + place * size + found % size
            yield cells, (term * self.sign)[order], sizes.astype(np.int64)


def _usable(layout: ScoreLayout, truth: Any, predicted: Any) -> NDArray[np.bool_]:
    if layout.task == "regression":
        numbers = truth.to_numpy(zero_copy_only=False), predicted.to_numpy(zero_copy_only=False)
        finite: NDArray[np.bool_] = np.isfinite(numbers[0]) & np.isfinite(numbers[1])
        return finite
    both = pc.and_(pc.is_valid(truth), pc.is_valid(predicted))
    usable: NDArray[np.bool_] = both.to_numpy(zero_copy_only=False)
    return usable


def _count_errors(
    layout: ScoreLayout, rows: _Rows, truth: Any, predicted: Any
) -> tuple[NDArray[np.int64], Iterator[Run]]:
    actual = truth.to_numpy(zero_copy_only=False)
    claimed = predicted.to_numpy(zero_copy_only=False)
    error = claimed - actual
    counts = np.zeros(rows.shape, dtype=np.int64)
    rows.count(np.zeros(len(error), dtype=np.int64), slice(None), counts)
    with np.errstate(over="ignore"):
        terms = [error, np.abs(error), error**2, error**4, actual, actual**2]
    if not len(layout.score_cuts):
        return counts, rows.runs(terms)
    bins = np.searchsorted(layout.score_cuts, claimed)
    rows.count(1 + bins, slice(None), counts)
    return counts, chain(rows.runs(terms), rows.runs_by_bin(terms[1:4], bins, _bins(layout)))


def _count_classes(
    layout: ScoreLayout, rows: _Rows, truth: Any, predicted: Any
) -> tuple[NDArray[np.int64], Iterator[Run]]:
    actual, claimed = class_codes(layout, truth), class_codes(layout, predicted)
    right = same_text(truth, predicted)
    cells, in_table = 1 + actual * (len(layout.classes) + 1) + claimed, ~right | (actual < len(layout.classes))
    counts = np.zeros(rows.shape, dtype=np.int64)
    rows.count(np.zeros(len(actual), dtype=np.int64), slice(None), counts)
    rows.count(cells[in_table], in_table, counts)
    has_score = np.isfinite(rows.score) & (actual < len(layout.classes))
    if layout.task == "binary":
        size = len(layout.score_cuts) + 1
        bins = np.searchsorted(layout.score_cuts, rows.score[has_score])
        rows.count(_SCORES + actual[has_score] * size + bins, has_score, counts)
        of_truth = np.where(actual == 1, rows.score, 1 - rows.score)
        return counts, rows.runs([*_log_loss(of_truth, has_score), *_brier(of_truth, has_score)])
    rows.count(np.full(np.count_nonzero(has_score), rows.shape[1] - 1), has_score, counts)
    if len(layout.score_cuts):
        ranked = np.isfinite(rows.highest)
        start = 1 + (len(layout.classes) + 1) ** 2 + right[ranked] * _bins(layout)
        rows.count(start + np.searchsorted(layout.score_cuts, rows.highest[ranked]), ranked, counts)
    return counts, rows.runs(_log_loss(rows.score, has_score))


def same_text(truth: Any, predicted: Any) -> NDArray[np.bool_]:
    """Whether the prediction is right, of canonical strings; false where either is null."""
    found: NDArray[np.bool_] = pc.fill_null(
        pc.equal(truth.cast(pa.string()), predicted.cast(pa.string())), False
    ).to_numpy(zero_copy_only=False)
    return found


def class_codes(layout: ScoreLayout, values: Any) -> NDArray[np.int64]:
    """Places in ``layout.classes``; anything else is the class after the last."""
    codes, distinct = dictionary(values)
    known = pc.index_in(distinct, value_set=pa.array(layout.classes, type=pa.string()))
    places = pc.fill_null(known, len(layout.classes)).to_numpy(zero_copy_only=False).astype(np.int64)
    found: NDArray[np.int64] = places[codes]
    return found


def _log_loss(of_truth: NDArray[np.float64], has_score: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    loss = -np.log(np.clip(np.where(has_score, of_truth, 1.0), CLIP, 1 - CLIP))
    loss = np.where(has_score, loss, 0.0)
    return [loss, loss**2]


def _brier(of_truth: NDArray[np.float64], has_score: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    loss = np.where(has_score, (1 - of_truth) ** 2, 0.0)
    return [loss, loss**2]
