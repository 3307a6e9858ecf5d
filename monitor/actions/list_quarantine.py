"""A page of the rows that a model rejected."""

from __future__ import annotations

from typing import Any

from monitor.actions import models
from monitor.service import Service
from monitor.store import quarantine


def list_quarantine(
    service: Service, model_name: str, limit: int, before: int | None
) -> tuple[list[dict[str, Any]], bool]:
    """At most ``limit`` rejected rows, newest first, behind the one with key ``before``, and whether there are more.

    Raises NotFound for an unknown model.
    """
    with service.database.read() as connection:
        model = models.get(connection, model_name)
        rows = quarantine.list_page(connection, model.id, limit + 1, before)
    return rows[:limit], len(rows) > limit
