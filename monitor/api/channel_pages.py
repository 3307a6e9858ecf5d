"""The page of the channels, its test buttons, and the button that sends a message of the log again."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards import pages as templates
from dashboards.views import ChannelsPage
from monitor.actions import build_page
from monitor.actions.channels import list_channels, replay_delivery, try_channel
from monitor.api.pages import acts, reads, sent_form, viewer_of
from monitor.api.wire import now_of, service_of
from monitor.errors import Conflict, NotFound

router = APIRouter()


@router.get("/channels", dependencies=reads, include_in_schema=False)
def get_channels(request: Request) -> Response:
    """Every channel and how it does."""
    return _page(request, None)


@router.post("/channels/{name}/test", dependencies=acts, include_in_schema=False)
async def post_test(name: str, request: Request) -> Response:
    """The button beside a channel; the page says what the receiver answered."""
    await sent_form(request)
    tried = await run_in_threadpool(try_channel, service_of(request), name, lambda: now_of(request))
    return await run_in_threadpool(_page, request, tried)


@router.post("/alerts/{alert_id}/deliveries/{webhook_id}/replay", dependencies=acts, include_in_schema=False)
async def post_replay(alert_id: str, webhook_id: str, request: Request) -> Response:
    """The button beside a message of an alert; what cannot go out again is told on the page."""
    await sent_form(request)
    service = service_of(request)
    try:
        await run_in_threadpool(replay_delivery, service, webhook_id, now_of(request))
    except (Conflict, NotFound) as error:
        viewer = await run_in_threadpool(viewer_of, request)
        page = await run_in_threadpool(build_page.build_alert, service, viewer, alert_id, error.message)
        return HTMLResponse(page, error.status)
    return RedirectResponse(f"/alerts/{quote(alert_id, safe='')}#deliveries-title", 303)


def _page(request: Request, tried: dict[str, object] | None) -> Response:
    view = ChannelsPage(list_channels(service_of(request)), tried)
    return HTMLResponse(templates.channels(viewer_of(request), view))
