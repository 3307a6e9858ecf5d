"""Posts of predictions and labels: small ones are stored in rounds, large ones each by itself."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.types import Receive, Scope

from monitor import memory
from monitor.actions.record_labels import record_labels
from monitor.actions.record_posts import Kind
from monitor.actions.record_predictions import record_predictions
from monitor.api.access import requires
from monitor.api.bodies import Room, check_announced, check_size, client_of, first_of, held_by, read, room_of, unpacked
from monitor.api.door import door_of
from monitor.api.intake import Intake, answered
from monitor.api.waiting import asked, pulse_of
from monitor.errors import TooLarge
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.ingest.media import format_of, unpack
from monitor.service import Service
from monitor.store import models

SMALL = 64 << 10  # bytes, before and after unpacking: such bodies are stored in rounds
LARGE = 2 << 20  # bytes: such bodies leave much behind
_Headers = dict[bytes, str]
_OF_BODY = frozenset((b"content-type", b"content-encoding", b"content-length"))
_check = requires("ingest")


async def take_in(scope: Scope, receive: Receive, model: str, kind: Kind) -> tuple[int, bytes]:
    """Status and body of the answer to a post of rows, once they are durable.

    Raises PlimsollError for what is refused, having stored nothing.
    """
    state, headers = scope["app"].state, _headers(scope["headers"])
    limit = state.service.settings.max_body
    admitted = await door_of(state).admit(scope)
    models.check_name(model)
    check_announced(headers.get(b"content-length"), limit)
    message = await first_of(receive)
    client = client_of(scope)
    if not message.get("more_body", False) and len(message.get("body", b"")) <= SMALL:
        body = message.get("body", b"")
        check_size(len(body), limit)
        small = _small(body, headers)
        if small is not None:
            return await intake_of(state).put(model, client, kind, *small, admitted)
    if admitted.by_memory:
        await asked(lambda: _check(Request(scope)))
    room, begun = room_of(state), asyncio.Event()
    with contextlib.ExitStack() as its_room:
        held = its_room.enter_context(held_by(room, client))
        body = [await read(receive, message, limit, held)]
        its_room.callback(body.clear)  # an error of a task makes a ring, which would keep it until the collector comes
        work = _work(state, room, its_room.pop_all(), begun, model, client, kind, body, headers)
        return await pulse_of(state).watch(asyncio.create_task(work), begun)


async def _work(
    state: Any,
    room: Room,
    its_room: contextlib.ExitStack,
    begun: asyncio.Event,
    model: str,
    client: str,
    kind: Kind,
    body: list[bytes],
    headers: _Headers,
) -> tuple[int, bytes]:
    """Store a body that was read and answer; it has its room until that has ended, whether or not somebody waits."""
    with its_room:
        limit = state.service.settings.max_body
        size = unpacked(len(body[0]), headers.get(b"content-encoding"), headers.get(b"content-type"), limit)
        async with room.desk(model, client, size):
            begun.set()
            try:
                return answered(
                    await run_in_threadpool(_store, state.service, model, kind, body, headers, state.clock())
                )
            finally:
                if size > LARGE:
                    await run_in_threadpool(memory.release)


def _headers(sent: list[tuple[bytes, bytes]]) -> _Headers:
    """Those that say what the body is, by name; the first of a name that comes twice counts."""
    return {name: str(value, "latin-1") for name, value in reversed(sent) if name in _OF_BODY}


def _small(body: bytes, headers: _Headers) -> tuple[bytes, bool] | None:
    """JSON or NDJSON that is small also unpacked, and whether it is the latter; None for what is not."""
    format_ = format_of(headers.get(b"content-type"))
    if format_ not in ("json", "ndjson"):
        return None
    if b"content-encoding" in headers:
        try:
            body = unpack(body, headers[b"content-encoding"], SMALL)
        except TooLarge:
            return None
    return body, format_ == "ndjson"


def _store(service: Service, model: str, kind: Kind, body: list[bytes], headers: _Headers, now: int) -> dict[str, Any]:
    """``body`` is taken out of its list, so that it is gone once it is read."""
    type_, encoding = headers.get(b"content-type"), headers.get(b"content-encoding")
    limit = service.settings.max_body
    with memory.kept_by_no_error():
        if kind == "labels":
            labels = conform.labels(decode(body.pop(), type_, encoding, kind, limit), now)
            return record_labels(service, model, labels, now)
        rows = conform.predictions(decode(body.pop(), type_, encoding, kind, limit), now)
        return record_predictions(service, model, rows, now)


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
