"""Which of a reading's revisions is known best."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, func, select

from monitor.store.tables import readings

_t = readings.c
SERIES = (_t.check_name, _t.kind, _t.metric, _t.feature, _t.segment, _t.version, _t.window_start, _t.window_end)


def newest(*conditions: ColumnElement[bool], among: FromClause = readings) -> Select[Any]:
    """Ids of the newest knowledge of each series and window, of one model's readings that meet the conditions. What
    they say is then looked up for these alone: a window that was measured a hundred times has a hundred of each."""
    order = (_t.as_of.desc(), _t.revision.desc())
    place = func.row_number().over(partition_by=SERIES, order_by=order).label("place")
    ranked = select(_t.id, place).select_from(among).where(*conditions).subquery()
    return select(ranked.c.id).where(ranked.c.place == 1)
