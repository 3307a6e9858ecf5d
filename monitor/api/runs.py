"""Run the checks now, or as of a moment."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from alerting.reading import to_json
from monitor import clock
from monitor.actions.describe import default_as_of
from monitor.actions.run_checks import run_checks
from monitor.api.access import requires
from monitor.api.wire import answer, json_object, moment, now_of, service_of
from monitor.errors import Invalid

router = APIRouter()


@router.post("/v1/models/{model}/runs", dependencies=[Depends(requires("admin"))])
async def post_run(model: str, request: Request) -> Response:
    """Measure, for each check and length, the newest window complete at as_of."""
    body = await json_object(request)
    unknown = sorted(set(body) - {"as_of", "checks", "deliver"})
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not known here; there are as_of, checks, deliver", field=unknown[0])
    checks, deliver = _checks(body), body.get("deliver", True)
    if not isinstance(deliver, bool):
        raise Invalid("deliver must be true or false", field="deliver")
    service, now = service_of(request), now_of(request)
    as_of = moment(body.get("as_of"), "as_of")
    if as_of is None:
        as_of = await run_in_threadpool(default_as_of, service, model, now)
    run = await run_in_threadpool(run_checks, service, model, as_of, now=now, checks=checks, deliver=deliver)
    found = [to_json(reading) for reading in run.readings]
    return answer({"as_of": clock.render(run.as_of), "readings": found, "alerts": list(run.alerts)})


def _checks(body: dict[str, Any]) -> list[str] | None:
    names = body.get("checks")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid("checks must be a list of names", field="checks")
    return names
