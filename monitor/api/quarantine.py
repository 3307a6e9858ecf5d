"""Rejected rows, newest first."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from monitor import clock
from monitor.actions.list_quarantine import list_quarantine
from monitor.api.access import requires
from monitor.api.wire import answer, limit_of, number_cursor, page, service_of

router = APIRouter()


@router.get("/v1/models/{model}/quarantine", dependencies=[Depends(requires("read"))])
def get(model: str, request: Request, limit: str | None = None, cursor: str | None = None) -> Response:
    """A page of rows that were rejected, each as sent, with the reason."""
    before = number_cursor(cursor) or None
    rows, more = list_quarantine(service_of(request), model, limit_of(limit), before)
    return answer(page([_item(row) for row in rows], rows[-1]["key"] if more else None))


def _item(row: dict[str, Any]) -> dict[str, Any]:
    item = {key: value for key, value in row.items() if key != "key"}
    return {**item, "arrived_at": clock.render(row["arrived_at"])}
