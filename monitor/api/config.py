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
from monitor.errors import Invalid

router = APIRouter()
_PLANS = {"": "", "0": "", "false": "", "no": "", "1": "true", "true": "true", "yes": "true", "alerts": "alerts"}


@router.put("/v1/config", dependencies=[Depends(requires("admin"))])
async def put_config(request: Request) -> Response:
    """Replace the named things in the body, once the orchestrators of its triggers were asked; ``?plan=true`` only says
    what would change; ``?plan=alerts`` also which alerts of the last month would have, which takes minutes."""
    document, service, now = from_object(await json_body(request)), service_of(request), now_of(request)
    wanted = _plan(request)
    act = plan_checked if wanted else apply_checked
    told = (await run_in_threadpool(act, service, document, now, os.environ)).to_json()
    if wanted == "alerts":
        told["alerts"] = await run_in_threadpool(changed_alerts, service, document, now)
    return answer(told)


def _plan(request: Request) -> str:
    """What is only to be said: nothing, ``true`` or ``alerts``. Raises Invalid for anything else: a slip must not
    change a configuration that was only to be looked at."""
    unknown = sorted(set(request.query_params) - {"plan"})
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not known here; there is plan", field=unknown[0])
    wanted = request.query_params.get("plan", "").lower()
    if wanted not in _PLANS:
        raise Invalid("plan is true or alerts", field="plan")
    return _PLANS[wanted]
