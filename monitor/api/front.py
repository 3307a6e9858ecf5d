"""In front of the application: thousands of small posts come in every second, and the framework would cost more than
all else that is done for them. Keys, limits, errors and answers are those of the routes of the same addresses."""

from __future__ import annotations

import asyncio
import re
from typing import cast

from fastapi import FastAPI, Request
from starlette.types import Message, Receive, Scope, Send

from monitor.actions.record_posts import Kind
from monitor.api.app import HEADERS, SecurityHeaders, said, unexpected
from monitor.api.posting import take_in
from monitor.api.waiting import SILENT, pulse_of, unasked
from monitor.errors import PlimsollError, StoreUnavailable

_ADDRESS = re.compile(r"/v1/models/([^/]+)/(predictions|labels)")
_ALONE = ("/livez", "/readyz", "/static")  # speak for themselves, or of nothing in the store
_GATES = "/v1/gates/"  # questions, too
_ALWAYS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
]


class Front:
    """Answers posts of rows, passes anything else on; what is asked while the store hangs is told so."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            asks = scope["type"] == "http" and (scope["method"] in ("GET", "HEAD") or scope["path"].startswith(_GATES))
            alone = not asks or scope["path"].startswith(_ALONE)
            await (self.app if alone else self._attended)(scope, receive, send)
            return
        scope["app"] = self.app
        try:
            status, body = await take_in(scope, receive, found[1], cast(Kind, found[2]))
        except PlimsollError as error:
            await SecurityHeaders(said(Request(scope), error))(scope, receive, send)
        except Exception as error:
            await SecurityHeaders(unexpected(Request(scope), error))(scope, receive, send)
        else:
            headers = [*_ALWAYS, (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _attended(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a question on; 503 where the store falls silent before there is an answer, or is known to hang: what was
        passed on keeps its thread until the store is back."""
        scope["app"] = self.app
        pulse, answering, refused = pulse_of(self.app.state), asyncio.Event(), False
        if pulse.hangs():
            await SecurityHeaders(said(Request(scope), StoreUnavailable(SILENT)))(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if not refused:
                answering.set()
                await send(message)

        work = asyncio.create_task(self.app(scope, receive, answer))
        work.add_done_callback(unasked)
        try:
            await pulse.attend(work, answering)
            await work
        except StoreUnavailable as error:
            refused = True
            await SecurityHeaders(said(Request(scope), error))(scope, receive, send)
        except asyncio.CancelledError:
            work.cancel()
            raise
