"""A reference on a model's cuts: its hours, their sums, and the disjoint windows that show how much hours differ."""

from __future__ import annotations

import json
import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import FREQUENCIES
from detectors.measurement import MINIMUM_ROWS
from detectors.pairs.counting import SUMS
from detectors.performance.scored import LabelCounts, LabelWindows
from detectors.summary import HourlySummaries, WindowCounts

_ENOUGH_HOURS = 14 * 24  # what a weekly rhythm takes

Grouped = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Reference(Protocol):
    """What detectors ask of a reference: one profile, or several mixed."""

    @property
    def total(self) -> NDArray[Any]:
        """Counts [L] of all rows."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def moments(self) -> NDArray[np.float64]:
        """Sum and sum of squares of all finite values, [M, 2]."""

    @property
    def memo(self) -> dict[Hashable, Any]:
        """What detectors derived from the windows once and will ask for again; derived from this object alone."""

    @property
    def labels(self) -> LabelCounts:
        """Summary of all labelled rows."""

    @property
    def parts(self) -> Sequence[tuple[ReferenceProfile, float]]:
        """The profiles it is made of, with their shares."""

    def windows(self, length_hours: int, phase_hour: int) -> NDArray[Any]:
        """Counts [K, L] of disjoint windows of this length, oldest first; K = 0 without times."""

    def label_windows(self, length_hours: int, phase_hour: int) -> LabelWindows:
        """The like for labelled rows."""


@dataclass(frozen=True)
class QuietWeeks:
    """Whole weeks of a log after a reference: ``counts`` [H, L] of the hours from ``start`` on. Each column has its own
    quiet weeks, one after the other; nothing after its last."""

    start: int
    counts: NDArray[Any]

    @property
    def nbytes(self) -> int:
        """Size of the array."""
        return self.counts.nbytes


@dataclass(frozen=True)
class ReferenceProfile:
    """``hours`` int64 [T] (increasing) or ``None`` without times; ``counts`` [T, L] (T = 1 without times);
    ``moments`` [M, 2]; ``extremes`` [M, 2]; ``products`` [T, pairs, 6] and ``embedded`` [T, columns of vectors, 256]
    (none in a profile that was stored before they were counted, or of a segment); labelled rows as ``label_counts``
    [T', Lc] and ``label_sums`` [T', S] at ``label_hours`` int64 [T'] (of the predictions; ``None`` without times).
    ``habits``: of a reference that is too short to know its own unrest, the model's first weeks, which do; ``quiet``:
    of one with fewer than 8 weeks, weeks of the log that tell how much windows of a week differ.
    """

    hours: NDArray[np.int64] | None
    counts: NDArray[Any]
    moments: NDArray[np.float64]
    extremes: NDArray[np.float64]
    label_hours: NDArray[np.int64] | None
    label_counts: NDArray[Any]
    label_sums: NDArray[np.float64]
    products: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0, SUMS), np.int8))
    embedded: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0, 2 * FREQUENCIES), np.int8))
    habits: ReferenceProfile | None = field(default=None, repr=False, compare=False)
    quiet: QuietWeeks | None = field(default=None, repr=False, compare=False)
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, summaries: HourlySummaries, labels: Grouped, *, timed: bool) -> ReferenceProfile:
        """From ``summarise`` and ``count_scored`` by hour; ``timed`` false where the rows had no times (the hours in
        the arguments then mean nothing)."""
        label_hours, label_counts, label_sums = labels
        counts, products, embedded = summaries.counts, summaries.products, summaries.embedded
        if not timed:
            counts, label_counts, label_sums, products, embedded = (
                part.sum(axis=0, keepdims=True) for part in (counts, label_counts, label_sums, products, embedded)
            )
        low = summaries.extremes[:, :, 0].min(axis=0, initial=np.inf)
        high = summaries.extremes[:, :, 1].max(axis=0, initial=-np.inf)
        return cls(
            hours=summaries.hours if timed else None,
            counts=_small(counts),
            moments=summaries.moments.sum(axis=0),
            extremes=np.stack([low, high], axis=1),
            label_hours=label_hours if timed else None,
            label_counts=_small(label_counts),
            label_sums=label_sums,
            products=_small(products),
            embedded=_small(embedded),
        )

    @property
    def is_short(self) -> bool:
        """Whether it has no times, or less than two weeks of them."""
        return self.hours is None or len(self.hours) == 0 or int(self.hours[-1] - self.hours[0]) + 1 < _ENOUGH_HOURS

    @cached_property
    def total(self) -> NDArray[np.int64]:
        """Counts [L] of all rows."""
        total: NDArray[np.int64] = self.counts.sum(axis=0, dtype=np.int64)
        return total

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.total[0])

    def of_single_columns(self) -> ReferenceProfile:
        """Without what is told of pairs and vectors: segments do not look at them."""
        return replace(self, products=self.products[:, :0], embedded=self.embedded[:, :0], memo={})

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        arrays = (getattr(self, name) for name in _ARRAYS)
        return sum(array.nbytes for array in arrays if array is not None)

    @cached_property
    def labels(self) -> LabelCounts:
        """Summary of all labelled rows."""
        return LabelCounts(self.label_counts.sum(axis=0, dtype=np.int64), self.label_sums.sum(axis=0))

    @property
    def parts(self) -> Sequence[tuple[ReferenceProfile, float]]:
        """Itself alone."""
        return [(self, 1.0)]

    def windows(self, length_hours: int, phase_hour: int) -> NDArray[np.int64]:
        """Counts [K, L] of the disjoint windows that end at hours ≡ ``phase_hour`` modulo the length, going backward
        from the last hour, oldest first; those with fewer than 30 rows are left out."""
        inside, starts = self._cut(self.hours, length_hours, phase_hour)
        if len(starts) == 0:
            return np.empty((0, self.counts.shape[1]), np.int64)
        counts = _add_runs(self.counts[inside], starts, np.int64)
        return counts[counts[:, 0] >= MINIMUM_ROWS]

    def label_windows(self, length_hours: int, phase_hour: int) -> LabelWindows:
        """Labelled rows in the same windows; those with fewer than 30 labelled rows are left out."""
        key = ("label_windows", length_hours, phase_hour % length_hours)
        if key not in self.memo:
            self.memo[key] = LabelWindows(tuple(self._label_windows(length_hours, phase_hour)))
        found: LabelWindows = self.memo[key]
        return found

    def _label_windows(self, length_hours: int, phase_hour: int) -> list[LabelCounts]:
        inside, starts = self._cut(self.label_hours, length_hours, phase_hour)
        if len(starts) == 0:
            return []
        counts = _add_runs(self.label_counts[inside], starts, np.int64)
        sums = _add_runs(self.label_sums[inside], starts, np.float64)
        return [LabelCounts(*pair) for pair in zip(counts, sums, strict=True) if pair[0][0] >= MINIMUM_ROWS]

    def to_bytes(self) -> bytes:
        """A compressed form; equal profiles give equal bytes."""
        parts, heads = [], []
        for name in _ARRAYS:
            array = getattr(self, name)
            heads.append([name, None if array is None else [array.dtype.str, array.shape]])
            parts.append(b"" if array is None else np.ascontiguousarray(array).tobytes())
        head = json.dumps(heads).encode()
        return zlib.compress(b"".join([len(head).to_bytes(4, "little"), head, *parts]), level=1)

    @classmethod
    def from_bytes(cls, data: bytes) -> ReferenceProfile:
        """The inverse of ``to_bytes``."""
        raw = zlib.decompress(data)
        start = 4 + int.from_bytes(raw[:4], "little")
        arrays: dict[str, Any] = {}
        for name, form in json.loads(raw[4:start]):
            if form is None:
                arrays[name] = None
                continue
            dtype, shape = np.dtype(form[0]), tuple(form[1])
            arrays[name] = np.frombuffer(raw, dtype, int(np.prod(shape)), start).reshape(shape)
            start += arrays[name].nbytes
        return cls(**arrays)

    def _cut(self, hours: NDArray[np.int64] | None, length: int, phase: int) -> tuple[slice, NDArray[np.int64]]:
        """Which of ``hours`` lie in whole windows, and where each window's run of them starts."""
        none = slice(0, 0), np.empty(0, dtype=np.int64)
        if self.hours is None or hours is None or len(self.hours) == 0:
            return none
        first, last = int(self.hours[0]), int(self.hours[-1]) + 1
        end = last - (last - phase) % length
        start = end - (end - first) // length * length
        inside = slice(*np.searchsorted(hours, [start, end]))
        index = (hours[inside] - start) // length
        return inside, np.flatnonzero(np.diff(index, prepend=-1))


def _add_runs(rows: NDArray[Any], starts: NDArray[np.int64], dtype: type[Any]) -> NDArray[Any]:
    """Sums [K, L] of the runs of rows [n, L] that begin at ``starts`` [K]; ``add.reduceat`` is ten times slower."""
    ends = np.append(starts[1:], len(rows))
    return np.stack([rows[a:b].sum(axis=0, dtype=dtype) for a, b in zip(starts, ends, strict=True)])


_ARRAYS = (
    "hours",
    "counts",
    "moments",
    "extremes",
    "label_hours",
    "label_counts",
    "label_sums",
    "products",
    "embedded",
)


def _small(counts: NDArray[np.int64]) -> NDArray[Any]:
    """The same counts in the narrowest type that holds them: hours of a reference are kept in memory."""
    ends = (np.min_scalar_type(int(end)) for end in (counts.min(initial=0), counts.max(initial=0)))
    return counts.astype(np.result_type(*ends))


@dataclass(frozen=True)
class MixedReference:
    """References of several versions, mixed in the shares that the versions have in a pooled window.

    Counts are floats, scaled to the effective number of rows 1 / Σ(w² / n), whose sampling variance is that of the
    weighted shares. Windows are mixed pair by pair from the newest backward, so there are as many as the profile with
    the fewest has. ``seen``: the window's rows that are compared with each profile, where they are known; its parts
    have other shares than the whole.
    """

    profiles: tuple[ReferenceProfile, ...]
    weights: tuple[float, ...]
    seen: tuple[WindowCounts, ...] = field(default=(), repr=False, compare=False)
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """Counts [L] of all rows."""
        return mix_counts(
            [profile.total for profile in self.profiles], [one.rows for one in self.profiles], self.weights
        )

    @property
    def rows(self) -> int:
        """Effective number of rows."""
        return round(float(self.total[0]))

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """Sum and sum of squares of all finite values, [M, 2]."""
        return mix_counts(
            [profile.moments for profile in self.profiles], [one.rows for one in self.profiles], self.weights
        )

    @cached_property
    def labels(self) -> LabelCounts:
        """Summary of all labelled rows."""
        return _mix_labels([profile.labels for profile in self.profiles], self.weights)

    @property
    def parts(self) -> Sequence[tuple[ReferenceProfile, float]]:
        """The profiles with their weights."""
        return list(zip(self.profiles, self.weights, strict=True))

    def windows(self, length_hours: int, phase_hour: int) -> NDArray[np.float64]:
        """Counts [K, L] of disjoint windows of this length, oldest first."""
        each = [profile.windows(length_hours, phase_hour) for profile in self.profiles]
        fewest = min(len(windows) for windows in each)
        mixed = [
            mix_counts([windows[-back] for windows in each], [int(windows[-back][0]) for windows in each], self.weights)
            for back in range(fewest, 0, -1)
        ]
        return np.stack(mixed) if mixed else np.zeros((0, len(self.total)))

    def label_windows(self, length_hours: int, phase_hour: int) -> LabelWindows:
        """The like for labelled rows."""
        each = [profile.label_windows(length_hours, phase_hour) for profile in self.profiles]
        fewest = min(len(windows) for windows in each)
        mixed = (_mix_labels([windows[-back] for windows in each], self.weights) for back in range(fewest, 0, -1))
        return LabelWindows(tuple(mixed))


def join(parts: Sequence[ReferenceProfile]) -> ReferenceProfile:
    """One profile of several that hold different hours of one reference, in order; at least one."""
    if len(parts) == 1:
        return parts[0]
    timed = parts[0].hours is not None

    def stacked(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    counts, label_counts, label_sums = (stacked(name) for name in ("counts", "label_counts", "label_sums"))
    products, embedded = (stacked(name).astype(np.int64) for name in ("products", "embedded"))
    if not timed:
        products, embedded = products.sum(axis=0, keepdims=True), embedded.sum(axis=0, keepdims=True)
        counts = counts.sum(axis=0, keepdims=True, dtype=np.int64)
        label_counts = label_counts.sum(axis=0, keepdims=True, dtype=np.int64)
        label_sums = label_sums.sum(axis=0, keepdims=True)
    low = np.min([part.extremes[:, 0] for part in parts], axis=0)
    high = np.max([part.extremes[:, 1] for part in parts], axis=0)
    return ReferenceProfile(
        hours=stacked("hours") if timed else None,
        counts=counts,
        moments=np.sum([part.moments for part in parts], axis=0),
        extremes=np.stack([low, high], axis=1),
        label_hours=stacked("label_hours") if timed else None,
        label_counts=label_counts,
        label_sums=label_sums,
        products=_small(products),
        embedded=_small(embedded),
    )


def mix(profiles: Sequence[ReferenceProfile], weights: Sequence[float], seen: Sequence[WindowCounts] = ()) -> Reference:
    """One reference from several on the same binning; ``weights`` (row shares of their versions) need not sum to 1;
    ``seen``: the rows of the window that each is for, if they are known.

    Profiles without rows or weight are left out; at least one must remain.
    """
    kept = [place for place, one in enumerate(profiles) if one.rows > 0 and weights[place] > 0]
    if len(kept) == 1:
        return profiles[kept[0]]
    scale = sum(weights[place] for place in kept)
    return MixedReference(
        tuple(profiles[place] for place in kept),
        tuple(weights[place] / scale for place in kept),
        tuple(seen[place] for place in kept) if seen else (),
    )


def mix_counts(parts: Sequence[NDArray[Any]], rows: Sequence[int], weights: Sequence[float]) -> NDArray[np.float64]:
    """Counts [n] each, of so many rows, in such shares; scaled to the effective number of rows."""
    pairs = [(part / count, weight, count) for part, weight, count in zip(parts, weights, rows, strict=True) if count]
    if not pairs:
        return np.zeros(parts[0].shape)
    scale = sum(weight for _, weight, _ in pairs)
    effective = scale**2 / sum(weight**2 / count for _, weight, count in pairs)
    mixed: NDArray[np.float64] = np.sum([share * weight for share, weight, _ in pairs], axis=0)
    return mixed * (effective / scale)


def _mix_labels(parts: Sequence[LabelCounts], weights: Sequence[float]) -> LabelCounts:
    rows = [part.rows for part in parts]
    counts = mix_counts([part.counts for part in parts], rows, weights)
    return LabelCounts(counts, mix_counts([part.sums for part in parts], rows, weights))
