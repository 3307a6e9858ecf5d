"""Who may call what.

Every route names its scope with ``requires``; an app with a route that names none does not start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute

from monitor.actions import manage_keys
from monitor.errors import Forbidden, Unauthorized
from monitor.settings import is_loopback

COOKIE = "plimsoll_session"
OPEN = "open"


def requires(scope: str) -> Callable[..., Any]:
    """A dependency that lets a request pass only with a key of that scope; ``open`` asks for none."""

    def check(request: Request) -> None:
        held = scope_held(request)
        if held is None:
            raise Unauthorized("This needs a key: send `Authorization: Bearer KEY` (make one: plimsoll keys create)")
        same_site(request)
        if held not in manage_keys.REACH[scope]:
            raise Forbidden(f"This needs a key of scope {scope}; yours has {held}")

    async def pass_all() -> None:
        """No thread is needed for that: all of them may be waiting for a store that hangs."""

    found = pass_all if scope == OPEN else check
    found.__dict__["scope"] = scope
    return found


def scope_held(request: Request) -> str | None:
    """The scope of the request's key or session; admin where no key was ever made (then only loopback is served)."""
    service, now = request.app.state.service, request.app.state.clock()
    secret = secret_of(request)
    if secret is not None:
        scope = manage_keys.scope_of(service.database, secret)
        if scope is not None:
            return scope
    elif COOKIE in request.cookies:
        scope = manage_keys.session_scope(service.database, request.cookies[COOKIE], now)
        if scope is not None:
            return scope
    return None if manage_keys.are_needed(service.database) else "admin"


def name_held(request: Request) -> str | None:
    """The name of the request's key, or of the one that its session was opened with; None where there is none."""
    service, now = request.app.state.service, request.app.state.clock()
    secret = secret_of(request)
    if secret is not None:
        return manage_keys.name_of(service.database, secret)
    cookie = request.cookies.get(COOKIE)
    return None if cookie is None else manage_keys.session_name(service.database, cookie, now)


def secret_of(request: Request) -> str | None:
    """The secret of the key that a request shows."""
    header = request.headers.get("authorization", "")
    return header[7:].strip() if header.lower().startswith("bearer ") else None


def same_site(request: Request) -> None:
    """Another site's page must not act through the browser of somebody who is signed in, or sits on this machine."""
    _own_name(request)
    if request.headers.get("authorization") or request.method in ("GET", "HEAD"):
        return
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") == "cross-site" or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise Forbidden("A page of another site asked for this; it was refused")


def _own_name(request: Request) -> None:
    """Where no key guards the service, a foreign name that leads here (DNS rebinding) must not read it, whatever
    headers or cookies its page sends."""
    service = request.app.state.service
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    own = (
        is_loopback(host) or _is_address(host) or host in (urlsplit(service.settings.public_url).hostname, "testserver")
    )
    if not own and not manage_keys.are_needed(service.database):
        raise Forbidden(f"This service answers to its own name only, not to {host!r}; set PLIMSOLL_PUBLIC_URL")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def scope_of_route(route: APIRoute) -> str | None:
    """The scope that a route names, None if it names none."""
    for dependency in route.dependant.dependencies:
        scope = getattr(dependency.call, "scope", None)
        if isinstance(scope, str):
            return scope
    return None


def api_routes(routes: Iterable[object]) -> Iterator[APIRoute]:
    """Every route, also those of included routers, which newer versions of FastAPI keep nested.

    Raises RuntimeError for what is neither: nobody could say who may call it.
    """
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(inner := getattr(route, "original_router", None), APIRouter):
            yield from api_routes(inner.routes)
        else:
            raise RuntimeError(f"{route!r} is no route that can name a scope")  # noqa: TRY004 - the program is wrong


def refuse_unguarded(app: FastAPI) -> None:
    """Raises RuntimeError when a route names no scope: what is not allowed is denied."""
    for route in api_routes(app.routes):
        if scope_of_route(route) is None:
            raise RuntimeError(f"{route.path} names no scope; add Depends(requires(...))")
