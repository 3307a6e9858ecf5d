"""Count the hours that changed: each is stored as one additive summary per model version, and one more per segment. It
is read once, a large one in parts, and then twice."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import pyarrow as pa

from detectors.cuts import Binning
from detectors.performance import scored
from monitor import clock
from monitor.actions import counted_there, counting, hours_in_parts, labels_in_parts, slicing
from monitor.actions.counting import Meaning
from monitor.actions.each_model import by_itself
from monitor.actions.models import meaning_of_model
from monitor.service import Service
from monitor.store import locks, models, references, summaries
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.base import Counting, ScoredRows, StoredColumn
from monitor.store.summaries import Dirty, LabelSummary, Summary

LABEL_HOURS_AT_ONCE = 48  # their counts are dense in memory, one row per hour and hour it became known
LABEL_ROWS_AT_ONCE = 200_000  # of predictions, labelled or not; one hour of more is counted in parts
HOURS_AT_ONCE = 24 * 14  # one transaction; between two of them posts get their turn
REST = 9  # times as long as the clockwork counted
LONGEST_REST = 120.0  # seconds


def summarise(service: Service, name: str, before_hour: int, now: int) -> int:
    """Bring the model's summaries of hours before ``before_hour`` up to date; how many hours were counted. Each is
    counted once on the cuts that hold: one to which rows keep coming waits for the next time, or this would not
    end."""
    counted, done, cuts = 0, set[int](), None
    while _waits(service, name, before_hour):
        with service.database.write(locks.model(name)) as connection:
            model = models.find(connection, name)
            if model is None:
                break
            if model.binning_id != cuts:  # nothing that was counted on other ones is of use
                done.clear()
            waiting = summaries.dirty(connection, model.id, before_hour)
            marks = [mark for mark in waiting if mark.hour not in done][:HOURS_AT_ONCE]
            if not marks:
                break
            binning_id, binning, meaning = _binning(connection, model, now)
            cuts = binning_id
            kept = [mark for mark in marks if model.rows_since is None or mark.hour >= model.rows_since]
            _count(service, connection, model, (binning_id, binning, meaning), kept)
            summaries.settle(connection, model.id, marks)
        done |= {mark.hour for mark in marks}
        counted += len(marks)
    return counted


def _waits(service: Service, name: str, before_hour: int) -> bool:
    """Whether any hour waits: asked without the lock that writing takes."""
    with service.database.read() as connection:
        return summaries.waits(connection, name, before_hour)


def _binning(connection: Connection, model: Model, now: int) -> tuple[int, Binning, Meaning]:
    """The model's cuts. Before any that were made of rows they hold every column there is: a new column makes new
    ones."""
    meaning = meaning_of_model(model)
    if model.binning_id is not None:
        binning = Binning.from_bytes(references.binning(connection, model.binning_id))
        if model.task is not None or _covers(binning, model.stored.columns):
            return model.binning_id, binning, meaning
    made = counting.binning_of(model.stored.columns, meaning, [])
    return references.add_binning(connection, model.id, made.to_bytes(), now), made, meaning


def _covers(binning: Binning, columns: Sequence[StoredColumn]) -> bool:
    wanted = {f"{c.role}.{c.name}" for c in columns if c.role in ("feature", "metric")}
    return wanted <= set(binning.by_name)


def _count(
    service: Service,
    connection: Connection,
    model: Model,
    counted_on: tuple[int, Binning, Meaning],
    marks: Sequence[Dirty],
) -> None:
    binning_id, binning, meaning = counted_on
    full = [mark.hour for mark in marks if not mark.labels_only]
    change = {mark.hour: mark.change for mark in marks}
    with service.database.unchanging(connection) as snapshot:  # a large hour is read twice
        rows = (
            Summary(version, hour, rows, newest, change[hour], data, segment)
            for start, end in _runs(full)
            for version, segment, hour, rows, newest, data in _hours(
                service, snapshot, model, binning, meaning, start, end
            )
            if hour in change
        )
        summaries.replace(connection, model.id, binning_id, full, rows)
        hours = [mark.hour for mark in marks]
        label_rows = (
            row
            for part, count in _parts(connection, model, hours)
            for row in _labels(service, snapshot, model, binning, meaning, part, count, change)
        )
        summaries.replace_labels(connection, model.id, binning_id, hours, label_rows)


def _parts(connection: Connection, model: Model, hours: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
    """Hours in parts, each of few enough and of few enough rows; and how many rows these are."""
    rows: Counter[int] = Counter()
    for _, hour, count in summaries.predicted(connection, model.id, hours[0], hours[-1] + 1) if hours else ():
        rows[hour] += count
    part: list[int] = []
    held = 0
    for hour in hours:
        if part and (len(part) == LABEL_HOURS_AT_ONCE or held + rows[hour] > LABEL_ROWS_AT_ONCE):
            yield part, held
            part, held = [], 0
        part.append(hour)
        held += rows[hour]
    if part:
        yield part, held


def _labels(
    service: Service,
    connection: Connection,
    model: Model,
    binning: Binning,
    meaning: Meaning,
    hours: Sequence[int],
    count: int,
    change: Mapping[int, int],
) -> Iterator[LabelSummary]:
    columns, store = slicing.sources_of(model.stored.columns, binning), service.observations
    if count > LABEL_ROWS_AT_ONCE:  # of one hour

        def read() -> Iterator[ScoredRows]:
            return store.scored_parts(connection, model.stored, hours[0], columns)

        counted = labels_in_parts.count(binning, columns, meaning, hours[0], read)
    else:
        rows = store.scored(connection, model.stored, hours, columns)
        counted = slicing.label_counts(binning, columns, meaning, rows)
    for version, segment, groups in counted:
        for hour, known, counts, sums in zip(groups.hours, groups.known_hours, groups.counts, groups.sums, strict=True):
            data = scored.encode(counts, sums)
            yield LabelSummary(version, int(hour), int(known), int(counts[0]), change[int(hour)], data, segment)


def _hours(
    service: Service,
    connection: Connection,
    model: Model,
    binning: Binning,
    meaning: Meaning,
    start: int,
    end: int,
) -> Iterator[tuple[str, str, int, int, int, bytes]]:
    columns, store = model.stored.columns, service.observations
    if isinstance(store, Counting) and store.counts_itself and counted_there.can_be(binning, columns, meaning):
        yield from counted_there.hours(store, model.stored, binning, meaning, start, end)
        return

    def read(first: int, last: int, some: Sequence[StoredColumn]) -> Iterator[pa.Table]:
        return store.read(connection, model.stored, first, last, some, ordered=False)

    for version, counted in hours_in_parts.count(binning, columns, meaning, read, start, end):
        yield version, *counted


def _runs(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches [start, end) of adjacent hours."""
    for _, group in groupby(enumerate(hours), key=lambda pair: pair[1] - pair[0]):
        stretch = [hour for _, hour in group]
        yield stretch[0], stretch[-1] + 1


def current_hour(as_of: int) -> int:
    """The hour that is not over at as_of (its index since 1970)."""
    return as_of // clock.HOUR


@dataclass
class Rests:
    """When each model's hours may be counted again, in seconds of a clock that only goes forward. Rows that come late
    would have a large hour counted anew at every tick; so counting takes a share of the time. Whoever needs the counts,
    such as a run, does not wait for it."""

    until: dict[str, float] = field(default_factory=dict)

    def is_over(self, name: str) -> bool:
        """Whether the model's turn has come."""
        return time.monotonic() >= self.until.get(name, 0.0)

    @contextlib.contextmanager
    def after(self, name: str) -> Iterator[None]:
        """Counting, after which the model rests for several times as long, but not for long."""
        began = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            self.until[name] = ended + min(REST * (ended - began), LONGEST_REST)


def summarise_waiting(service: Service, now: int, rests: Rests | None = None) -> int:
    """Count waiting hours of every model, those that are over, unless it rests; how many."""
    done, rests = 0, rests or Rests()
    with service.database.read() as connection:
        names = summaries.models_waiting(connection)
    for name in filter(rests.is_over, names):
        with by_itself(service, name, "counting"), rests.after(name):
            done += summarise(service, name, current_hour(now), now)
    return done
