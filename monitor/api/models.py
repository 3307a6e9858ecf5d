"""Models: the list, one of them, its settings, health and distributions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions import models as known_models
from monitor.actions.describe_model import describe_model, listed_model
from monitor.actions.distributions import distributions
from monitor.actions.erase import delete_model
from monitor.actions.patch_model import patch_model
from monitor.actions.storage import storage_of
from monitor.api.access import requires
from monitor.api.paths import TEXT
from monitor.api.wire import answer, json_object, limit_of, moment, now_of, page, service_of
from monitor.store import models

router = APIRouter()
reads = [Depends(requires("read"))]


@router.get("/v1/models", dependencies=reads)
def get_models(request: Request) -> Response:
    """Every model, by name."""
    limit = limit_of(request.query_params.get("limit"))
    service, now = service_of(request), now_of(request)
    with service.database.read() as connection:
        found = models.list_page(connection, limit + 1, request.query_params.get("cursor", ""))
        items = [listed_model(service, connection, model, now) for model in found[:limit]]
    return answer(page(items, found[limit - 1].name if len(found) > limit else None))


@router.get("/v1/models/{model}", dependencies=reads)
def get_model(model: str, request: Request) -> Response:
    """One model."""
    service = service_of(request)
    with service.database.read() as connection:
        return answer(describe_model(service, connection, known_models.get(connection, model), now_of(request)))


@router.patch("/v1/models/{model}", dependencies=[Depends(requires("admin"))])
async def change_model(model: str, request: Request) -> Response:
    """Change settings of a model by the names that reading it shows."""
    body: dict[str, Any] = await json_object(request)
    service, now = service_of(request), now_of(request)
    return answer(await run_in_threadpool(patch_model, service.database, model, body, now))


@router.get("/v1/models/{model}/storage", dependencies=reads)
def get_storage(model: str, request: Request) -> Response:
    """What the model takes in the store."""
    return answer(storage_of(service_of(request), model))


@router.delete("/v1/models/{model}", dependencies=[Depends(requires("admin"))])
def remove_model(model: str, request: Request) -> Response:
    """Delete a model with all that is stored of it."""
    return answer(delete_model(service_of(request), model, now_of(request)))


@router.get(f"/v1/models/{{model}}/distributions/{{feature:{TEXT}}}", dependencies=reads)
def get_distributions(model: str, feature: str, request: Request) -> Response:
    """Counts of reference and window, and every distance of the two."""
    given = request.query_params
    found = distributions(
        service_of(request),
        model,
        feature,
        now=now_of(request),
        start=moment(given.get("start"), "start"),
        end=moment(given.get("end"), "end"),
        version=given.get("version"),
        segment=given.get("segment"),
    )
    return answer(found)
