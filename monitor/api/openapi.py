"""The description of the API for other programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from monitor.api.access import requires
from monitor.api.wire import answer

router = APIRouter()


@router.get("/openapi.json", dependencies=[Depends(requires("read"))], include_in_schema=False)
def openapi(request: Request) -> Response:
    """OpenAPI 3.1, made from the routes."""
    return answer(request.app.openapi())
