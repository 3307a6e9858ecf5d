"""How routes read their arguments and write their answers."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import Response

from monitor import clock
from monitor.errors import BadRequest, Invalid, TooLarge
from monitor.service import Service

EARLIEST = 0  # 1970; what is stored begins in 1990, and what is looked at may lie some years before
LIMIT = 100
MOST = 1000
MOST_JSON = 1 << 20


def service_of(request: Request) -> Service:
    """The running service."""
    service: Service = request.app.state.service
    return service


def now_of(request: Request) -> int:
    """This moment, by the service's clock."""
    return int(request.app.state.clock())


def answer(content: Any, status: int = 200) -> Response:
    """JSON; NaN and infinities become null."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def moment(text: str | None, field: str) -> int | None:
    """A time argument; raises Invalid for anything but RFC 3339."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise Invalid(f"{field} must be a time such as 2026-01-31T12:00:00Z", field=field)
    try:
        read = clock.parse(text.replace(" ", "+") if "+" not in text and text[-6:-5] == " " else text)
    except ValueError as error:
        raise Invalid(
            f"{field} is {text[:60]!r}; it must be a time such as 2026-01-31T12:00:00Z", field=field
        ) from error
    if read < EARLIEST:
        raise Invalid(f"{field} is {text[:60]!r}; times begin in 1970", field=field)
    return read


def limit_of(text: str | None) -> int:
    """The page size asked for: 1 to 1000, 100 unless given."""
    if text is None:
        return LIMIT
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise Invalid(f"limit is {text[:20]!r}; it must be a whole number from 1 to {MOST}", field="limit")
    return int(text)


def number_cursor(text: str | None) -> int:
    """A cursor that is a number; raises Invalid otherwise."""
    if text is None or text == "":
        return 0
    if not text.isdigit():
        raise Invalid("cursor is not one that this list gave", field="cursor")
    return int(text)


def page(items: list[Any], next_cursor: object | None) -> dict[str, Any]:
    """A list as every list looks."""
    return {"items": items, "next_cursor": None if next_cursor is None else str(next_cursor)}


async def json_body(request: Request) -> Any:
    """The body as JSON; an empty one is an empty object.

    Raises BadRequest when it is not JSON, TooLarge past 1 MiB.
    """
    body = await small_body(request)
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}", code="not_json") from error


async def small_body(request: Request) -> bytes:
    """The body as it came; raises TooLarge past 1 MiB."""
    parts, held = [], 0
    async for part in request.stream():
        held += len(part)
        if held > MOST_JSON:
            raise TooLarge(f"This address takes a body of at most {MOST_JSON:,} bytes")
        parts.append(part)
    return b"".join(parts)


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object")
    return body
