"""A model's binning version: the cuts and categories on which its references and windows are counted alike.

One hour of one model version is a flat vector of counts. Row 0 is the number of rows; then every column has a run of
slots. Vectors are additive: windows, versions and references are sums.

    numeric column      bins 0..len(cuts) (bin i holds cuts[i-1] < x <= cuts[i]), then missing, mismatch, nan, pos_inf,
                        neg_inf, below_min, above_max (finite values outside [minimum, maximum] of the first
                        reference; they are in the end bins too)
    categorical column  one per level, then other (rare in the reference), unseen, missing, mismatch
    embedding           as a categorical column whose only level is any vector

``detectors.binning`` makes one from a first reference.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.grid import Grid

NUMERIC_EXTRAS = ("missing", "mismatch", "nan", "pos_inf", "neg_inf", "below_min", "above_max")
MOST_UNSEEN = 0.05  # of the rows; see ``CategoricalColumn.is_open``
CATEGORICAL_EXTRAS = ("other", "unseen", "missing", "mismatch")

ERROR = "error"  # the column whose texts are counted, never told apart

# {j/64} ∪ {j/20}: 64 bins for displays and distances, ventiles and deciles exact for the tests.
LEVELS: NDArray[np.float64] = np.unique(np.concatenate([np.arange(1, 64) / 64, np.arange(1, 20) / 20]))


@dataclass(frozen=True)
class NumericColumn:
    """``cuts`` increasing, float64; ``levels`` the reference share of x <= cut, same shape (empty for cuts that are not
    quantiles of a reference); ``minimum``, ``maximum`` of the finite reference values (-inf, inf if none)."""

    name: str
    cuts: NDArray[np.float64]
    levels: NDArray[np.float64]
    minimum: float
    maximum: float

    @cached_property
    def size(self) -> int:
        """How many slots the column takes."""
        return len(self.cuts) + 1 + len(NUMERIC_EXTRAS)

    @cached_property
    def grid(self) -> Grid:
        """Finds bins quickly."""
        return Grid.over(self.cuts)

    @cached_property
    def points(self) -> NDArray[np.bool_]:
        """Which bins hold one single value (so that nothing can hide inside them), bool [len(cuts) + 1]."""
        found = np.zeros(len(self.cuts) + 1, dtype=bool)
        found[1:-1] = np.nextafter(self.cuts[1:], -np.inf) == self.cuts[:-1]
        return found

    def quantile_cuts(self, probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
        """Indices (increasing, distinct) of the smallest cuts with at least these shares of the reference below."""
        found = np.unique(np.searchsorted(self.levels, probabilities - 1e-12))
        return found[found < len(self.levels)].astype(np.int64)


@dataclass(frozen=True)
class CategoricalColumn:
    """``levels`` have a slot each, the commonest first; ``rare`` were seen in the reference and share the slot
    ``other``. ``common``: so many of the levels that it was no chance which they are. ``unseen``: which share of the
    next rows of the same source is of values that were not seen (both None where nobody counted)."""

    name: str
    levels: tuple[str, ...]
    rare: frozenset[str] = frozenset()
    common: int | None = field(default=None, kw_only=True)
    unseen: float | None = field(default=None, kw_only=True)

    @cached_property
    def size(self) -> int:
        """How many slots the column takes."""
        return len(self.levels) + len(CATEGORICAL_EXTRAS)

    @property
    def is_open(self) -> bool:
        """Whether values that the reference never had are so many at any time, as users are, that they say nothing."""
        return (self.unseen or 0.0) > MOST_UNSEEN

    @cached_property
    def rare_array(self) -> Any:
        """``rare`` as a pyarrow string array, for membership tests."""
        return pa.array(sorted(self.rare), type=pa.string())


@dataclass(frozen=True)
class EmbeddingColumn(CategoricalColumn):
    """Vectors: counted as one level (none before a reference had two different ones), and by the sums of their random
    features, see ``detectors.embedding.features``. ``bandwidth`` of the kernel; ``seed`` of the features;
    ``concentration`` tr(Σ²) / tr(Σ)² of their covariance."""

    dimension: int = 0
    bandwidth: float = 1.0
    seed: int = 0
    concentration: float = 1.0


MOST_CLASSES = 100  # counted by name; the rest, past them in sorted order, are "any other"
FREQUENCIES = 128  # of an embedding's random features, which are twice as many

Column = NumericColumn | CategoricalColumn


@dataclass(frozen=True)
class ScoreLayout:
    """How labelled rows are counted; see ``detectors.performance.scored``.

    ``task`` is binary, multiclass or regression; ``classes`` canonical strings, for binary (negative, positive);
    ``score_cuts`` increasing cuts: binary, of the positive class's probability; multiclass, of the highest probability;
    regression, of the prediction. Empty where there is none.
    """

    task: str
    classes: tuple[str, ...] = ()
    score_cuts: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def is_full(self) -> bool:
        """Whether the model may have more classes than are counted by name."""
        return len(self.classes) >= MOST_CLASSES


@dataclass(frozen=True)
class SegmentColumn:
    """A column that rows are also counted apart by. Each of ``values`` (canonical) is a segment; rows with any other
    value, or none, are in no segment of this column."""

    name: str
    values: tuple[str, ...] = ()

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The segments' names, ``name=value``, in the order of ``values``."""
        return tuple(f"{self.name}={value}" for value in self.values)


@dataclass(frozen=True)
class Binning:
    """Columns in the order of their slots. Names: ``feature.NAME``, ``prediction``, ``score``, ``latency_ms``,
    ``error``, ``metric.NAME``. ``segments``: by which columns rows are counted apart, as configured. ``pairs``: names
    of numeric features whose products are counted, too."""

    columns: tuple[Column, ...]
    scores: ScoreLayout
    segments: tuple[SegmentColumn, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    memo: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)  # derived indices, made once

    @cached_property
    def offsets(self) -> dict[str, int]:
        """First slot of each column."""
        starts = np.cumsum([1, *(column.size for column in self.columns)])
        return {column.name: int(start) for column, start in zip(self.columns, starts, strict=False)}

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def numeric(self) -> tuple[NumericColumn, ...]:
        """Numeric columns, in the order of their rows in ``HourlySummaries.moments``."""
        return tuple(column for column in self.columns if isinstance(column, NumericColumn))

    @cached_property
    def embeddings(self) -> tuple[EmbeddingColumn, ...]:
        """Columns of vectors, in the order of their rows in ``HourlySummaries.embedded``."""
        return tuple(column for column in self.columns if isinstance(column, EmbeddingColumn))

    @cached_property
    def size(self) -> int:
        """Length L of a count vector."""
        return 1 + sum(column.size for column in self.columns)

    def slots(self, name: str) -> slice:
        """The column's bins or levels (without its extras)."""
        column, start = self.by_name[name], self.offsets[name]
        extras = NUMERIC_EXTRAS if isinstance(column, NumericColumn) else CATEGORICAL_EXTRAS
        return slice(start, start + column.size - len(extras))

    def named_or_not(self, name: str) -> slice:
        """A categorical column's levels with rare and unseen values: each usable row is in one of these slots."""
        return slice(self.offsets[name], self.extra(name, "unseen") + 1)

    def extra(self, name: str, which: str) -> int:
        """The slot of one of the column's extra counters, such as ``missing``."""
        return self._extras[name, which]

    @cached_property
    def _extras(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for column in self.columns:
            extras = NUMERIC_EXTRAS if isinstance(column, NumericColumn) else CATEGORICAL_EXTRAS
            first = int(self.slots(column.name).stop)
            found |= {(column.name, which): first + place for place, which in enumerate(extras)}
        return found

    def to_bytes(self) -> bytes:
        """A compressed text form; equal binnings give equal bytes."""
        scores = [self.scores.task, self.scores.classes, self.scores.score_cuts.tolist()]
        plain: dict[str, Any] = {"columns": [_to_plain(column) for column in self.columns], "scores": scores}
        if self.segments:
            plain["segments"] = [[one.name, one.values] for one in self.segments]
        if self.pairs:
            plain["pairs"] = self.pairs
        return zlib.compress(json.dumps(plain).encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Binning:
        """The inverse of ``to_bytes``."""
        plain = json.loads(zlib.decompress(data))
        task, classes, cuts = plain["scores"]
        scores = ScoreLayout(task, tuple(classes), np.array(cuts, dtype=np.float64))
        segments = tuple(SegmentColumn(name, tuple(values)) for name, values in plain.get("segments", ()))
        pairs = tuple((first, second) for first, second in plain.get("pairs", ()))
        return cls(tuple(_from_plain(column) for column in plain["columns"]), scores, segments, pairs)


def _to_plain(column: Column) -> dict[str, Any]:
    if isinstance(column, EmbeddingColumn):
        numbers = [column.dimension, column.bandwidth, column.seed, column.concentration]
        return {"name": column.name, "levels": column.levels, "embedding": numbers}
    if isinstance(column, CategoricalColumn):
        told = {"common": column.common, "unseen": column.unseen}
        return {"name": column.name, "levels": column.levels, "rare": sorted(column.rare), **told}
    bounds = [column.minimum, column.maximum]
    return {"name": column.name, "cuts": column.cuts.tolist(), "shares": column.levels.tolist(), "bounds": bounds}


def _from_plain(plain: dict[str, Any]) -> Column:
    if "embedding" in plain:
        return EmbeddingColumn(plain["name"], tuple(plain["levels"]), frozenset(), *plain["embedding"])
    if "cuts" not in plain:
        told = {"common": plain.get("common"), "unseen": plain.get("unseen")}
        return CategoricalColumn(plain["name"], tuple(plain["levels"]), frozenset(plain["rare"]), **told)
    cuts, shares = (np.array(plain[key], dtype=np.float64) for key in ("cuts", "shares"))
    return NumericColumn(plain["name"], cuts, shares, *plain["bounds"])
