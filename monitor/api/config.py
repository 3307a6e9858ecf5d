"""The configuration over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions import apply_config
from monitor.actions.backtest import changed_alerts
from monitor.api.access import requires
from monitor.api.wire import answer, json_body, now_of, service_of
from monitor.config.reading import from_object

router = APIRouter()


@router.put("/v1/config", dependencies=[Depends(requires("admin"))])
async def put_config(request: Request) -> Response:
    """Replace the named things in the body; ``?plan=true`` only says what would change; ``?plan=alerts``
    also which alerts of the last month would have, which takes minutes."""
    document = from_object(await json_body(request))
    database = service_of(request).database
    wanted = request.query_params.get("plan", "").lower()
    if wanted in ("1", "true", "yes", "alerts"):
        changes = await run_in_threadpool(apply_config.plan, database, document)
        told: dict[str, Any] = {"version": None, "changes": [change.to_json() for change in changes]}
        if wanted == "alerts":
            now = now_of(request)
            told["alerts"] = await run_in_threadpool(changed_alerts, service_of(request), document, now)
        return answer(told)
    version, changes = await run_in_threadpool(apply_config.apply, database, document, now_of(request))
    return answer({"version": version, "changes": [change.to_json() for change in changes]})
