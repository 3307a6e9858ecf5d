"""Every route of the application, however deep the routers that hold it are nested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi.routing import APIRoute


def routes_of(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """The routes themselves: an included router stands for the routes in it."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (inner := getattr(route, "original_router", None)) is not None:
            yield from routes_of(inner.routes)
