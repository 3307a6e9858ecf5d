"""Cuts of a model that has no reference, for checks that compare it with its own last weeks: made of its own rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.models import settings_of
from monitor.actions.prepare_reference import cut, is_configured_otherwise
from monitor.config.document import Trailing
from monitor.config.inventory import checks_of
from monitor.service import Service
from monitor.store.database import Connection
from monitor.store.models import Model

MOST_HOURS = 336  # that are read, spread over all there are
MOST_ROWS = 100_000


def needs_own_cuts(frame: Frame | None, model: Model, as_of: int) -> bool:
    """Whether a model without a reference has checks that need none, enough rows for their first window, and no cuts of
    its rows that hold all its columns."""
    if model.first_reference_at is not None or not _has_a_window(model, as_of):
        return False
    if frame is None or model.task is None or is_configured_otherwise(model, frame.binning):
        return True
    held = frame.binning.by_name
    return any(f"feature.{one.name}" not in held for one in model.columns if one.role == "feature")


def make_own_cuts(service: Service, connection: Connection, model: Model, as_of: int, now: int) -> None:
    """New cuts of the model's rows before as_of: at most 100,000, of at most 336 hours, spread evenly."""
    parts = list(_rows(service, connection, model, as_of // clock.HOUR))
    if parts:
        cut(service, connection, model, [pa.concat_tables(parts)], now)


def _has_a_window(model: Model, as_of: int) -> bool:
    """Whether a window of the model's checks has rows in the stretch before it."""
    needed = [
        min(check.lengths) * clock.HOUR + clock.parse_duration(check.reference.gap)
        for check in checks_of(settings_of(model), has_reference=False)
        if isinstance(check.reference, Trailing)
    ]
    oldest = model.oldest_prediction
    return bool(needed) and oldest is not None and as_of - oldest >= min(needed)


def _rows(service: Service, connection: Connection, model: Model, end: int) -> Iterator[pa.Table]:
    assert model.oldest_prediction is not None
    start = model.oldest_prediction // clock.HOUR
    hours = np.unique(np.linspace(start, end - 1, min(MOST_HOURS, end - start)).astype(np.int64))
    step = max(1, -(-model.n_predictions // MOST_ROWS))
    for hour in hours.tolist():
        for table in service.observations.read(connection, model.stored, hour, hour + 1, model.columns):
            some = table.take(pa.array(np.arange(0, table.num_rows, step)))
            yield some.append_column("label", pa.nulls(some.num_rows, pa.string()))
