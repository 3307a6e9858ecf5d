"""Storing labels: every revision is kept, in order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations import sqlite
from monitor.store.observations.base import Appended, LabelBatch, StoredModel
from monitor.store.observations.schema import labels_table, predictions_table

_STAGED = ("id", "ts", "value", "kind", "defaulted")


def append_labels(connection: Any, model: StoredModel, batch: LabelBatch, arrived: int) -> Appended:
    """Keep labels; see ``Observations.append_labels``."""
    length = len(batch.ids)
    if not length:
        return Appended(0, 0, np.empty(0, np.int64))
    predictions, labels = predictions_table(model), labels_table(model)
    with sqlite.cursor(connection) as at:
        _stage(at, batch)
        before = sqlite.newest_row(at, labels)
        _insert(at, labels, arrived)
        accepted = int(at.execute(f"SELECT count(*) FROM {labels} WHERE rowid > ?", (before,)).fetchone()[0])
        hours = at.execute(
            f"SELECT DISTINCT p.ts / {HOUR} FROM {labels} l JOIN {predictions} p ON p.id = l.id"
            " WHERE l.rowid > ? ORDER BY 1",
            (before,),
        ).fetchall()
        alone = at.execute(
            f"SELECT s.rowid FROM temp.staged s WHERE NOT EXISTS (SELECT 1 FROM {predictions} p WHERE p.id = s.id)"
        ).fetchall()
        fresh = _fresh(at, labels, before) if 0 < accepted < length else range(1, accepted + 1)
        at.execute("DROP TABLE temp.staged")
    touched = np.array([row[0] for row in hours], np.int64)
    matched = ~_among(length, [row[0] for row in alone])
    return Appended(
        accepted,
        length - accepted,
        touched,
        unmatched=len(alone),
        fresh=_among(length, fresh),
        matched=matched,
    )


def _fresh(at: Any, labels: str, before: int) -> list[int]:
    """Rows of the staged labels that went in: the first of those that say the same."""
    at.execute(
        f"SELECT min(s.rowid) FROM {labels} l JOIN temp.staged s ON s.id = l.id AND s.ts = l.ts AND s.value = l.value"
        " WHERE l.rowid > ? GROUP BY l.rowid",
        (before,),
    )
    return [row[0] for row in at.fetchall()]


def _among(length: int, rows: Sequence[int]) -> NDArray[np.bool_]:
    """Marks at those rows, which count from 1."""
    marks = np.zeros(length, np.bool_)
    marks[np.array(rows, np.int64) - 1] = True
    return marks


def _stage(at: Any, batch: LabelBatch) -> None:
    at.execute("DROP TABLE IF EXISTS temp.staged")
    at.execute("CREATE TEMP TABLE staged (id TEXT, ts BIGINT, value TEXT, kind TEXT, defaulted INTEGER)")
    columns = (batch.ids, batch.timestamps, batch.labels, batch.kinds, batch.defaulted.astype(np.int64))
    sqlite.insert(at, "temp.staged", _STAGED, [sqlite.bindable(values) for values in columns])


def _insert(at: Any, labels: str, arrived: int) -> None:
    """A label without a time of its own that repeats the newest value known adds nothing: a body sent again is
    harmless also then."""
    at.execute(
        f"{sqlite.INSERT} {labels} (id, ts, value, kind, arrived) SELECT s.id, s.ts, s.value, s.kind, ?"
        f" FROM temp.staged s WHERE NOT s.defaulted OR s.value {sqlite.DIFFERS}"
        f" (SELECT l.value FROM {labels} l WHERE l.id = s.id ORDER BY l.ts DESC, l.rowid DESC LIMIT 1)"
        " ORDER BY s.rowid",
        (arrived,),
    )
