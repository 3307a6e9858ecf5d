"""Set a reference: from a body of rows, or by pinning a stretch of the log."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor import memory
from monitor.actions.prepare_reference import pin_reference, put_reference
from monitor.api.access import requires
from monitor.api.bodies import body_of
from monitor.api.wire import answer, moment, now_of, service_of
from monitor.errors import Invalid, TooLarge
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service

router = APIRouter()
# Two halves would be two versions, the later of which holds.
_IN_PARTS = (
    "A reference is one body: send a sample of the rows, or load it of any size on the service's machine:"
    " plimsoll import --model MODEL --reference NAME FILE..., without PLIMSOLL_URL."
)


@router.put("/v1/models/{model}/references/{name}", dependencies=[Depends(requires("admin"))])
async def put(model: str, name: str, request: Request) -> Response:
    """A new version of a named reference."""
    service, now = service_of(request), now_of(request)
    try:
        async with body_of(request, model) as body:
            given = dict(request.headers)
            told = await run_in_threadpool(_put, service, model, name, body, given, now)
    except TooLarge as error:
        raise TooLarge(error.fact, _IN_PARTS if error.advice else "") from error
    finally:
        await run_in_threadpool(memory.release)
    return answer(told, 201)


def _put(
    service: Service, model: str, name: str, body: list[bytes], headers: dict[str, str], now: int
) -> dict[str, Any]:
    """``body`` is taken out of its list, so that it is gone once it is read."""
    window = _window(body[0], headers)
    if window is not None:
        start, end = (moment(window.get(key), f"window.{key}") for key in ("start", "end"))
        if start is None or end is None:
            raise Invalid("A window needs start and end", field="window")
        return pin_reference(service, model, name, start, end, now)
    limit = service.settings.max_body
    type_, encoding = headers.get("content-type"), headers.get("content-encoding")
    with memory.kept_by_no_error():
        rows = conform.reference(decode(body.pop(), type_, encoding, "references", limit), now)
        return put_reference(service, model, name, rows, now)


def _window(body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
    """The ``window`` object of a small JSON body that pins a stretch of the log."""
    if len(body) > 1000 or "json" not in headers.get("content-type", "json"):
        return None
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    if not isinstance(found, dict) or "window" not in found or "records" in found:
        return None
    if not isinstance(found["window"], dict):
        raise Invalid("window must be an object with start and end", field="window")
    return found["window"]
