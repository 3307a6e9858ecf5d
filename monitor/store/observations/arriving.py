"""What arrives: rows with a good envelope, their values still as sent, before the model's columns are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.store.observations.base import LabelBatch, Role
from monitor.store.observations.odd import OddValues

LONG_NAME = 64  # characters that weigh as much as a value


@dataclass(frozen=True)
class SentColumn:
    """One column as sent, split by kind: each part has n entries, null where the value is of another kind or absent.

    ``number`` float64 with NaN and infinities; ``string``; ``boolean``; ``vector`` lists of float64 (of features
    alone); ``other`` JSON text of lists and objects; ``cells`` the text cells of a CSV, which mean what the column's
    type says.
    """

    length: int
    number: pa.Array | None = None
    string: pa.Array | None = None
    boolean: pa.Array | None = None
    vector: pa.Array | None = None
    other: pa.Array | None = None
    cells: pa.Array | None = None

    def parts(self) -> Iterator[tuple[str, pa.Array]]:
        """Name and array of every part that is there."""
        for name in ("number", "string", "boolean", "vector", "other", "cells"):
            part = getattr(self, name)
            if part is not None:
                yield name, part

    def filled(self) -> NDArray[np.bool_]:
        """Where any part has a value: bool [n]."""
        filled = np.zeros(self.length, np.bool_)
        for _, part in self.parts():
            filled |= part.is_valid().to_numpy(zero_copy_only=False)
        return filled

    def take(self, rows: pa.Array) -> SentColumn:
        """The same column of some rows."""
        return SentColumn(len(rows), **{name: part.take(rows) for name, part in self.parts()})

    def between(self, start: int, end: int) -> SentColumn:
        """The same column of the rows [start, end)."""
        rows = pa.array(np.arange(start, end))  # of lists a slice would still hold all
        parts = {name: part.take(rows) if name == "vector" else part[start:end] for name, part in self.parts()}
        return SentColumn(end - start, **parts)

    def without(self, *names: str) -> SentColumn:
        """The same column less some parts."""
        return SentColumn(self.length, **{name: part for name, part in self.parts() if name not in names})


@dataclass(frozen=True, slots=True)
class Reject:
    """A row whose envelope is bad. ``row`` its place in the body, ``id`` as sent if it could be read, ``timestamp``
    where that was readable and plausible, ``payload`` the row as sent."""

    row: int
    id: object
    field: str | None
    reason: str
    payload: str
    timestamp: int | None = None


@dataclass(frozen=True)
class ArrivingPredictions:
    """``ids`` pa.string [n], ``timestamps`` int64 [n], ``positions`` int64 [n] places in the body, ``versions`` and
    ``errors`` pa.string [n], ``latency_ms`` float64 [n]; ``columns`` by role and name, all of n rows; ``odd`` values
    that belong to no column."""

    ids: pa.Array
    timestamps: NDArray[np.int64]
    positions: NDArray[np.int64]
    versions: pa.Array
    latency_ms: pa.Array
    errors: pa.Array
    columns: dict[tuple[Role, str], SentColumn]
    odd: tuple[OddValues, ...] = ()
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()

    def parts(self, cells: int) -> Iterator[ArrivingPredictions]:
        """The rows in pieces of about so many values each, without rejects and warnings. A value of a long name weighs
        as several: it has no column, and its name is written beside it."""
        weights = np.full(len(self.ids), 6 + len(self.columns), np.int64)
        for (_, name), sent in self.columns.items():
            if len(name) >= LONG_NAME:
                weights += sent.filled() * (len(name) // LONG_NAME)
        before = np.cumsum(weights) - weights
        cuts = (np.flatnonzero(np.diff(before // cells)) + 1).tolist()
        if not cuts:
            yield self
            return
        for start, end in pairwise([0, *cuts, len(self.ids)]):
            yield self.between(start, end)

    def between(self, start: int, end: int) -> ArrivingPredictions:
        """The rows [start, end), without rejects and warnings."""
        some = slice(start, end)
        return ArrivingPredictions(
            ids=self.ids[some],
            timestamps=self.timestamps[some],
            positions=self.positions[some],
            versions=self.versions[some],
            latency_ms=self.latency_ms[some],
            errors=self.errors[some],
            columns={key: sent.between(start, end) for key, sent in self.columns.items()},
            odd=tuple(odd.between(start, end) for odd in self.odd),
        )


@dataclass(frozen=True)
class ArrivingReference:
    """Rows of a reference: ``rows`` (ids and timestamps are empty texts and zeros where none were sent), whether all
    rows are ``timed``, and their ``labels`` pa.string [n], canonical, null where unknown."""

    rows: ArrivingPredictions
    timed: bool
    labels: pa.Array


@dataclass(frozen=True)
class ArrivingLabels:
    """Labels that are good to be stored, and the rows that are not."""

    batch: LabelBatch
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()
