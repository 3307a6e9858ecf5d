"""The HTTP application: routers, errors for people, security headers."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import dashboards
from monitor import clock
from monitor.api import (
    alerts,
    channel_pages,
    channels,
    config,
    gates,
    labels,
    models,
    openapi,
    pages,
    predictions,
    quarantine,
    readings,
    references,
    rows,
    runs,
    sign_in,
    silences,
    slack,
    system,
    trigger_runs,
)
from monitor.api.access import refuse_unguarded
from monitor.errors import Full, Overloaded, PlimsollError, StoreBusy, StoreUnavailable, Unauthorized
from monitor.service import Service

log = logging.getLogger(__name__)
_ROUTERS = (
    predictions,
    labels,
    references,
    models,
    gates,
    openapi,
    rows,
    runs,
    readings,
    alerts,
    silences,
    trigger_runs,
    slack,
    channels,
    channel_pages,
    config,
    quarantine,
    system,
    sign_in,
    pages,
)
QUIET = 60.0  # seconds
_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(service: Service, now: Callable[[], int] = clock.now) -> FastAPI:
    """The application over a service; ``now`` gives the time in microseconds.

    Raises RuntimeError when a route names no scope.
    """
    app = FastAPI(title="Plimsoll", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.service = service
    app.state.clock = now
    app.state.refusals = {}
    for module in _ROUTERS:
        app.include_router(module.router)
    refuse_unguarded(app)
    app.mount("/static", StaticFiles(directory=Path(dashboards.__file__).parent / "static"), name="static")
    app.add_exception_handler(PlimsollError, said)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _unreadable)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, unexpected)
    app.add_middleware(SecurityHeaders)
    return app


def said(request: Request, error: PlimsollError) -> Response:
    """An error for people, as a page or as JSON."""
    if isinstance(error, Unauthorized) and _wants_page(request):
        return RedirectResponse(f"/sign-in?next={_asked_for(request)}", 303)
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else {}
    if isinstance(error, StoreUnavailable) and not isinstance(error, StoreBusy):
        _tell_operator(request.app, error)
    if isinstance(error, Overloaded | StoreUnavailable | Full):
        headers["Retry-After"] = str(error.retry_after)
    if _wants_page(request):
        return pages.error_page(error.status, error.message, headers)
    return JSONResponse(error.body(), error.status, headers)


def _tell_operator(app: FastAPI, error: StoreUnavailable) -> None:
    """In the log, each of such words once a minute at most: clients alone would know."""
    now, said_at = time.monotonic(), app.state.refusals
    if now >= said_at.get(error.message, now - QUIET) + QUIET:
        said_at[error.message] = now
        log.error("the store refuses", extra={"error": error.message})


def _asked_for(request: Request) -> str:
    """Path and query, as a value of a query: a shared link keeps its range through sign-in."""
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="/")


def _http(request: Request, error: HTTPException) -> Response:
    words = {404: "There is nothing at this address", 405: "This address does not take that method"}
    message = words.get(error.status_code, str(error.detail))
    if _wants_page(request):
        return pages.error_page(error.status_code, message)
    body = {"error": {"code": _CODES.get(error.status_code, "http_error"), "message": message}}
    return JSONResponse(body, error.status_code, headers=error.headers)


def _unreadable(_request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": {"code": "invalid", "message": first["msg"], "field": field}}, 422)


def unexpected(request: Request, error: Exception) -> Response:
    """An error of our own: the log has it under a number that the answer names."""
    number = secrets.token_hex(4)
    log.error("unexpected error", extra={"incident": number, "path": request.url.path}, exc_info=error)
    message = f"Something went wrong inside Plimsoll; the log has it under {number}"
    if _wants_page(request):
        return pages.error_page(500, message)
    return JSONResponse({"error": {"code": "internal", "message": message}}, 500)


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")


class SecurityHeaders:
    """Adds headers to every answer. Plain ASGI: a body on its way in is not touched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add what the answer lacks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers)


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "script-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
}
