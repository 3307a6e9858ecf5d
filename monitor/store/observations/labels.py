"""Storing labels: every revision is kept, in order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import Appended, LabelBatch, StoredModel
from monitor.store.observations.dialect import Dialect
from monitor.store.observations.schema import labels_table


def append_labels(connection: Any, dialect: Dialect, model: StoredModel, batch: LabelBatch, arrived: int) -> Appended:
    """Keep labels; see ``Observations.append_labels``."""
    length = len(batch.ids)
    if not length:
        return Appended(0, 0, np.empty(0, np.int64))
    known, labels, row = dialect.known(model), labels_table(model), dialect.arrival
    with dialect.cursor(connection) as at:
        staged = _stage(at, dialect, batch)
        before = _last(at, labels, row)
        accepted = _insert(at, dialect, labels, staged, arrived)
        # Both ends are named: a planner that knows nothing of a column takes what is open for a third of the table.
        mine, ends = f"l.{row} > ? AND l.{row} <= ?", (before, _last(at, labels, row))
        at.execute(
            f"SELECT DISTINCT p.ts / {HOUR} FROM {labels} l JOIN {known} p ON p.id = l.id WHERE {mine} ORDER BY 1",
            ends,
        )
        touched = np.array([hour for (hour,) in at.fetchall()], np.int64)
        met = f"SELECT 1 FROM {known} p WHERE p.id = s.id"
        at.execute(f"SELECT s.place FROM {staged} s WHERE NOT EXISTS ({met})")
        matched = ~_among(length, [place for (place,) in at.fetchall()])
        fresh = _fresh(at, labels, staged, row, mine, ends) if 0 < accepted < length else range(accepted)
    return Appended(
        accepted,
        length - accepted,
        touched,
        unmatched=length - int(matched.sum()),
        fresh=_among(length, fresh),
        matched=matched,
    )


def _fresh(at: Any, labels: str, staged: str, row: str, mine: str, ends: tuple[int, int]) -> list[int]:
    """Places of the labels that went in: the first of those that say the same."""
    at.execute(
        f"SELECT min(s.place) FROM {labels} l JOIN {staged} s ON s.id = l.id AND s.ts = l.ts AND s.value = l.value"
        f" WHERE {mine} GROUP BY l.{row}",
        ends,
    )
    return [place for (place,) in at.fetchall()]


def _among(length: int, places: Sequence[int]) -> NDArray[np.bool_]:
    """Marks at those places."""
    marks = np.zeros(length, np.bool_)
    marks[np.array(places, np.int64)] = True
    return marks


def _last(at: Any, labels: str, row: str) -> int:
    at.execute(f"SELECT coalesce(max({row}), 0) FROM {labels}")
    return int(at.fetchone()[0])


def _stage(at: Any, dialect: Dialect, batch: LabelBatch) -> str:
    columns = {
        "id": batch.ids,
        "ts": batch.timestamps,
        "value": batch.labels,
        "kind": batch.kinds,
        "defaulted": batch.defaulted.astype(np.int64),
    }
    return dialect.stage(at, "staged", list(columns.items()))


def _insert(at: Any, dialect: Dialect, labels: str, staged: str, arrived: int) -> int:
    """How many labels went in. One without a time of its own that repeats the newest value known adds nothing: a body
    sent again is harmless also then."""
    at.execute(
        f"INSERT INTO {labels} (id, ts, value, kind, arrived) SELECT s.id, s.ts, s.value, s.kind, ?"
        f" FROM {staged} s WHERE s.defaulted = 0 OR s.value {dialect.differs}"
        f" (SELECT l.value FROM {labels} l WHERE l.id = s.id ORDER BY l.ts DESC, l.{dialect.arrival} DESC LIMIT 1)"
        " ORDER BY s.place ON CONFLICT DO NOTHING",
        (arrived,),
    )
    return int(at.rowcount)
