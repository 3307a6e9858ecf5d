"""Where an orchestrator reports on a retraining run; the run's own token is always needed."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions.approve_retraining import approve, deny
from monitor.actions.report_retraining import report_retraining
from monitor.api.access import OPEN, requires
from monitor.api.authors import said_by
from monitor.api.wire import answer, json_object, now_of, service_of

router = APIRouter()


@router.post("/v1/trigger-runs/{run_id}", dependencies=[Depends(requires(OPEN))])
async def post_trigger_run(run_id: str, request: Request) -> Response:
    """``{"status": "running|succeeded|failed", "external_id"?, "url"?, "message"?, "version"?}``; the run then."""
    token = _token(request)
    report = await json_object(request)
    service, now = service_of(request), now_of(request)
    return answer(await run_in_threadpool(report_retraining, service, run_id, token, report, now))


@router.post("/v1/trigger-runs/{run_id}/approve", dependencies=[Depends(requires("admin"))])
async def post_approve(run_id: str, request: Request) -> Response:
    """Let a retraining start that waits for it; the run afterwards."""
    by = await said_by(request)
    return answer(await run_in_threadpool(approve, service_of(request), run_id, now_of(request), by))


@router.post("/v1/trigger-runs/{run_id}/deny", dependencies=[Depends(requires("admin"))])
async def post_deny(run_id: str, request: Request) -> Response:
    """Cancel a retraining that waits for approval; the run afterwards."""
    by = await said_by(request)
    return answer(await run_in_threadpool(deny, service_of(request), run_id, now_of(request), by))


def _token(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return request.query_params.get("token")
