"""Silences: alerts that match one change state, and nobody is told."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from alerting.muting import BadMatcher, check_matchers
from monitor.api.access import requires
from monitor.api.wire import answer, json_object, limit_of, moment, now_of, page, service_of
from monitor.errors import Invalid, NotFound
from monitor.service import Service
from monitor.store import silences

router = APIRouter()
_KNOWN = ("matchers", "until", "comment", "author")
_LONGEST = 2000


@router.get("/v1/silences", dependencies=[Depends(requires("read"))])
def get_silences(request: Request) -> Response:
    """Every silence, those that are over included."""
    limit = limit_of(request.query_params.get("limit"))
    with service_of(request).database.read() as connection:
        found = silences.list_silences(connection, limit=limit + 1, after=request.query_params.get("cursor"))
    return answer(page(found[:limit], found[limit - 1]["id"] if len(found) > limit else None))


@router.post("/v1/silences", dependencies=[Depends(requires("admin"))])
async def post_silence(request: Request) -> Response:
    """Silence what matches, until a time that is yet to come."""
    service, now = service_of(request), now_of(request)
    wanted = _read(await json_object(request), now)
    return answer(await run_in_threadpool(_add, service, wanted, now), 201)


@router.delete("/v1/silences/{silence_id}", dependencies=[Depends(requires("admin"))])
def delete_silence(silence_id: str, request: Request) -> Response:
    """End a silence at once."""
    with service_of(request).database.write() as connection:
        if not silences.delete_silence(connection, silence_id):
            raise NotFound(f"There is no silence {silence_id!r}")
    return Response(status_code=204)


@router.delete("/v1/silences", dependencies=[Depends(requires("admin"))])
def delete_silence_by_query(request: Request) -> Response:
    """The same with ``?id=``."""
    silence_id = request.query_params.get("id")
    if not silence_id:
        raise Invalid("id is missing: which silence shall end?", field="id")
    return delete_silence(silence_id, request)


def _add(service: Service, wanted: dict[str, Any], now: int) -> dict[str, Any]:
    with service.database.write() as connection:
        return silences.add_silence(connection, f"silence-{secrets.token_hex(8)}", now=now, **wanted)


def _read(body: dict[str, Any], now: int) -> dict[str, Any]:
    unknown = sorted(set(body) - set(_KNOWN))
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not known here; there are {', '.join(_KNOWN)}", field=unknown[0])
    matchers = body.get("matchers")
    if not isinstance(matchers, dict):
        raise Invalid('matchers is an object such as {"model": "flight-delays"}', field="matchers")
    try:
        check_matchers(matchers)
    except BadMatcher as error:
        raise Invalid(str(error), field=error.key) from error
    until = moment(body.get("until"), "until")
    if until is None or until <= now:
        raise Invalid("until is a time that is yet to come", field="until")
    comment = _text(body, "comment") or ""
    return {"matchers": matchers, "until": until, "comment": comment, "author": _text(body, "author")}


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST):
        raise Invalid(f"{name} is a text of at most {_LONGEST} characters", field=name)
    return value
