"""Bodies of requests: read whole, within bounds, and only as many at once as the process has room for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from fastapi import Request

from monitor.errors import BadRequest, Overloaded, TooLarge

BODIES_IN_MEMORY = 4  # times the greatest body allowed
AT_WORK = 4  # bodies being decoded and stored; SQLite writes one at a time anyway
WAITING = 64
_RETRY_AFTER = 1


class Room:
    """How much of the process's room bodies take. Used by the event loop alone, so it needs no lock."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._taken, self._requests = capacity, 0, 0
        self._desks = asyncio.Semaphore(AT_WORK)

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """One request more; raises Overloaded when too many wait."""
        if self._requests >= AT_WORK + WAITING:
            raise _overloaded()
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    def take(self, size: int) -> None:
        """Hold ``size`` bytes more; raises Overloaded when there is no room."""
        if self._taken + size > self._capacity:
            raise _overloaded()
        self._taken += size

    def give(self, size: int) -> None:
        """Give bytes back."""
        self._taken -= size

    def desk(self) -> asyncio.Semaphore:
        """A place to decode and store one body at."""
        return self._desks


def _overloaded() -> Overloaded:
    return Overloaded("More is coming in than can be stored just now; nothing was stored. Send it again.", _RETRY_AFTER)


@contextlib.asynccontextmanager
async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The request's body; its room is held, and one of a few places of work, until the block ends.

    Raises TooLarge past the limit (by Content-Length before a byte is read), BadRequest when Content-Length is no
    number, Overloaded when there is no room.
    """
    limit = request.app.state.service.settings.max_body
    room = _room(request, limit)
    _check(_announced(request), limit)
    held = 0  # what has come in, not what was announced: a slow sender shall not keep the others out
    with room.admitted():
        try:
            parts: list[bytes] = []
            async for part in request.stream():
                _check(held + len(part), limit)
                room.take(len(part))
                held += len(part)
                parts.append(part)
            async with room.desk():
                yield b"".join(parts)
        finally:
            room.give(held)


def _room(request: Request, limit: int) -> Room:
    state = request.app.state
    if not hasattr(state, "room"):
        state.room = Room(BODIES_IN_MEMORY * limit)
    room: Room = state.room
    return room


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    if not length.isdigit():
        raise BadRequest("Content-Length must be a number.")
    return int(length)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"The body is larger than {limit:,} bytes, the most that one may have. Split it.")
