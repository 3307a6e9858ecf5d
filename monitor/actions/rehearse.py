"""A copy of one model in a store of its own, in which the schedule may be run as it might have been: with another
configuration, or over rows that drift. Nobody is told, and the copy is gone afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.move_model import batch_of
from monitor.actions.scratch import scratch
from monitor.service import Service
from monitor.store import config, locks, models, moving, quiet
from monitor.store.database import Connection
from monitor.store.models import Model

ROWS_BEFORE = 28 * clock.DAY  # serving compares with the last four weeks

Change = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Changes:
    """What becomes of rows from ``start`` on (microseconds): tables as the store reads them, and their labels as
    ``labels_of`` gives them."""

    start: int
    predictions: Change
    labels: Change


@contextlib.contextmanager
def rehearsal(service: Service, name: str, start: int, end: int, changes: Changes | None = None) -> Iterator[Service]:
    """A service on a copy of the model as the schedule needs it in (start, end], microseconds; ended with the block.

    Raises NotFound for an unknown model.
    """
    if service.elsewhere is None:
        raise RuntimeError("this service was not built by monitor.bootstrap")
    with scratch(service.settings.home) as folder:
        made = service.elsewhere(folder)
        try:
            with (
                service.database.read() as source,
                made.database.write(locks.HOUSE, locks.model(name), locks.posts(name)) as target,
            ):
                _copy(service, source, made, target, name, (start - ROWS_BEFORE, end), changes)
            yield made
        finally:
            made.close()


def _copy(
    service: Service,
    source: Connection,
    made: Service,
    target: Connection,
    name: str,
    span: tuple[int, int],
    changes: Changes | None,
) -> None:
    there = known_models.get(source, name)
    row = moving.model_row(source, there.id)
    number = moving.put_model(target, name, row)
    numbers: moving.Numbers = {}
    for table in moving.GIVEN:  # what was found out and told is found out anew
        for part in moving.parts(source, table, there.id):
            moving.put(target, table, part, number, numbers)
    started = -(-(span[0] + ROWS_BEFORE) // clock.DAY)
    for part in moving.parts(source, "daily_worst", there.id, *quiet.before(started)):
        moving.put(target, "daily_worst", part, number, numbers)  # what quiet weeks taught a short reference till then
    if row["binning_id"] is not None:
        moving.set_cuts(target, number, numbers["binnings", row["binning_id"]])
    for kind in ("channel", "trigger", "setting"):
        for one, data in config.objects(source, kind).items():
            config.put(target, kind, one, data)
    _copy_rows(service, source, there, made, target, known_models.get(target, name), span, changes)


def _copy_rows(
    service: Service,
    source: Connection,
    there: Model,
    made: Service,
    target: Connection,
    here: Model,
    span: tuple[int, int],
    changes: Changes | None,
) -> None:
    made.observations.ensure_model(target, here.stored)
    hours = (span[0] // clock.HOUR, -(-span[1] // clock.HOUR))
    for part in service.observations.read(source, there.stored, *hours, there.columns):
        table, mine = _changed(part, changes)
        made.observations.append(target, here.stored, batch_of(here, table), 0)
        if changes is not None and pc.any(mine).as_py():
            struck = pc.unique(part["hour"].filter(mine)).to_pylist()
            models.mark_dirty(target, here.id, struck, models.bump_change(target, here.id), labels_only=False)
    for labels in service.observations.labels_of(source, there.stored):
        times = made.observations.times_of(target, here.stored, labels["id"].combine_chunks())
        mine = labels.filter(times.is_valid())
        if changes is not None:
            hit = pc.greater_equal(times.drop_null(), changes.start)
            mine = pa.concat_tables([mine.filter(pc.invert(hit)), changes.labels(mine.filter(hit))])
        made.observations.restore_labels(target, here.stored, mine, 0)


def _changed(part: pa.Table, changes: Changes | None) -> tuple[pa.Table, pa.ChunkedArray]:
    """The rows, those from the start of the changes on changed, in their order by then; and which of ``part`` are."""
    start = 2**62 if changes is None else changes.start
    mine = pc.greater_equal(part["timestamp"], start)
    if changes is None or not pc.any(mine).as_py():
        return part, mine
    return pa.concat_tables([part.filter(pc.invert(mine)), changes.predictions(part.filter(mine))]), mine
