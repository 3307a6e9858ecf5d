"""In front of the application: thousands of small posts come in every second, and the framework would cost more than
all else that is done for them. Keys, limits, errors and answers are those of the routes of the same addresses."""

from __future__ import annotations

import re
from typing import cast

from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from monitor.actions.record_posts import Kind
from monitor.api.app import HEADERS, SecurityHeaders, said, unexpected
from monitor.api.posting import take_in
from monitor.errors import PlimsollError

_ADDRESS = re.compile(r"/v1/models/([^/]+)/(predictions|labels)")
_ALWAYS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
]


class Front:
    """Answers posts of rows, passes anything else on."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self.app(scope, receive, send)
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
