"""Silences: alerts that match one change state, and nobody is told."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from alerting.muting import ENDS_WITH, BadMatcher, check_matchers
from monitor.actions.silence_alerts import end_silence, silence
from monitor.api.access import requires
from monitor.api.authors import by_of, refuse_others
from monitor.api.wire import answer, json_object, limit_of, moment, now_of, page, service_of
from monitor.errors import Invalid
from monitor.store import silences

router = APIRouter()
_KNOWN = ("matchers", "until", "comment", "author")


@router.get("/v1/silences", dependencies=[Depends(requires("read"))])
def get_silences(request: Request) -> Response:
    """Every silence, those that are over included."""
    limit = limit_of(request.query_params.get("limit"))
    with service_of(request).database.read() as connection:
        found = silences.list_silences(connection, limit=limit + 1, after=request.query_params.get("cursor"))
    return answer(page(found[:limit], found[limit - 1]["id"] if len(found) > limit else None))


@router.post("/v1/silences", dependencies=[Depends(requires("admin"))])
async def post_silence(request: Request) -> Response:
    """Silence what matches, until a time that is yet to come, the next version, or the end of the retraining."""
    service, now = service_of(request), now_of(request)
    body = await json_object(request)
    matchers, until = _read(body, now)
    by = await run_in_threadpool(by_of, request, body)
    return answer(await run_in_threadpool(silence, service, matchers, until, by, now), 201)


@router.delete("/v1/silences/{silence_id}", dependencies=[Depends(requires("admin"))])
def delete_silence(silence_id: str, request: Request) -> Response:
    """End a silence at once."""
    end_silence(service_of(request), silence_id, now_of(request), by_of(request, {}))
    return Response(status_code=204)


@router.delete("/v1/silences", dependencies=[Depends(requires("admin"))])
def delete_silence_by_query(request: Request) -> Response:
    """The same with ``?id=``."""
    silence_id = request.query_params.get("id")
    if not silence_id:
        raise Invalid("id is missing: which silence shall end?", field="id")
    return delete_silence(silence_id, request)


def _read(body: dict[str, Any], now: int) -> tuple[dict[str, str], int | str]:
    refuse_others(body, _KNOWN)
    matchers = body.get("matchers")
    if not isinstance(matchers, dict):
        raise Invalid('matchers is an object such as {"model": "flight-delays"}', field="matchers")
    try:
        check_matchers(matchers)
    except BadMatcher as error:
        raise Invalid(str(error), field=error.key) from error
    return matchers, _until(body.get("until"), now)


def _until(given: Any, now: int) -> int | str:
    if given in ENDS_WITH:
        return str(given)
    until = moment(given, "until")
    if until is None or until <= now:
        raise Invalid(f"until is a time that is yet to come, or one of {', '.join(ENDS_WITH)}", field="until")
    return until
