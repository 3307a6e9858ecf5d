"""What a store of predictions and labels can do; one implementation per kind of engine.

All methods take the open connection of a unit of work. Rows travel as Arrow; times are int64 microseconds, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Storage = Literal["number", "string", "boolean", "vector"]
Role = Literal["feature", "segment", "metric", "probability", "prediction"]
GROUPS: Mapping[str, Role] = {"features": "feature", "segments": "segment", "metrics": "metric"}  # of named values


@dataclass(frozen=True)
class StoredColumn:
    """A column of a model's table. ``role`` and ``name`` as users know it (the prediction's name is ``""``);
    ``storage`` as first seen; ``type`` numeric, categorical or embedding once decided; ``dimension`` of a vector;
    ``physical`` the name in the table."""

    role: Role
    name: str
    position: int
    storage: Storage
    type: str | None = None
    dimension: int | None = None

    @property
    def physical(self) -> str:
        """Name in the model's own table."""
        return f"c{self.position}"


def arrow_type(column: StoredColumn) -> pa.DataType:
    """float64 for numbers, binary for vectors, string for the rest."""
    if column.storage == "vector":
        return pa.binary()
    return pa.float64() if column.storage == "number" else pa.string()


@dataclass(frozen=True)
class StoredModel:
    """What the store needs to know of a model."""

    id: int
    name: str
    columns: tuple[StoredColumn, ...]


def predictions_table(model: StoredModel) -> str:
    """Name of the table of predictions: ``id``, ``ts`` (microseconds), …, ``c0``, ``c1`` …"""
    return f"p_{model.id}"


@dataclass(frozen=True)
class PredictionBatch:
    """Rows that are good to be stored, conformed to the model's columns.

    ``ids`` pa.string [n]; ``timestamps`` int64 [n]; ``versions`` pa.string (null where none); ``latency_ms``
    pa.float64; ``errors`` pa.string; ``columns`` one Arrow array per entry of ``stored`` (float64 for number, binary
    for vector: float32 after float32, string otherwise: booleans are "true"/"false"), null where there is no usable
    value; ``odd`` pa.string [n]: JSON object of the values that could not be held in their column (see
    ``monitor.store.observations.odd``), null for most rows; ``positions`` int64 [n]: the row's place in the body that
    was sent.
    """

    ids: pa.Array
    timestamps: NDArray[np.int64]
    versions: pa.Array
    latency_ms: pa.Array
    errors: pa.Array
    stored: tuple[StoredColumn, ...]
    columns: tuple[pa.Array, ...]
    odd: pa.Array
    positions: NDArray[np.int64]

    def arrays(self) -> tuple[Any, ...]:
        """Ids, times, versions, latencies, errors, odd values, and then the columns."""
        return (self.ids, self.timestamps, self.versions, self.latency_ms, self.errors, self.odd, *self.columns)


@dataclass(frozen=True)
class LabelBatch:
    """``ids`` pa.string [n]; ``labels`` pa.string [n], canonical form; ``kinds`` pa.string [n]: number, string or
    boolean as sent; ``timestamps`` int64 [n]; ``defaulted`` bool [n]: the time is that of arrival; ``positions``."""

    ids: pa.Array
    labels: pa.Array
    kinds: pa.Array
    timestamps: NDArray[np.int64]
    defaulted: NDArray[np.bool_]
    positions: NDArray[np.int64]


@dataclass(frozen=True)
class Appended:
    """What became of a batch. ``hours`` int64: hours of prediction time whose content changed; ``conflicting_hours``
    int64, one entry per resend whose content differs from what is stored; ``versions`` of the accepted rows with
    their count, first and newest time; ``fresh`` bool [n]: which rows of the batch went in; ``matched`` bool [n]: which
    labels have their prediction, ``unmatched`` how many have not."""

    accepted: int
    duplicates: int
    hours: NDArray[np.int64]
    conflicting_hours: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    versions: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    unmatched: int = 0
    fresh: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    matched: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))


@dataclass(frozen=True)
class Erased:
    """What was known of an id that is erased: the time (None: no prediction) and version of the prediction, and how
    many revisions of labels went with it."""

    timestamp: int | None
    version: str
    labels: int


@dataclass(frozen=True)
class ScoredRows:
    """Predictions of some hours joined with every label revision they have, ordered by hour, id, label time, arrival.

    ``hour`` and ``known_hour`` int64 (the first hour h such that the label counts at as_of h:00), ``version`` pa.string
    ('' where none), ``prediction`` and ``label`` pa.string canonical, ``probabilities`` by class name ('' for the plain
    number of the positive class) float64 with NaN, ``columns`` whatever else was asked for, by physical name. Rows of
    one prediction are adjacent: revision i+1 replaces i.
    """

    ids: pa.Array
    hour: NDArray[np.int64]
    known_hour: NDArray[np.int64]
    version: pa.Array
    prediction: pa.Array
    label: pa.Array
    probabilities: dict[str, NDArray[np.float64]]
    columns: dict[str, pa.Array] = field(default_factory=dict)

    def part(self, start: int, end: int) -> ScoredRows:
        """The rows [start, end)."""
        some = slice(start, end)
        return ScoredRows(
            self.ids[some],
            self.hour[some],
            self.known_hour[some],
            self.version[some],
            self.prediction[some],
            self.label[some],
            {name: values[some] for name, values in self.probabilities.items()},
            {name: values[some] for name, values in self.columns.items()},
        )

    def take(self, places: NDArray[np.int64]) -> ScoredRows:
        """Those rows, in that order."""
        some = pa.array(places)
        return ScoredRows(
            self.ids.take(some),
            self.hour[places],
            self.known_hour[places],
            self.version.take(some),
            self.prediction.take(some),
            self.label.take(some),
            {name: values[places] for name, values in self.probabilities.items()},
            {name: values.take(some) for name, values in self.columns.items()},
        )


class Observations(Protocol):
    """The whole interface. ``shares_transaction``: what is appended commits with the fixed tables, in the unit of work
    whose connection is given; else the store is ``Apart``."""

    shares_transaction: bool

    def ensure_model(self, connection: Any, model: StoredModel) -> None:
        """Make the model's tables, or add the columns that they lack. Safe to call again."""

    def append(self, connection: Any, model: StoredModel, batch: PredictionBatch, number: int = 0) -> Appended:
        """Store rows whose id is not known; the first of a known id stays. All or nothing. ``number`` of the
        append within its model, increasing (see ``Apart``): other stores need none."""

    def append_labels(
        self, connection: Any, model: StoredModel, batch: LabelBatch, arrived: int, number: int = 0
    ) -> Appended:
        """Keep labels, every revision. Same id, time and value again is a duplicate, and so is one
        without a time of its own that says what is known already. ``hours`` are those of the
        predictions they belong to; ``unmatched`` counts labels whose prediction is not known yet."""

    def read(
        self,
        connection: Any,
        model: StoredModel,
        start: int,
        end: int,
        columns: Sequence[StoredColumn],
        *,
        ordered: bool = True,
    ) -> Iterator[pa.Table]:
        """Rows of hours [start, end) ordered by hour and id, in chunks of whole hours (at most about 200,000 rows, an
        hour is never cut): columns ``hour`` int64, ``id``, ``timestamp``, ``version``, ``latency_ms``, ``error``,
        ``odd`` and the physical names asked for.

        Not ``ordered``: by hour alone, and an hour of more than 100,000 rows (of wide ones fewer) comes in several
        chunks, each of at most so many and of no other hour; no more than one of them is ever in memory."""

    def scored(
        self, connection: Any, model: StoredModel, hours: Sequence[int], columns: Sequence[StoredColumn] = ()
    ) -> ScoredRows:
        """Labelled predictions of those hours, with the values of more columns."""

    def scored_parts(
        self, connection: Any, model: StoredModel, hour: int, columns: Sequence[StoredColumn] = ()
    ) -> Iterator[ScoredRows]:
        """Those of one hour in parts of some 100,000 rows at most (of wide ones fewer), each prediction with all its
        labels in one; no more than a part is ever in memory."""

    def get(self, connection: Any, model: StoredModel, prediction_id: str) -> dict[str, Any] | None:
        """One prediction as stored, with ``labels`` [{label, timestamp, arrived}] in order; None if unknown."""

    def times_of(self, connection: Any, model: StoredModel, ids: pa.Array) -> pa.Array:
        """Times of predictions by id, int64 [n]; null where there is no such prediction. In a unit of work that may
        write."""

    def drop_before(self, connection: Any, model: StoredModel, hour: int) -> int:
        """Delete predictions older than that hour, and their labels; how many rows went."""

    def is_left_before(self, connection: Any, model: StoredModel, hour: int) -> bool:
        """Whether ``drop_before`` had to leave tables older than that hour, which somebody was reading."""

    def tend(self, database: Any, model: StoredModel) -> None:
        """Give the tables of a model that an earlier version made what new ones have beside columns, while others
        write; in no unit of work. What cannot be had just now waits for the next call."""

    def stats(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """``predictions``, ``labels`` (ids with a label), ``orphans`` (labels without a prediction)."""

    def erase(self, connection: Any, model: StoredModel, prediction_id: str) -> Erased:
        """Delete one prediction and every label of that id."""

    def drop_model(self, connection: Any, model: StoredModel) -> None:
        """Delete all that is stored of the model."""

    def labels_of(self, connection: Any, model: StoredModel) -> Iterator[pa.Table]:
        """Every revision of every label in order of arrival: ``id``, ``ts``, ``value``, ``kind``, ``arrived``."""

    def restore_labels(self, connection: Any, model: StoredModel, table: pa.Table, number: int = 0) -> None:
        """Labels as ``labels_of`` gave them, behind those that are there; ``number`` as for ``append``."""

    def size(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """About how many bytes ``predictions`` and ``labels`` take."""


@dataclass(frozen=True)
class Held:
    """What a store holds of a model: ``versions`` with their rows, first and newest time; ``labels`` revisions, and
    the newest of their times; ``label_hours`` of the predictions whose labels came under a change."""

    versions: dict[str, tuple[int, int, int]]
    labels: int
    newest_label: int | None
    label_hours: list[int]


PARTS = 1 << 20  # appends that are done for one change


@runtime_checkable
class Apart(Observations, Protocol):
    """A store that commits by itself. Whoever appends holds the model's turn (``monitor.actions.recording_apart``), and
    numbers each append: the model's change for which it is done, times ``PARTS``, and which part it is. ``alone``: no
    other process can have it open."""

    alone: bool

    def mend(self, model: StoredModel, change: int, hours: Sequence[int]) -> Held:
        """Finish an append under a change, to predictions of those hours, that may have ended half way; what there
        is now. Safe to call again."""

    def check(self) -> None:
        """Raises StoreUnavailable where it cannot be reached."""

    def close(self) -> None:
        """Give the connections back."""


@dataclass(frozen=True)
class Number:
    """A number to be counted: the first of ``terms`` that is there, each a physical name, or one less it
    (``complement``); in bins of ``cuts``, and beyond ``minimum`` and ``maximum``."""

    terms: tuple[tuple[str, bool], ...]
    cuts: NDArray[np.float64]
    minimum: float
    maximum: float


@dataclass(frozen=True)
class HourCounts:
    """Rows of some hours, counted by version and hour. ``groups``: ``version`` ('' where none), ``hour``, ``rows``,
    ``newest`` time, in order of the first two; all else tells its group by its place there, ``at``.

    ``bins``: ``at``, ``number``, ``place`` and ``rows`` of finite numbers; ``texts`` by physical name: ``at``,
    ``value``, ``rows``; ``odd``: ``at`` and the ``odd`` values of one row; ``told`` by name: ``finite``, ``null``,
    ``pos_inf``, ``neg_inf``, ``below``, ``above`` float64 [G, numbers], and ``low``, ``high`` of finite ones (NaN where
    none).
    """

    groups: pa.Table
    bins: pa.Table
    texts: dict[str, pa.Table]
    odd: pa.Table
    told: dict[str, NDArray[np.float64]]


@runtime_checkable
class Counting(Protocol):
    """A store whose engine can count; ``counts_itself``: it shall."""

    counts_itself: bool

    def stretches(self, model: StoredModel, start: int, end: int) -> list[tuple[int, int]]:
        """Hours [start, end) in parts [first, last) of about as many rows as ``read`` gives at once."""

    def counts(
        self, model: StoredModel, hours: tuple[int, int], numbers: Sequence[Number], texts: Sequence[str]
    ) -> HourCounts:
        """Rows of hours [first, last), counted."""

    def sums(
        self, model: StoredModel, counted: HourCounts, numbers: Sequence[Number], shifts: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """Sums of finite values, and of their squares, in steps of 2^-shift: int64 [G, numbers, 2] like ``shifts``."""

    def products(
        self,
        model: StoredModel,
        counted: HourCounts,
        numbers: Sequence[Number],
        codes: Sequence[NDArray[np.int8]],
        pairs: Sequence[tuple[int, int]],
    ) -> NDArray[np.int64]:
        """Of pairs of numbers that are coded by their bins (``codes`` of each number's): rows with both finite, the
        sums of the first and second codes, of their squares, and of products: int64 [G, P, 6]."""
