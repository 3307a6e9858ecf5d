"""Posts of predictions and labels, past the framework: thousands of small ones come in every second.

Keys, limits, errors and answers are those of every route; FastAPI's own routes of the same addresses (in
``predictions`` and ``labels``) call ``take_in`` too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.actions.record_labels import record_labels
from monitor.actions.record_posts import Kind
from monitor.actions.record_predictions import record_predictions
from monitor.api.access import requires
from monitor.api.bodies import check_announced, check_size, client_of, first_of, held_by, read, room_of
from monitor.api.door import door_of
from monitor.api.intake import Intake, Waiting, answered
from monitor.errors import PlimsollError, TooLarge
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.ingest.media import format_of, unpack
from monitor.service import Service
from monitor.store import models

SMALL = 64 << 10  # bytes, before and after unpacking: such bodies are stored in rounds
_ADDRESS = re.compile(r"/v1/models/([^/]+)/(predictions|labels)")
_JSON = (b"content-type", b"application/json")
_check = requires("ingest")


class Posting:
    """Takes posts of rows out of what comes in; everything else goes on to the application."""

    def __init__(self, app: ASGIApp, said: Callable[[Request, PlimsollError], Response]) -> None:
        self.app, self._said = app, said

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a post of rows, pass anything else on."""
        found = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        try:
            status, body = await take_in(scope, receive, found[1], cast(Kind, found[2]))
        except PlimsollError as error:
            await self._said(Request(scope), error)(scope, receive, send)
            return
        headers = [_JSON, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def take_in(scope: Scope, receive: Receive, model: str, kind: Kind) -> tuple[int, bytes]:
    """Status and body of the answer to a post of rows, once they are durable.

    Raises PlimsollError for what is refused, having stored nothing.
    """
    state, headers = scope["app"].state, _headers(scope["headers"])
    limit = state.service.settings.max_body
    admitted = await door_of(state).admit(scope)
    models.check_name(model)
    check_announced(headers.get("content-length"), limit)
    message, client = await first_of(receive), client_of(scope)
    if not message.get("more_body", False) and len(message.get("body", b"")) <= SMALL:
        check_size(len(message.get("body", b"")), limit)
        small = _small(message.get("body", b""), headers)
        if small is not None:
            waiting = Waiting(kind, *small, *admitted, told=asyncio.get_running_loop().create_future())
            intake_of(state).put(model, client, waiting)
            return await waiting.told
    if admitted.by_memory:
        await run_in_threadpool(_check, Request(scope))
    room = room_of(state)
    with held_by(room, client) as held:
        body = await read(receive, message, limit, held)
        async with room.desk(model, client, len(body)):
            store = _labels if kind == "labels" else _predictions
            return answered(await run_in_threadpool(store, state.service, model, body, headers, state.clock()))


def _headers(sent: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """By name; the first of a name that comes twice counts."""
    return {str(name, "latin-1"): str(value, "latin-1") for name, value in reversed(sent)}


def _small(body: bytes, headers: dict[str, str]) -> tuple[bytes, bool] | None:
    """JSON or NDJSON that is small also unpacked, and whether it is the latter; None for what is not."""
    format_ = format_of(headers.get("content-type"))
    if format_ not in ("json", "ndjson"):
        return None
    if "content-encoding" in headers:
        try:
            body = unpack(body, headers["content-encoding"], SMALL)
        except TooLarge:
            return None
    return body, format_ == "ndjson"


def _predictions(service: Service, model: str, body: bytes, headers: dict[str, str], now: int) -> dict[str, Any]:
    kind, encoding = headers.get("content-type"), headers.get("content-encoding")
    raw = decode(body, kind, encoding, "predictions", service.settings.max_body)
    return record_predictions(service, model, conform.predictions(raw, now), now)


def _labels(service: Service, model: str, body: bytes, headers: dict[str, str], now: int) -> dict[str, Any]:
    kind, encoding = headers.get("content-type"), headers.get("content-encoding")
    raw = decode(body, kind, encoding, "labels", service.settings.max_body)
    return record_labels(service, model, conform.labels(raw, now), now)


def intake_of(state: Any) -> Intake:
    """The application's queue of small posts, for the loop that runs now."""
    loop = asyncio.get_running_loop()
    intake: Intake | None = getattr(state, "intake", None)
    if intake is None or intake.loop is not loop:
        intake = state.intake = Intake(state.service, state.clock, loop)
    return intake


async def answer_to(request: Request, model: str, kind: Kind) -> Response:
    """``take_in`` as the framework wants it."""
    status, body = await take_in(request.scope, request.receive, model, kind)
    return Response(body, status, media_type="application/json")
