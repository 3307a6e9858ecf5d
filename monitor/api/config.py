"""The configuration over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions import apply_config
from monitor.api.access import requires
from monitor.api.wire import answer, json_body, now_of, service_of
from monitor.config.reading import from_object

router = APIRouter()


@router.put("/v1/config", dependencies=[Depends(requires("admin"))])
async def put_config(request: Request) -> Response:
    """Replace the named things in the body; ``?plan=true`` only says what would change."""
    document = from_object(await json_body(request))
    database = service_of(request).database
    if request.query_params.get("plan", "").lower() in ("1", "true", "yes"):
        changes = await run_in_threadpool(apply_config.plan, database, document)
        return answer({"version": None, "changes": [change.to_json() for change in changes]})
    version, changes = await run_in_threadpool(apply_config.apply, database, document, now_of(request))
    return answer({"version": version, "changes": [change.to_json() for change in changes]})
