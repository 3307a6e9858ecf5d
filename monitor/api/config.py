"""The configuration over HTTP."""

from __future__ import annotations

import os

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions.apply_checked import apply_checked, plan_checked
from monitor.api.access import requires
from monitor.api.wire import answer, json_body, now_of, service_of
from monitor.config.reading import from_object

router = APIRouter()


@router.put("/v1/config", dependencies=[Depends(requires("admin"))])
async def put_config(request: Request) -> Response:
    """Replace the named things in the body; ``?plan=true`` only says what would change. Triggers are tried before."""
    document = from_object(await json_body(request))
    planned = request.query_params.get("plan", "").lower() in ("1", "true", "yes")
    act = plan_checked if planned else apply_checked
    done = await run_in_threadpool(act, service_of(request), document, now_of(request), os.environ)
    return answer(done.to_json())
