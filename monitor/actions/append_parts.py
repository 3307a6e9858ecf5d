"""Rows go to the store in parts: however many a body has, few of them are Python objects at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.store.observations.arriving import ArrivingPredictions
from monitor.store.observations.base import Appended, Observations, StoredModel
from monitor.store.observations.fit import Remarks, fit_part

CELLS = 500_000  # values at once


def append_parts(
    observations: Observations, connection: Any, model: StoredModel, rows: ArrivingPredictions, number: int = 0
) -> tuple[Appended, Remarks, NDArray[np.bool_]]:
    """Fit rows to their model's columns and store them: what became of them, what is to be said, and which rows have
    values that no column could hold, bool [n]. ``number``: that of the first append."""
    appended: list[Appended] = []
    odd: list[NDArray[np.bool_]] = []
    remarks = Remarks()
    for place, part in enumerate(rows.parts(CELLS)):
        batch, more = fit_part(part, model.columns)
        appended.append(observations.append(connection, model, batch, number + place))
        remarks.add(more)
        odd.append(np.asarray(batch.odd.is_valid()))
    return _together(appended), remarks, np.concatenate(odd)


def _together(parts: Sequence[Appended]) -> Appended:
    """What became of the pieces of a batch, stored in their order."""
    if len(parts) == 1:
        return parts[0]
    versions: dict[str, tuple[int, int, int]] = {}
    for version, (rows, first, newest) in (item for part in parts for item in part.versions.items()):
        before = versions.get(version, (0, first, newest))
        versions[version] = (before[0] + rows, min(before[1], first), max(before[2], newest))
    none = np.empty(0, np.int64)
    return Appended(
        accepted=sum(part.accepted for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        hours=np.unique(np.concatenate([none, *(part.hours for part in parts)])),
        conflicting_hours=np.concatenate([none, *(part.conflicting_hours for part in parts)]),
        versions=versions,
        fresh=np.concatenate([np.empty(0, np.bool_), *(part.fresh for part in parts)]),
    )
