"""The configuration over HTTP."""

from __future__ import annotations

import os

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions.apply_checked import apply_checked, plan_checked
from monitor.actions.backtest import changed_alerts
from monitor.api.access import requires
from monitor.api.wire import answer, json_body, now_of, service_of
from monitor.config.reading import from_object

router = APIRouter()


@router.put("/v1/config", dependencies=[Depends(requires("admin"))])
async def put_config(request: Request) -> Response:
    """Replace the named things in the body, once the orchestrators of its triggers were asked; ``?plan=true`` only says
    what would change; ``?plan=alerts`` also which alerts of the last month would have, which takes minutes."""
    document, service, now = from_object(await json_body(request)), service_of(request), now_of(request)
    wanted = request.query_params.get("plan", "").lower()
    act = plan_checked if wanted in ("1", "true", "yes", "alerts") else apply_checked
    told = (await run_in_threadpool(act, service, document, now, os.environ)).to_json()
    if wanted == "alerts":
        told["alerts"] = await run_in_threadpool(changed_alerts, service, document, now)
    return answer(told)
