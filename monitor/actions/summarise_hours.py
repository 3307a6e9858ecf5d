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
from detectors.hour_bytes import decode
from detectors.performance import scored
from detectors.quality.unusable_output import without_use
from monitor import clock
from monitor.actions import counted_there, counting, hours_in_parts, labels_in_parts, slicing
from monitor.actions.each_model import by_itself
from monitor.actions.meaning import Meaning
from monitor.actions.models import meaning_of_model
from monitor.service import Service
from monitor.store import locks, models, references, summaries
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.base import Counting, ScoredRows, StoredColumn
from monitor.store.summaries import Dirty, LabelSummary, Summary

LABEL_HOURS_AT_ONCE = 48  # their counts are dense in memory, one row per hour and hour it became known
LABEL_ROWS_AT_ONCE = 200_000  # of predictions, labelled or not; one hour of more is counted in parts
HOURS_AT_ONCE = 24 * 14  # of one snapshot, at most: fewer where they have many columns or segments
FIRST_HOURS = 24  # likewise, of the first, before it is known what they take
BYTES_AT_ONCE = 16 << 20  # of encoded counts, about, which are in memory until they are written
REST = 9  # times as long as the clockwork counted
LONGEST_REST = 120.0  # seconds


def summarise(service: Service, name: str, before_hour: int, now: int) -> int:
    """Bring the model's summaries of hours before ``before_hour`` up to date; how many hours were counted. Each is
    counted once on the cuts that hold: one to which rows keep coming waits for the next time, or this would not
    end."""
    counted, done, cuts, at_once = 0, set[int](), None, min(FIRST_HOURS, HOURS_AT_ONCE)
    while _waits(service, name, before_hour):
        with service.database.read_first(locks.model(name)) as (snapshot, writing):
            model = models.find(snapshot, name)
            if model is None:
                break
            if model.binning_id != cuts:  # nothing that was counted on other ones is of use
                done.clear()
            cuts = model.binning_id
            waiting = summaries.dirty(snapshot, model.id, before_hour)
            marks = [mark for mark in waiting if mark.hour not in done][:at_once]
            if not marks:
                break
            binning = _binning(snapshot, model)
            if binning is None:
                with writing() as connection:
                    _make_binning(connection, model, now)
                continue
            found = _count(service, snapshot, model, binning, marks)
            with writing() as connection:
                written = _write(connection, model, marks, found)
        done |= written
        counted += len(written)
        at_once = max(1, min(2 * at_once, HOURS_AT_ONCE, len(marks) * BYTES_AT_ONCE // max(found.size, 1)))
    return counted


def _waits(service: Service, name: str, before_hour: int) -> bool:
    """Whether any hour waits: asked without the lock that writing takes."""
    with service.database.read() as connection:
        return summaries.waits(connection, name, before_hour)


def _binning(connection: Connection, model: Model) -> Binning | None:
    """The model's cuts. Before any that were made of rows they must hold every column there is, or there are none."""
    if model.binning_id is None:
        return None
    binning = Binning.from_bytes(references.binning(connection, model.binning_id))
    return binning if model.task is not None or _covers(binning, model.stored.columns) else None


def _make_binning(connection: Connection, model: Model, now: int) -> None:
    if _as_before(connection, model) is not None:
        made = counting.binning_of(model.stored.columns, meaning_of_model(model), [])
        references.add_binning(connection, model.id, made.to_bytes(), now)


def _as_before(connection: Connection, model: Model) -> Model | None:
    """The model as it is now; None where it is gone, or counted in another way."""
    now = models.find(connection, model.name)
    if now is None or (now.id, now.binning_id) != (model.id, model.binning_id):
        return None
    return now if meaning_of_model(now) == meaning_of_model(model) else None


def _covers(binning: Binning, columns: Sequence[StoredColumn]) -> bool:
    wanted = {f"{c.role}.{c.name}" for c in columns if c.role in ("feature", "metric")}
    return wanted <= set(binning.by_name)


@dataclass(frozen=True)
class _Found:
    """What was counted in some hours."""

    rows: list[Summary]
    labels: list[LabelSummary]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(one.data) for one in self.rows) + sum(len(one.data) for one in self.labels)


def _count(service: Service, snapshot: Connection, model: Model, binning: Binning, waiting: Sequence[Dirty]) -> _Found:
    """Count the hours that still have their rows."""
    marks = [mark for mark in waiting if model.rows_since is None or mark.hour >= model.rows_since]
    change, meaning = {mark.hour: mark.change for mark in marks}, meaning_of_model(model)
    full = [mark.hour for mark in marks if not mark.labels_only]
    rows = [
        Summary(version, hour, count, newest, change[hour], data, segment, _without_use(binning, data))
        for start, end in _runs(full)
        for version, segment, hour, count, newest, data in _hours(
            service, snapshot, model, binning, meaning, start, end
        )
        if hour in change
    ]
    predicted, again = Counter[int](), set(full)
    known = summaries.predicted(snapshot, model.id, marks[0].hour, marks[-1].hour + 1) if marks else ()
    now = [(one.hour, one.rows) for one in rows if one.segment == ""]
    for hour, count in [*((hour, count) for _, hour, count in known if hour not in again), *now]:
        predicted[hour] += count
    labels = [
        row
        for part, count in _parts(list(change), predicted)
        for row in _labels(service, snapshot, model, binning, meaning, part, count, change)
    ]
    return _Found(rows, labels)


def _without_use(binning: Binning, data: bytes) -> int:
    """Rows of an hour that have no prediction of any use."""
    return int(without_use(binning, "prediction", decode(binning, data)[0]))


def _write(connection: Connection, model: Model, marks: Sequence[Dirty], found: _Found) -> set[int]:
    """Keep what was counted, unless it no longer holds; the hours of which it does. Rows that went meanwhile leave
    their hour as it was."""
    now = _as_before(connection, model)
    if now is None or now.binning_id is None:
        return set()
    first, last = marks[0].hour, marks[-1].hour
    waiting = {mark.hour: mark for mark in summaries.dirty(connection, now.id, last + 1) if mark.hour >= first}
    good = [mark for mark in marks if (mine := waiting.get(mark.hour)) and mine.labels_only == mark.labels_only]
    hours = [mark.hour for mark in good if now.rows_since is None or mark.hour >= now.rows_since]
    wanted, labels_only = set(hours), {mark.hour for mark in good if mark.labels_only}
    full = [hour for hour in hours if hour not in labels_only]
    rows = (one for one in found.rows if one.hour in wanted)
    labels = (one for one in found.labels if one.hour in wanted)
    summaries.replace(connection, now.id, now.binning_id, full, rows)
    summaries.replace_labels(connection, now.id, now.binning_id, hours, labels)
    summaries.settle(connection, now.id, good)
    return {mark.hour for mark in good}


def _parts(hours: Sequence[int], rows: Mapping[int, int]) -> Iterator[tuple[Sequence[int], int]]:
    """Hours in parts, each of few enough and of few enough ``rows``; and how many these are."""
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
