"""Channels over HTTP: the list, a test message, a message sent again."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from monitor.actions.channels import list_channels, replay_delivery, try_channel
from monitor.api.access import requires
from monitor.api.wire import answer, now_of, page, service_of

router = APIRouter()


@router.get("/v1/channels", dependencies=[Depends(requires("read"))])
def get_channels(request: Request) -> Response:
    """Every channel with its settings, without secrets, and how it does."""
    return answer(page(list_channels(service_of(request)), None))


@router.post("/v1/channels/{name}/test", dependencies=[Depends(requires("admin"))])
def post_test(name: str, request: Request) -> Response:
    """Send a test message now; what the receiver answered."""
    return answer(try_channel(service_of(request), name, lambda: now_of(request)))


@router.post("/v1/deliveries/{webhook_id}/replay", dependencies=[Depends(requires("admin"))])
def post_replay(webhook_id: str, request: Request) -> Response:
    """Let a message go out again with the same id."""
    return answer(replay_delivery(service_of(request), webhook_id, now_of(request)))
