"""Where Slack reports that a button was pressed; its signature is the key."""

from __future__ import annotations

import asyncio
import logging
import os

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.actions.answer_chat import answer_click, signed_by_slack
from monitor.api.access import OPEN, requires
from monitor.api.wire import now_of, service_of, small_body

log = logging.getLogger(__name__)
router = APIRouter()
WITHIN = 2.5  # Slack waits 3 s
_running: set[asyncio.Task[int]] = set()


@router.post("/v1/slack/actions", dependencies=[Depends(requires(OPEN))])
async def post_actions(request: Request) -> Response:
    """A form with a field ``payload``. Answers 200 within Slack's 3 s; what takes longer is still done."""
    body = await small_body(request)
    service, now = service_of(request), now_of(request)
    await run_in_threadpool(signed_by_slack, service, body, request.headers, now, os.environ)
    working = asyncio.create_task(run_in_threadpool(answer_click, service, body, now))
    finished, _ = await asyncio.wait({working}, timeout=WITHIN)
    if finished:
        working.result()  # raises what went wrong
    else:
        _running.add(working)
        working.add_done_callback(_ended)
    return Response(status_code=200)


def _ended(task: asyncio.Task[int]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a press of a button was not carried out", exc_info=error)
