"""Post labels."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from monitor.api.access import requires
from monitor.api.posting import answer_to

router = APIRouter()


@router.post("/v1/models/{model}/labels", dependencies=[Depends(requires("ingest"))])
async def post(model: str, request: Request) -> Response:
    """Store labels, new ones and corrections: the same bodies as predictions."""
    return await answer_to(request, model, "labels")
