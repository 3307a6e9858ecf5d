"""Whose rows a window holds: of references mixed by model version, what part each has in a stretch, and in an hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.profile import MixedReference, Reference, mix
from detectors.shares.cells import Cells
from detectors.summary import HourlySummaries, WindowCounts, window

Array = NDArray[np.float64]


def is_told_apart(reference: Reference) -> bool:
    """Whether it is mixed, and the hours of the rows that are compared with each part are known."""
    if not isinstance(reference, MixedReference) or not reference.seen:
        return False
    return all(one.hourly is not None for one in reference.seen)


def of_last(reference: Reference, hours: int) -> Reference:
    """What the last hours of the window are compared with: mixed in their own shares."""
    if not isinstance(reference, MixedReference) or not is_told_apart(reference):
        return reference
    last = [window(_hourly(one), one.end_hour - hours, one.end_hour) for one in reference.seen]
    if not any(one.rows for one in last):
        return reference
    return mix(reference.profiles, [float(one.rows) for one in last], last)


def weights(reference: Reference, hours: int) -> list[float]:
    """Of each part, in the last hours of the window; of the whole window where nothing is known of hours, or these have
    no rows."""
    if isinstance(reference, MixedReference) and is_told_apart(reference):
        rows = [float(_last_rows(one, hours)[:, 0].sum()) for one in reference.seen]
        if any(rows):
            return rows
    return [weight for _, weight in reference.parts]


def column_rows(cells: Cells, reference: Reference, first: int, end: int) -> Array | None:
    """Rows with a value, of each column in the hours ``first`` to ``end``, that are compared with each part,
    [K, H, F]: none of a part that lacks the column where another has it. None where that is not known."""
    if not isinstance(reference, MixedReference) or not is_told_apart(reference):
        return None
    found = np.zeros((len(reference.seen), end - first, len(cells.sizes)))
    for place, one in enumerate(reference.seen):
        hourly = _hourly(one)
        known = slice(*np.searchsorted(hourly.hours, [first, end]))
        found[place, hourly.hours[known] - first] = cells.count(hourly.counts[known])[1]
    has = has_column(cells, reference)
    found *= has[:, None]
    return found


def has_column(cells: Cells, reference: Reference) -> Array:
    """1 where a part has rows of a column, or none of them has, [K, F]."""
    rows = np.stack([cells.count(profile.total)[1] for profile, _ in reference.parts])
    return np.where(rows.any(axis=0), rows > 0, True).astype(np.float64)


def spread_over_parts(cells: Cells, reference: Reference, first: int, rows: Array) -> Array | None:
    """``rows`` [H, F] of the hours from ``first`` on, divided between the parts, [K, H, F]. What is compared with none
    (a version without a reference, a column that its reference lacks) goes as the rest of its hour does, or of all."""
    found = column_rows(cells, reference, first, first + len(rows))
    if found is None:
        return None
    given = np.array([weight for _, weight in reference.parts])[:, None] * has_column(cells, reference)
    total = found.sum(axis=1)
    total = np.where(total.any(axis=0), total, given)[:, None]
    found = np.where(found.any(axis=0), found, total)
    parts: Array = found / found.sum(axis=0) * rows
    return parts


def _last_rows(one: WindowCounts, hours: int) -> NDArray[np.int64]:
    hourly = _hourly(one)
    return hourly.counts[slice(*np.searchsorted(hourly.hours, [one.end_hour - hours, one.end_hour]))]


def _hourly(one: WindowCounts) -> HourlySummaries:
    assert one.hourly is not None
    return one.hourly
