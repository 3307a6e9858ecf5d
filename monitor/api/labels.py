"""Post labels."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions.record_labels import record_labels
from monitor.api.access import requires
from monitor.api.bodies import body_of
from monitor.api.wire import answer, now_of, service_of
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service

router = APIRouter()


@router.post("/v1/models/{model}/labels", dependencies=[Depends(requires("ingest"))])
async def post(model: str, request: Request) -> Response:
    """Store labels, new ones and corrections: the same bodies as predictions."""
    service, now, headers = service_of(request), now_of(request), dict(request.headers)
    async with body_of(request) as body:
        told = await run_in_threadpool(_store, service, model, body, headers, now)
    return answer(told, 422 if "error" in told else 200)


def _store(service: Service, model: str, body: bytes, headers: dict[str, str], now: int) -> dict[str, Any]:
    kind, encoding = headers.get("content-type"), headers.get("content-encoding")
    raw = decode(body, kind, encoding, "labels", service.settings.max_body)
    return record_labels(service, model, conform.labels(raw, now), now)
