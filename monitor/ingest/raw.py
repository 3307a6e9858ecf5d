"""A body read into columns, before anything is asked of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.store.observations.arriving import Reject, SentColumn
from monitor.store.observations.base import Role

Kind = Literal["predictions", "labels", "references"]
FIELDS = ("id", "timestamp", "version", "latency_ms", "error", "label", "features", "segments", "metrics")


@dataclass(frozen=True)
class RawBatch:
    """``positions`` int64 [n] places of the rows in the body; ``fields`` by name out of ``FIELDS`` (of the last three
    only what was no object); ``columns`` by role and name; ``times`` int64 [n] microseconds where the body's own type
    of ``timestamp`` is a time; ``rejects`` rows that could not be read; ``payload(i)`` row i (of n) as sent."""

    positions: NDArray[np.int64]
    fields: dict[str, SentColumn]
    columns: dict[tuple[Role, str], SentColumn]
    payload: Callable[[int], str]
    times: pa.Array | None = None
    rejects: tuple[Reject, ...] = ()
    warnings: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.positions)

    def sent(self, name: str) -> SentColumn:
        """A field, empty if it was not sent."""
        return self.fields.get(name) or SentColumn(len(self))

    def take(self, rows: NDArray[np.int64]) -> RawBatch:
        """Some of the rows."""
        index = pa.array(rows)
        return replace(
            self,
            positions=self.positions[rows],
            fields={name: sent.take(index) for name, sent in self.fields.items()},
            columns={key: sent.take(index) for key, sent in self.columns.items()},
            times=None if self.times is None else self.times.take(index),
            payload=lambda row: self.payload(int(rows[row])),
        )
