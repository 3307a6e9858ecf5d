"""Alerts: the list, one with its whole story, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions.accept_alert import accept
from monitor.actions.answer_alert import By, acknowledge, resolve
from monitor.actions.explain_alert import explain_alert
from monitor.actions.false_alarms import KEY as FALSE_ALARM
from monitor.actions.false_alarms import call_false
from monitor.api.access import requires
from monitor.api.authors import said_by
from monitor.api.wire import answer, limit_of, moment, now_of, page, service_of
from monitor.clock import parse
from monitor.errors import Invalid, NotFound
from monitor.service import Service
from monitor.store import alerts, outbox, trigger_runs

router = APIRouter()
_KNOWN = ("model", "state", "since", "limit", "cursor")
_STATES = ("pending", "firing", "resolved")


@router.get("/v1/alerts", dependencies=[Depends(requires("read"))])
def get_alerts(request: Request) -> Response:
    """Alerts, the newest first; ``since`` leaves out those that were resolved before it."""
    given = request.query_params
    unknown = sorted(set(given) - set(_KNOWN))
    if unknown:
        raise Invalid(f"{unknown[0]!r} is no filter here; there are {', '.join(_KNOWN)}", field=unknown[0])
    state = given.get("state")
    if state is not None and state not in _STATES:
        raise Invalid(f"state is one of {', '.join(_STATES)}", field="state")
    limit = limit_of(given.get("limit"))
    with service_of(request).database.read() as connection:
        found = alerts.list_alerts(
            connection,
            model=given.get("model"),
            state=state,
            since=moment(given.get("since"), "since"),
            limit=limit + 1,
            after=_cursor(given.get("cursor")),
        )
    items = [_brief(alert) for alert in found[:limit]]
    more = f"{parse(items[-1]['started_at'])}.{items[-1]['id']}" if len(found) > limit else None
    return answer(page(items, more))


@router.get("/v1/alerts/{alert_id}", dependencies=[Depends(requires("read"))])
def get_alert(alert_id: str, request: Request) -> Response:
    """One alert with its timeline, evidence, deliveries and retraining runs."""
    with service_of(request).database.read() as connection:
        alert = alerts.get_alert(connection, alert_id)
        if alert is None:
            raise NotFound(f"There is no alert {alert_id!r}")
        more = {
            "transitions": alerts.list_transitions(connection, alert_id),
            "readings": alerts.latest_evidence(connection, alert_id),
            "moved": alerts.latest_moved(connection, alert_id),
            "deliveries": outbox.deliveries_of(connection, alert_id),
            "trigger_runs": [run.as_json() for run in trigger_runs.runs_of_alert(connection, alert_id)],
        }
    return answer({**alert, **more})


@router.get("/v1/alerts/{alert_id}/explanation", dependencies=[Depends(requires("read"))])
def get_explanation(alert_id: str, request: Request) -> Response:
    """Why a performance alert fires. Worked out when it is asked for; nothing is written."""
    as_of = moment(request.query_params.get("as_of"), "as_of")
    return answer(explain_alert(service_of(request), alert_id, now_of(request), as_of))


@router.post("/v1/alerts/{alert_id}/acknowledge", dependencies=[Depends(requires("admin"))])
async def post_acknowledge(alert_id: str, request: Request) -> Response:
    """Somebody looks after it: no more reminders until its severity rises."""
    return await _answered(acknowledge, alert_id, request)


@router.post("/v1/alerts/{alert_id}/resolve", dependencies=[Depends(requires("admin"))])
async def post_resolve(alert_id: str, request: Request) -> Response:
    """End the episode by hand."""
    return await _answered(resolve, alert_id, request)


@router.post("/v1/alerts/{alert_id}/accept", dependencies=[Depends(requires("admin"))])
async def post_accept(alert_id: str, request: Request) -> Response:
    """What it found is the new normal: the log since the change began becomes the reference that it was compared with,
    and the episode ends."""
    return await _answered(accept, alert_id, request)


@router.post("/v1/alerts/{alert_id}/false-alarm", dependencies=[Depends(requires("admin"))])
async def post_false_alarm(alert_id: str, request: Request) -> Response:
    """It was a false alarm: an open episode ends, and where there were more of them than promised, what the reference
    holds for usual is widened."""
    return await _answered(call_false, alert_id, request)


async def _answered(
    action: Callable[[Service, str, int, By], dict[str, Any]], alert_id: str, request: Request
) -> Response:
    by = await said_by(request)
    return answer(await run_in_threadpool(action, service_of(request), alert_id, now_of(request), by))


def _brief(alert: dict[str, Any]) -> dict[str, Any]:
    """Without what is said of each of hundreds of features."""
    false = alert["details"].get(FALSE_ALARM)
    if false is None:
        return alert
    less = {name: value for name, value in false.items() if name != "series"}
    return {**alert, "details": {**alert["details"], FALSE_ALARM: less}}


def _cursor(text: str | None) -> tuple[int, str] | None:
    if not text:
        return None
    started, _, alert_id = text.partition(".")
    if not started.lstrip("-").isdigit() or not alert_id:
        raise Invalid("cursor is not one that this list gave", field="cursor")
    return int(started), alert_id
