"""Bodies of requests: read whole, within bounds, and only as many at once as the process has room for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from io import BytesIO
from typing import Any

from fastapi import Request
from starlette.datastructures import State
from starlette.types import Message, Receive

from monitor.api.turns import CLIENT_SHARE, Ticket, Turns
from monitor.errors import BadRequest, Full, Overloaded, TooLarge, TooSlow

BODIES_IN_MEMORY = 1.5  # times the greatest body allowed: what has come in of all bodies that are not stored yet
AT_WORK = 4  # bodies being decoded and stored, together no larger than BODIES_IN_MEMORY
PACKED, PARQUET = 100, 4  # times its size that an encoded body is reckoned with, and a Parquet file
WAITING = 64
SHORTLY = 1.0  # seconds that a body waits for room
LONGEST = 20.0  # seconds that it waits for a place of work
SLOW_SECONDS, SLOW_BYTES = 20.0, 64 << 10  # a body that does not end brings so much in so long


class Room:
    """How much of the process's room bodies take, and where they are worked on. Used by one event loop alone, so it
    needs no lock."""

    def __init__(self, capacity: int, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._capacity, self._taken = capacity, 0
        self._clients: Counter[str] = Counter()
        self._at_work: list[int] = []
        self._waiting: Turns[asyncio.Future[None]] = Turns(WAITING, WAITING * capacity)

    async def take(self, size: int, client: str) -> None:
        """Hold ``size`` bytes more; raises Overloaded where the client has its share, Full where there is no room
        shortly."""
        until = self.loop.time() + SHORTLY
        if self._clients[client] + size > self._capacity / CLIENT_SHARE:
            raise Overloaded("Too much of this client's is on its way in; nothing was stored. Send it again.")
        while self._taken + size > self._capacity:
            if self.loop.time() > until:
                raise Full("More is coming in than there is room for; nothing was stored. Send it again.")
            await asyncio.sleep(0.02)
        self._taken += size
        self._clients[client] += size

    def give(self, size: int, client: str) -> None:
        """Give bytes back."""
        self._taken -= size
        self._clients[client] -= size
        if not self._clients[client]:
            del self._clients[client]

    @contextlib.asynccontextmanager
    async def desk(self, model: str, client: str, size: int) -> AsyncIterator[None]:
        """A place to decode and store a body of that unpacked size at; models take turns. Raises Overloaded, Full."""
        await self._sit_down(model, client, size)
        try:
            yield
        finally:
            self._stand_up(size)

    async def _sit_down(self, model: str, client: str, size: int) -> None:
        if not len(self._waiting) and self._fits(size):
            self._at_work.append(size)
            return
        called: asyncio.Future[None] = self.loop.create_future()
        ticket = Ticket(model, client, size, called)
        self._waiting.push(ticket)
        try:
            async with asyncio.timeout(LONGEST):
                await called
        except (TimeoutError, asyncio.CancelledError) as error:
            self._waiting.leave(ticket)
            if called.done() and not called.cancelled():  # called in the same moment
                self._stand_up(size)
            if isinstance(error, TimeoutError):
                raise Full("Bodies before this one took too long; nothing was stored. Send it again.") from None
            raise

    def _fits(self, size: int) -> bool:
        return not self._at_work or (len(self._at_work) < AT_WORK and sum(self._at_work) + size <= self._capacity)

    def _stand_up(self, size: int) -> None:
        """Call those who wait and find room now."""
        self._at_work.remove(size)
        while len(self._waiting):
            ticket = self._waiting.pop()
            if ticket.item.done():  # given up in this moment
                continue
            if not self._fits(ticket.size):
                self._waiting.put_back([ticket])
                return
            self._at_work.append(ticket.size)
            ticket.item.set_result(None)


def room_of(state: State) -> Room:
    """The room of the application, for the loop that runs now."""
    loop = asyncio.get_running_loop()
    room: Room | None = getattr(state, "room", None)
    if room is None or room.loop is not loop:
        room = state.room = Room(int(BODIES_IN_MEMORY * state.service.settings.max_body), loop)
    return room


@contextlib.asynccontextmanager
async def body_of(request: Request, model: str) -> AsyncIterator[list[bytes]]:
    """The request's body in a list, which it may be taken out of; its room is held, and one of a few places of work,
    until the block ends.

    Raises what ``read`` and ``Room.desk`` raise.
    """
    state, client = request.app.state, client_of(request.scope)
    room, limit = room_of(state), state.service.settings.max_body
    check_announced(request.headers.get("content-length"), limit)
    with held_by(room, client) as held:
        body = [await read(request.receive, await first_of(request.receive), limit, held)]
        encoding, type_ = request.headers.get("content-encoding"), request.headers.get("content-type")
        async with room.desk(model, client, unpacked(len(body[0]), encoding, type_, limit)):
            yield body


class Held:
    """What one body takes of the room."""

    def __init__(self, room: Room, client: str) -> None:
        self.room, self.client, self.size = room, client, 0

    async def more(self, size: int) -> None:
        """So many bytes came."""
        await self.room.take(size, self.client)
        self.size += size


@contextlib.contextmanager
def held_by(room: Room, client: str) -> Iterator[Held]:
    """Room for one body, given back at the end of the block."""
    held = Held(room, client)
    try:
        yield held
    finally:
        room.give(held.size, client)


async def first_of(receive: Receive) -> Message:
    """The first part of a body; raises TooSlow."""
    try:
        async with asyncio.timeout(SLOW_SECONDS):
            return await receive()
    except TimeoutError:
        raise _too_slow() from None


async def read(receive: Receive, message: Message, limit: int, held: Held) -> bytes:
    """A body whose first ``message`` is there.

    Raises TooLarge past the limit, TooSlow, Overloaded and Full where there is no room, BadRequest when the
    connection ends.
    """
    body, mark = BytesIO(), 0
    try:
        async with asyncio.timeout(SLOW_SECONDS) as until:
            while True:
                part = _part(message)
                check_size(held.size + len(part), limit)
                await held.more(len(part))
                body.write(part)
                if not message.get("more_body", False):
                    return body.getvalue()
                if held.size >= mark + SLOW_BYTES:
                    mark = held.size
                    until.reschedule(held.room.loop.time() + SLOW_SECONDS)
                message = await receive()
    except TimeoutError:
        raise _too_slow() from None


def _too_slow() -> TooSlow:
    return TooSlow(f"A body must bring {SLOW_BYTES:,} bytes in every {SLOW_SECONDS:.0f} s, or end.")


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise BadRequest("The connection ended before the body did.")
    part: bytes = message.get("body", b"")
    return part


def unpacked(size: int, encoding: str | None, type_: str | None, limit: int) -> int:
    """How large a body is reckoned with: what packed ones unpack to is seen when they are."""
    plain = (encoding or "identity").strip().lower() == "identity"
    return min(limit, size * (PARQUET if "parquet" in (type_ or "") else 1) if plain else size * PACKED)


def client_of(scope: Mapping[str, Any]) -> str:
    """Whose request this is: by its key, else by its address."""
    key = next((value for name, value in scope["headers"] if name == b"authorization"), None)
    return str((scope.get("client") or ("",))[0]) if key is None else str(key, "latin-1")


def check_announced(length: str | None, limit: int) -> None:
    """Raises TooLarge for a Content-Length past the limit, BadRequest for one that is no number."""
    if length is not None and not length.isdigit():
        raise BadRequest("Content-Length must be a number.")
    check_size(int(length or 0), limit)


def check_size(size: int, limit: int) -> None:
    """Raises TooLarge past the limit."""
    if size > limit:
        raise TooLarge(f"The body is larger than {limit:,} bytes, the most that one may have.", "Split it.")
