"""Who may call what.

Every route names its scope with ``requires``; an app with a route that names none does not start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute

from monitor.actions import manage_keys
from monitor.errors import Forbidden, Unauthorized
from monitor.settings import is_loopback

COOKIE = "plimsoll_session"
OPEN = "open"
_REACH = {"ingest": {"ingest", "admin"}, "read": {"read", "admin"}, "admin": {"admin"}}


def requires(scope: str) -> Callable[[Request], None]:
    """A dependency that lets a request pass only with a key of that scope; ``open`` asks for none."""

    def check(request: Request) -> None:
        if scope == OPEN:
            return
        held = scope_held(request)
        if held is not None:
            same_site(request)
        if held is None:
            raise Unauthorized("This needs a key: send `Authorization: Bearer KEY` (make one: plimsoll keys create)")
        if held not in _REACH[scope]:
            raise Forbidden(f"This needs a key of scope {scope}; yours has {held}")

    check.__dict__["scope"] = scope
    return check


def scope_held(request: Request) -> str | None:
    """The scope of the request's key or session; admin where no key was ever made (then only loopback is served)."""
    service, now = request.app.state.service, request.app.state.clock()
    header = request.headers.get("authorization", "")
    if header.lower().startswith("bearer "):
        scope = manage_keys.scope_of(service.database, header[7:].strip())
        if scope is not None:
            return scope
    elif COOKIE in request.cookies:
        scope = manage_keys.session_scope(service.database, request.cookies[COOKIE], now)
        if scope is not None:
            return scope
    return None if manage_keys.are_needed(service.database) else "admin"


def same_site(request: Request) -> None:
    """Another site's page must not act through the browser of somebody who is signed in, or sits on this machine."""
    if request.headers.get("authorization"):
        return
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    public = urlsplit(request.app.state.service.settings.public_url).hostname
    if COOKIE not in request.cookies and not (is_loopback(host) or host in (public, "testserver") or _is_address(host)):
        raise Forbidden(f"This service answers to its own name only, not to {host!r}; set PLIMSOLL_PUBLIC_URL")
    if request.method in ("GET", "HEAD"):
        return
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") == "cross-site" or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise Forbidden("A page of another site asked for this; it was refused")


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


def refuse_unguarded(app: FastAPI) -> None:
    """Raises RuntimeError when a route names no scope: what is not allowed is denied."""
    for route in app.routes:
        if isinstance(route, APIRoute) and scope_of_route(route) is None:
            raise RuntimeError(f"{route.path} names no scope; add Depends(requires(...))")
