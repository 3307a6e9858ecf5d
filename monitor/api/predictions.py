"""Post predictions; look one up."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor import clock
from monitor.actions.erase import erase_prediction
from monitor.actions.find_prediction import find_prediction
from monitor.actions.record_predictions import record_predictions
from monitor.api.access import requires
from monitor.api.bodies import body_of
from monitor.api.wire import answer, now_of, service_of
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service

router = APIRouter()


@router.post("/v1/models/{model}/predictions", dependencies=[Depends(requires("ingest"))])
async def post(model: str, request: Request) -> Response:
    """Store predictions: one record, a list, NDJSON, Arrow, Parquet or CSV."""
    service, now, headers = service_of(request), now_of(request), dict(request.headers)
    async with body_of(request) as body:
        told = await run_in_threadpool(_store, service, model, body, headers, now)
    return answer(told, 422 if "error" in told else 200)


def _store(service: Service, model: str, body: bytes, headers: dict[str, str], now: int) -> dict[str, Any]:
    kind, encoding = headers.get("content-type"), headers.get("content-encoding")
    raw = decode(body, kind, encoding, "predictions", service.settings.max_body)
    return record_predictions(service, model, conform.predictions(raw, now), now)


@router.get("/v1/models/{model}/predictions/{prediction_id:path}", dependencies=[Depends(requires("read"))])
def get(model: str, prediction_id: str, request: Request) -> Response:
    """One prediction as stored, mismatched values as sent, with its labels."""
    found = find_prediction(service_of(request), model, prediction_id)
    labels = [
        {
            "label": label["label"],
            "timestamp": clock.render(label["timestamp"]),
            "arrived_at": clock.render(label["arrived"]),
        }
        for label in found["labels"]
    ]
    return answer({**found, "timestamp": clock.render(found["timestamp"]), "labels": labels})


@router.delete("/v1/models/{model}/predictions/{prediction_id:path}", dependencies=[Depends(requires("admin"))])
def erase(model: str, prediction_id: str, request: Request) -> Response:
    """Erase one prediction, its labels and rejected rows of its id."""
    return answer(erase_prediction(service_of(request), model, prediction_id))
