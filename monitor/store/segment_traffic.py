"""Rows of segments by hour, and what their readings told when windows were new."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, case, func, select

from monitor import clock
from monitor.store.readings import MONTH
from monitor.store.tables import readings, summaries

Hour = tuple[int, int]  # hour since 1970, rows


def rows_by_hour(
    connection: Connection, model_id: int, binning_id: int, start: int, end: int, segments: Collection[str]
) -> dict[str, list[Hour]]:
    """Of each of these segments ('' is the whole) the hours [start, end) that have rows, in order."""
    t = summaries.c
    mine = (t.model_id == model_id, t.binning_id == binning_id, t.hour >= start, t.hour < end)
    query = select(t.segment, t.hour, func.sum(t.rows)).where(*mine, t.segment.in_(segments))
    found: dict[str, list[Hour]] = {}
    for segment, hour, rows in connection.execute(query.group_by(t.segment, t.hour).order_by(t.segment, t.hour)):
        found.setdefault(segment, []).append((int(hour), int(rows)))
    return found


def seen_when_new(
    connection: Connection, model_id: int, check: str, hours: int, stride: int, end: int, segments: Sequence[str]
) -> dict[str, list[tuple[int, int, bool]]]:
    """Of each segment its windows of so many hours that ended in the 30 days before ``end``, oldest first, as they were
    before the next one ended: end (microseconds), the most rows that a number was measured on, and whether any could be
    told."""
    t = readings.c
    mine = (t.model_id == model_id, t.check_name == check, t.window_end >= end - MONTH, t.window_end < end)
    new = (t.window_start == t.window_end - hours * clock.HOUR, t.as_of < t.window_end + stride * clock.HOUR)
    told = func.max(case((t.verdict.in_(("ok", "warning", "critical")), 1), else_=0))
    query = select(t.segment, t.window_end, func.max(t.n_current), told).where(*mine, *new, t.segment.in_(segments))
    found: dict[str, list[tuple[int, int, bool]]] = {}
    for segment, at, rows, any_told in connection.execute(
        query.group_by(t.segment, t.window_end).order_by(t.segment, t.window_end)
    ):
        found.setdefault(segment, []).append((int(at), int(rows or 0), bool(any_told)))
    return found
