"""Pages for people: fleet, model, feature, alerts, and the buttons on them."""

from __future__ import annotations

import gzip
import hashlib
import hmac
from collections.abc import Mapping
from functools import cache
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from plotly.offline import get_plotlyjs
from starlette.datastructures import FormData

from alerting.muting import ENDS_WITH
from dashboards import pages as templates
from dashboards.views import Problem, Viewer
from monitor import clock
from monitor.actions import build_page, manage_keys
from monitor.actions.accept_alert import accept
from monitor.actions.answer_alert import By, acknowledge, resolve
from monitor.actions.approve_retraining import approve, deny
from monitor.actions.false_alarms import call_false
from monitor.actions.page_data.alerts import silence_matchers
from monitor.actions.silence_alerts import silence
from monitor.api.access import COOKIE, OPEN, name_held, requires, scope_held
from monitor.api.paths import TEXT
from monitor.api.wire import now_of, service_of
from monitor.errors import Conflict, Forbidden, Invalid, Overloaded

router = APIRouter()
reads = [Depends(requires("read"))]
acts = [Depends(requires("admin"))]
LONGEST = 500


@router.get("/", dependencies=reads, include_in_schema=False)
def get_fleet(request: Request) -> Response:
    """Every model."""
    return HTMLResponse(build_page.build_fleet(service_of(request), viewer_of(request), request.query_params))


@router.get("/models/{model}", dependencies=reads, include_in_schema=False)
def get_model(model: str, request: Request) -> Response:
    """One model."""
    return HTMLResponse(build_page.build_model(service_of(request), viewer_of(request), model, request.query_params))


@router.get(f"/models/{{model}}/features/{{feature:{TEXT}}}", dependencies=reads, include_in_schema=False)
def get_feature(model: str, feature: str, request: Request) -> Response:
    """One feature of a model."""
    service, viewer = service_of(request), viewer_of(request)
    return HTMLResponse(build_page.build_feature(service, viewer, model, feature, request.query_params))


@router.get("/storage", dependencies=reads, include_in_schema=False)
def get_storage(request: Request) -> Response:
    """What every model takes."""
    return HTMLResponse(build_page.build_storage(service_of(request), viewer_of(request)))


@router.get("/models/{model}/rules/{rule}", dependencies=reads, include_in_schema=False)
def get_rule(model: str, rule: str, request: Request) -> Response:
    """One rule; with ``?backtest=yes`` tried on drift."""
    tried = bool(request.query_params.get("backtest"))
    return HTMLResponse(build_page.build_rule(service_of(request), viewer_of(request), model, rule, backtest=tried))


@router.get("/alerts", dependencies=reads, include_in_schema=False)
def get_alerts(request: Request) -> Response:
    """The list of alerts."""
    return HTMLResponse(build_page.build_alerts(service_of(request), viewer_of(request), request.query_params))


@router.get("/alerts/{alert_id}", dependencies=reads, include_in_schema=False)
def get_alert(alert_id: str, request: Request) -> Response:
    """One alert; with ``?explain=yes`` why it fires."""
    service, viewer, explain = service_of(request), viewer_of(request), bool(request.query_params.get("explain"))
    try:
        return HTMLResponse(build_page.build_alert(service, viewer, alert_id, explain=explain))
    except (Conflict, Overloaded) as error:
        return HTMLResponse(build_page.build_alert(service, viewer, alert_id, error.message), error.status)


@router.post("/alerts/{alert_id}/acknowledge", dependencies=acts, include_in_schema=False)
async def post_acknowledge(alert_id: str, request: Request) -> Response:
    """The button on an alert's page."""
    by = await run_in_threadpool(_by, request, await sent_form(request))
    await run_in_threadpool(acknowledge, service_of(request), alert_id, now_of(request), by)
    return _back(alert_id)


@router.post("/alerts/{alert_id}/resolve", dependencies=acts, include_in_schema=False)
async def post_resolve(alert_id: str, request: Request) -> Response:
    """The button on an alert's page; an alert that is over already is what was wanted."""
    by = await run_in_threadpool(_by, request, await sent_form(request))
    try:
        await run_in_threadpool(resolve, service_of(request), alert_id, now_of(request), by)
    except Conflict:
        return _back(alert_id)
    return _back(alert_id)


@router.post("/alerts/{alert_id}/accept", dependencies=acts, include_in_schema=False)
async def post_accept(alert_id: str, request: Request) -> Response:
    """The button on an alert's page; what cannot be accepted is told on the page."""
    by = await run_in_threadpool(_by, request, await sent_form(request))
    try:
        await run_in_threadpool(accept, service_of(request), alert_id, now_of(request), by)
    except (Conflict, Invalid) as error:
        service, viewer = service_of(request), await run_in_threadpool(viewer_of, request)
        page = await run_in_threadpool(build_page.build_alert, service, viewer, alert_id, error.message)
        return HTMLResponse(page, error.status)
    return _back(alert_id)


@router.post("/alerts/{alert_id}/false-alarm", dependencies=acts, include_in_schema=False)
async def post_false_alarm(alert_id: str, request: Request) -> Response:
    """The button on an alert's page, also of one that is over."""
    by = await run_in_threadpool(_by, request, await sent_form(request))
    await run_in_threadpool(call_false, service_of(request), alert_id, now_of(request), by)
    return _back(alert_id)


@router.post("/alerts/{alert_id}/silence", dependencies=acts, include_in_schema=False)
async def post_silence(alert_id: str, request: Request) -> Response:
    """The form on an alert's page; a time that cannot be is told on the page."""
    form = await sent_form(request)
    try:
        await run_in_threadpool(_silence, request, alert_id, form)
    except Invalid as error:
        service, viewer = service_of(request), await run_in_threadpool(viewer_of, request)
        page = await run_in_threadpool(build_page.build_alert, service, viewer, alert_id, error.message)
        return HTMLResponse(page, 422)
    return _back(alert_id)


def _silence(request: Request, alert_id: str, form: FormData) -> None:
    service, now = service_of(request), now_of(request)
    matchers = silence_matchers(service, alert_id)
    until = _until(form, now)
    silence(service, matchers, until, _by(request, form), now)


def _until(form: FormData, now: int) -> int | str:
    wanted = str(form.get("ends_with", ""))
    if wanted in ENDS_WITH:
        return wanted
    try:
        until = clock.parse(str(form.get("until", "")))
    except (ValueError, OverflowError) as error:
        raise Invalid("Until must be a day and a time", field="until") from error
    if until <= now:
        raise Invalid("Until must be a time that is yet to come", field="until")
    return until


def _by(request: Request, form: FormData) -> By:
    """Who pressed a button, by the name of the key that they signed in with, and what they wrote beside it."""
    return By(name_held(request), str(form.get("comment", "")).strip()[:LONGEST] or None)


@router.post("/alerts/{alert_id}/retrainings/{run_id}/{word}", dependencies=acts, include_in_schema=False)
async def post_retraining(alert_id: str, run_id: str, word: Literal["approve", "deny"], request: Request) -> Response:
    """The buttons on a retraining that waits for approval."""
    by = await run_in_threadpool(_by, request, await sent_form(request))
    act = approve if word == "approve" else deny
    await run_in_threadpool(act, service_of(request), run_id, now_of(request), by)
    return _back(alert_id)


def _back(alert_id: str) -> Response:
    return RedirectResponse(f"/alerts/{quote(alert_id, safe='')}", 303)


def viewer_of(request: Request) -> Viewer:
    """Who looks at a page, and what their forms must send back."""
    service, cookie = service_of(request), request.cookies.get(COOKIE)
    token = "" if cookie is None else manage_keys.form_token(service.database, cookie)
    return Viewer(
        now=now_of(request),
        may_act=scope_held(request) == "admin",
        signed_in=cookie is not None and manage_keys.are_needed(service.database),
        token=token,
        links=service.settings.links,
    )


async def sent_form(request: Request) -> FormData:
    """The form that a page sent.

    Raises Forbidden when a session's form lacks its token: another site's form cannot know it.
    """
    form = await request.form(max_files=0, max_fields=20)
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        wanted = await run_in_threadpool(manage_keys.form_token, service_of(request).database, cookie)
        if not hmac.compare_digest(wanted, str(form.get("token", ""))):
            raise Forbidden("This form is not one of this session; load the page again and repeat")
    return form


def error_page(status: int, message: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """What went wrong, in a sentence."""
    return HTMLResponse(templates.problem(Viewer(now=0), Problem(status, message)), status, headers)


@cache
def _plotly() -> tuple[bytes, bytes, str]:
    """The plot library, plain and compressed, and what names this version of it."""
    script: bytes = get_plotlyjs().encode()
    return script, gzip.compress(script, 6), f'"{hashlib.sha256(script).hexdigest()[:16]}"'


@router.get("/static-plotly/plotly.min.js", dependencies=[Depends(requires(OPEN))], include_in_schema=False)
def get_plotly(request: Request) -> Response:
    """plotly.js as its Python package brings it: nothing is fetched from elsewhere."""
    script, packed, tag = _plotly()
    headers = {"Cache-Control": "public, max-age=86400", "ETag": tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type="text/javascript", headers={**headers, "Content-Encoding": "gzip"})
    return Response(script, media_type="text/javascript", headers=headers)
