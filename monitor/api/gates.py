"""Verdicts for canary tools: the health as a field of an answer that is always 200, and as a status."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor import clock
from monitor.actions.gate import Asked, sentence, to_json, verdict
from monitor.api.access import requires
from monitor.api.wire import answer, moment, now_of, service_of
from monitor.errors import Invalid

router = APIRouter()
_STATUS = {"healthy": 200, "degraded": 200, "unhealthy": 409, "unknown": 503}
_CODES = {409: "no_go", 503: "cannot_tell"}
_KNOWN = ("version", "against", "window", "at_least_windows", "as_of")
_MOST_BODY = 64 * 1024


@router.get("/v1/models/{model}/health", dependencies=[Depends(requires("read"))])
def get_health(model: str, request: Request) -> Response:
    """The verdict, always with status 200 for a known model: a canary tool reads the field."""
    asked, as_of, now = _asked(dict(request.query_params), request)
    found, compared = verdict(service_of(request), model, asked, as_of=as_of, now=now)
    return answer(to_json(asked, found, compared))


@router.post("/v1/gates/flagger/{model}", dependencies=[Depends(requires("read"))])
async def post_flagger(model: str, request: Request) -> Response:
    """The verdict as a status, as Flagger's webhooks read it: 200 go, 409 no-go, 503 cannot tell now.

    What the query does not say may be in the ``metadata`` of the body that Flagger sends.
    """
    asked, as_of, now = _asked({**await _metadata(request), **request.query_params}, request)
    found, _ = await run_in_threadpool(verdict, service_of(request), model, asked, as_of=as_of, now=now)
    status, said = _STATUS[found.status], sentence(model, asked, found)
    if status == 200:
        return answer({"status": found.status, "message": said})
    return answer({"error": {"code": _CODES[status], "message": said}, "status": found.status}, status)


async def _metadata(request: Request) -> dict[str, Any]:
    """Of Flagger's ``{name, namespace, phase, checksum, metadata}``; nothing where there is no body."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY:
            raise Invalid(f"The body of a gate has at most {_MOST_BODY:,} bytes")
    try:
        found = json.loads(body or b"{}")
        given = (found.get("metadata") or {}).items()
        return {name: value for name, value in given if name in _KNOWN}
    except (ValueError, RecursionError, AttributeError) as error:
        raise Invalid("The body of a gate is a JSON object (with its metadata in another), or nothing") from error


def _asked(given: dict[str, Any], request: Request) -> tuple[Asked, int, int]:
    unknown = sorted(set(given) - set(_KNOWN))
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not known here; there are {', '.join(_KNOWN)}", field=unknown[0])
    texts = {name: str(value) for name, value in given.items() if value is not None}
    now = now_of(request)
    as_of = moment(texts.get("as_of"), "as_of")
    if as_of is not None and as_of > now:
        raise Invalid("as_of is later than now", field="as_of")
    asked = Asked(texts.get("version"), texts.get("against"), _hours(texts), _count(texts))
    return asked, now if as_of is None else as_of, now


def _hours(texts: dict[str, str]) -> int:
    try:
        length = clock.parse_duration(texts.get("window", "24h"))
    except ValueError as error:
        raise Invalid(f"window: {error}", field="window") from error
    if length == 0 or length % clock.HOUR:
        raise Invalid("window is a whole number of hours, at least one", field="window")
    return length // clock.HOUR


def _count(texts: dict[str, str]) -> int:
    text = texts.get("at_least_windows", "0")
    if not text.isdecimal():
        raise Invalid("at_least_windows is a number of windows", field="at_least_windows")
    return int(text[:9])
