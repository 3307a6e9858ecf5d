"""Labelled rows of a stretch of the log and of a reference, as explanations need them: a bounded sample of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.explain.explain import MOST_ROWS
from detectors.explain.labelled import Labelled
from detectors.multivariate.domain_classifier import Rows, time_blocks
from detectors.performance.row_loss import row_loss
from detectors.performance.scored import class_codes, same_text
from detectors.performance.weighting import Weighting
from detectors.segments import segment_codes
from monitor import clock
from monitor.actions import counting, prepare_reference, slicing
from monitor.actions.frame import Frame
from monitor.actions.from_probabilities import with_prediction
from monitor.actions.label_arrivals import scatter
from monitor.actions.pinned_labels import joined_of
from monitor.store import coverage, references
from monitor.store.observations.base import ScoredRows, StoredColumn, arrow_type

AT_ONCE = 2 * MOST_ROWS  # labelled rows in memory
MOST_READ = 20 * MOST_ROWS  # of the log, where few of them are of the segment
UNTIMED_BLOCKS = 28


@dataclass(frozen=True)
class Asked:
    """Which rows: of one model version ('': those without; None: all), of one segment or all; with which columns, and
    which loss is wanted of each."""

    version: str | None
    segment: str | None
    columns: Sequence[StoredColumn]
    loss: str


def standing(rows: ScoredRows, hour: int) -> NDArray[np.int64]:
    """Row numbers of the label of each prediction that stands at an hour, of those with a prediction and a label."""
    known = np.flatnonzero(rows.known_hour <= hour)
    ids = rows.ids.take(pa.array(known))
    later = np.zeros(len(known), dtype=bool)
    if len(known) > 1:
        later[:-1] = pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    usable = pc.and_(pc.is_valid(rows.prediction), pc.is_valid(rows.label)).to_numpy(zero_copy_only=False)
    chosen: NDArray[np.int64] = known[~later]
    chosen = chosen[usable[chosen]]
    return chosen


def of_log(frame: Frame, asked: Asked, start: int, end: int, as_of: int, weighting: Weighting | None) -> Labelled:
    """Labelled rows of hours [start, end) as known at as_of, at most 20,000, of hours spread over all of them. At most
    400,000 rows are looked at for those of a segment."""
    sample = _Sample()
    for rows in _chunks(frame, asked, start, end, as_of // clock.HOUR):
        sample.add(rows)
        if sample.rows >= MOST_ROWS:
            break
    return _labelled(frame, asked, sample.together(), weighting, timed=True)


def of_reference(frame: Frame, asked: Asked, reference: references.Reference, as_of: int) -> Labelled:
    """The like of a reference: as it was set, or of the log that it was pinned from, where labels may have come since
    and rows are kept."""
    joined, first = joined_of(frame, reference, as_of), (reference.start or 0) // clock.HOUR
    if joined is not None and (frame.model.rows_since is None or first >= frame.model.rows_since):
        return of_log(frame, asked, first, joined.until, joined.known_hour * clock.HOUR, None)
    sample = _Sample()
    more = _with_segment(frame, asked)
    for table in prepare_reference.rows_of(frame.connection, reference.id):
        rows = with_prediction(frame.meaning, counting.labelled_rows(frame.model.columns, table, more))
        sample.add(_of(frame, asked, rows, _versions(table)))
    return _labelled(frame, asked, sample.together(), None, timed=reference.timed)


def _versions(table: pa.Table) -> pa.Array:
    """Of the labelled rows, '' where none."""
    labelled = pc.is_valid(table.column("label")).combine_chunks()
    return pc.fill_null(table.column("version").combine_chunks(), "").filter(labelled)


def _chunks(frame: Frame, asked: Asked, start: int, end: int, known_hour: int) -> Iterator[ScoredRows]:
    connection, model = frame.connection, frame.model
    labelled: dict[int, int] = {}
    for version, hour, _, count in coverage.by_hour(connection, model.id, start, end, known_hour):
        if asked.version in (None, version) and count:
            labelled[hour] = labelled.get(hour, 0) + count
    hours = scatter(np.array(sorted(labelled), np.int64))
    if not len(hours):
        return
    before = np.cumsum([0, *(labelled[hour] for hour in hours.tolist())])[:-1]
    for part in np.split(hours, np.flatnonzero(np.diff(before // AT_ONCE)) + 1)[: MOST_READ // AT_ONCE]:
        columns = _with_segment(frame, asked)
        rows = frame.service.observations.scored(connection, model.stored, part.tolist(), columns)
        rows = with_prediction(frame.meaning, rows)
        yield _of(frame, asked, rows.take(standing(rows, known_hour)), None)


def _with_segment(frame: Frame, asked: Asked) -> list[StoredColumn]:
    """The columns asked for, and the one that the segment is a value of."""
    name = (asked.segment or "").split("=", 1)[0]
    source = slicing.source_of(frame.model.columns, name) if asked.segment else None
    return list(dict.fromkeys([*asked.columns, *([source] if source else [])]))


def _of(frame: Frame, asked: Asked, rows: ScoredRows, versions: pa.Array | None) -> ScoredRows:
    """Those of the version and the segment."""
    kept = np.ones(len(rows.hour), dtype=bool)
    if asked.version is not None:
        mine = pc.equal(rows.version if versions is None else versions, asked.version)
        kept &= mine.to_numpy(zero_copy_only=False)
    for one in frame.binning.segments if asked.segment else ():
        source = slicing.source_of(frame.model.columns, one.name)
        if asked.segment in one.segments and source is not None:
            there = source.physical in rows.columns
            codes = segment_codes(one, rows.columns[source.physical]) if there else np.full(len(kept), -1)
            kept &= codes == one.segments.index(asked.segment)
    return rows.take(np.flatnonzero(kept))


@dataclass
class _Sample:
    """Every so many-th row, in the order they come; ever fewer as there are more, at most twice what is wanted."""

    parts: list[ScoredRows] = field(default_factory=list)
    places: list[NDArray[np.int64]] = field(default_factory=list)
    step: int = 1
    seen: int = 0

    @property
    def rows(self) -> int:
        return sum(len(places) for places in self.places)

    def add(self, rows: ScoredRows) -> None:
        places = np.arange(-self.seen % self.step, len(rows.hour), self.step)
        self.parts.append(rows.take(places))
        self.places.append(self.seen + places)
        self.seen += len(rows.hour)
        while self.rows > 2 * MOST_ROWS:
            self.step *= 2
            kept = [np.flatnonzero(one % self.step == 0) for one in self.places]
            self.parts = [part.take(some) for part, some in zip(self.parts, kept, strict=True)]
            self.places = [one[some] for one, some in zip(self.places, kept, strict=True)]

    def together(self) -> list[ScoredRows]:
        """At most as many as are wanted, spread evenly."""
        total = self.rows
        wanted = np.arange(min(total, MOST_ROWS)) * total // max(min(total, MOST_ROWS), 1)
        ends = np.cumsum([0, *(len(places) for places in self.places)])
        chosen = np.split(wanted, np.searchsorted(wanted, ends[1:-1])) if self.parts else []
        return [part.take(some - first) for part, some, first in zip(self.parts, chosen, ends[:-1], strict=True)]


def _labelled(
    frame: Frame, asked: Asked, parts: Sequence[ScoredRows], weighting: Weighting | None, *, timed: bool
) -> Labelled:
    """In order of time, without rows that have no loss."""
    layout = frame.binning.scores
    losses, truths, weights = [], [], []
    for rows in parts:
        truth, predicted, score, _ = counting.labelled_values(frame.meaning, rows, np.arange(len(rows.hour)))
        loss, actual = row_loss(layout, asked.loss, truth, predicted, score)
        losses.append(loss)
        truths.append(actual)
        weights.append(np.ones(len(loss)) if weighting is None else _weights(layout, weighting, truth, predicted))
    hours = np.concatenate([np.empty(0, np.int64), *(part.hour for part in parts)])
    loss, truth, weight = (np.concatenate([np.empty(0), *one]) for one in (losses, truths, weights))
    order = np.argsort(hours, kind="stable")
    order = order[np.isfinite(loss[order])]
    places = hours[order]
    blocks = time_blocks(places if timed else np.arange(len(order)) * 24 * UNTIMED_BLOCKS // max(len(order), 1))
    columns = {column.name: _column(column, parts).take(pa.array(order)) for column in asked.columns}
    return Labelled(Rows(columns, blocks), loss[order], truth[order], weight[order])


def _weights(layout: ScoreLayout, weighting: Weighting, truth: pa.Array, predicted: pa.Array) -> NDArray[np.float64]:
    codes = class_codes(layout, truth), class_codes(layout, predicted)
    return weighting.of_rows(*codes, same_text(truth, predicted))


def _column(column: StoredColumn, parts: Iterable[ScoredRows]) -> pa.Array:
    """null where a part has no such column."""
    kind = arrow_type(column)
    found = [
        part.columns[column.physical].cast(kind) if column.physical in part.columns else pa.nulls(len(part.hour), kind)
        for part in parts
    ]
    return pa.chunked_array(found, kind).combine_chunks()
