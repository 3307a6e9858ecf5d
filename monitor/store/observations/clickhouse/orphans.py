"""Labels whose prediction is not known yet wait apart; when it comes they get its hour."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import StoredModel
from monitor.store.observations.clickhouse import ids
from monitor.store.observations.clickhouse.engine import Engine
from monitor.store.observations.clickhouse.schema import LABELS, ORPHANS, WEEK, each_once, table

REVISION = pa.schema(
    [
        ("id", pa.string()),
        ("ts", pa.int64()),
        ("value", pa.string()),
        ("kind", pa.string()),
        ("arrived", pa.int64()),
        ("batch", pa.int64()),
        ("place", pa.uint32()),
    ]
)


def there_are(engine: Engine, model: StoredModel) -> bool:
    """Whether any label waits, or did."""
    return not engine.is_empty(table(ORPHANS, model))


def of(engine: Engine, model: StoredModel, wanted: pa.Array) -> pa.Table:
    """Revisions that wait for these ids."""
    if not len(wanted) or not there_are(engine, model):
        return REVISION.empty_table()
    found = pa.concat_tables(
        engine.rows(
            f"SELECT {','.join(REVISION.names)} FROM {each_once(ORPHANS, model)} WHERE {ids.of_hashes(some)}",
            REVISION,
        )
        for some in ids.parts(wanted)
    )
    return found.filter(pc.is_in(found["id"], value_set=wanted))


def adopt(engine: Engine, model: StoredModel, fresh: pa.Array, times: NDArray[np.int64], token: str) -> None:
    """Put the revisions that waited for these predictions (``fresh`` ids [n], ``times`` int64 [n]) among the labels.
    They stay where they waited, too: who asks leaves out ids that are known. Doing it again changes nothing."""
    waited = of(engine, model, fresh)
    if len(waited):
        hours = times[pc.index_in(waited["id"], value_set=fresh).to_numpy()] // HOUR
        engine.insert(table(LABELS, model), with_hours(waited, hours), token)


def with_hours(rows: pa.Table, hours: NDArray[np.int64]) -> pa.Table:
    """Revisions with the hour and week of their predictions."""
    rows = rows.append_column("hour", pa.array(hours.astype(np.int32)))
    return rows.append_column("week", pa.array((hours // WEEK).astype(np.int32)))
