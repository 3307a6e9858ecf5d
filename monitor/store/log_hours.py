"""Which hours of a model's log have rows."""

from __future__ import annotations

from sqlalchemy import Connection, select

from monitor.store.tables import summaries


def of_version(
    connection: Connection, model_id: int, binning_id: int, version: str | None, start: int, most: int
) -> list[int]:
    """The first ``most`` hours from ``start`` on of which a version's rows (None: any) are counted on these cuts, in
    order. The summaries' index alone answers that."""
    t = summaries.c
    query = select(t.hour).where(t.model_id == model_id, t.hour >= start, t.segment == "", t.binning_id == binning_id)
    if version is not None:
        query = query.where(t.version == version)
    return list(connection.execute(query.distinct().order_by(t.hour).limit(most)).scalars())
