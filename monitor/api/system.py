"""The service's own health: for load balancers, and for Prometheus."""

from __future__ import annotations

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from monitor.actions.check_ready import check_ready
from monitor.actions.exposition import exposition
from monitor.api.access import OPEN, requires
from monitor.api.waiting import SILENT, asked, pulse_of
from monitor.api.wire import answer, now_of, service_of
from monitor.errors import PlimsollError

router = APIRouter()
_own = CapacityLimiter(4)  # threads: all others may be at work, or wait for something


@router.get("/livez", dependencies=[Depends(requires(OPEN))])
async def livez() -> Response:
    """The process answers."""
    return answer({"status": "ok"})


@router.get("/readyz", dependencies=[Depends(requires(OPEN))])
async def readyz(request: Request) -> Response:
    """The store takes writes at the right schema and the scheduler is on time; 503 otherwise, and why."""
    service, now = service_of(request), now_of(request)
    try:
        silent = await pulse_of(request.app.state).is_silent()  # each question would take a thread, too
        problems = [SILENT] if silent else await asked(lambda: check_ready(service, now), _own)
    except PlimsollError as error:
        problems = [error.message]
    status = 503 if problems else 200
    return answer({"status": "unavailable" if problems else "ok", "problems": problems}, status)


@router.get("/metrics", dependencies=[Depends(requires("read"))])
def metrics(request: Request) -> Response:
    """Prometheus text: the service's own health and the newest readings."""
    text = exposition(service_of(request), now_of(request))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
