"""Post predictions; look one up."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from monitor import clock
from monitor.actions.erase import erase_prediction
from monitor.actions.find_prediction import find_prediction
from monitor.api.access import requires
from monitor.api.paths import TEXT
from monitor.api.posting import answer_to
from monitor.api.wire import answer, now_of, service_of

router = APIRouter()


@router.post("/v1/models/{model}/predictions", dependencies=[Depends(requires("ingest"))])
async def post(model: str, request: Request) -> Response:
    """Store predictions: one record, a list, NDJSON, Arrow, Parquet or CSV."""
    return await answer_to(request, model, "predictions")


@router.get(f"/v1/models/{{model}}/predictions/{{prediction_id:{TEXT}}}", dependencies=[Depends(requires("read"))])
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


@router.delete(f"/v1/models/{{model}}/predictions/{{prediction_id:{TEXT}}}", dependencies=[Depends(requires("admin"))])
def erase(model: str, prediction_id: str, request: Request) -> Response:
    """Erase one prediction, its labels and rejected rows of its id."""
    return answer(erase_prediction(service_of(request), model, prediction_id, now_of(request)))
