"""Who was let in a moment ago is let in again without a question to the store; what they bring is stored only if
their key still holds then."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from fastapi import Request
from starlette.types import Scope

from monitor.api.access import requires, secret_of
from monitor.api.waiting import asked

REMEMBERED = 10.0  # seconds
MOST = 10_000
_DECIDE = frozenset((b"authorization", b"cookie", b"host", b"origin", b"sec-fetch-site"))
_check = requires("ingest")


class Admitted(NamedTuple):
    """The secret of the key that let a request in (None: none was needed), and whether that was only remembered."""

    secret: str | None
    by_memory: bool


_NOBODY = (0.0, Admitted(None, False))


class Door:
    """Remembers what was let in by everything that the decision depends on. Used by one event loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._known: dict[tuple[tuple[bytes, bytes], ...], tuple[float, Admitted]] = {}

    async def admit(self, scope: Scope) -> Admitted:
        """Let a request in that may post rows; raises Unauthorized, Forbidden, StoreUnavailable."""
        shown = tuple([header for header in scope["headers"] if header[0] in _DECIDE])
        until, admitted = self._known.get(shown, _NOBODY)
        if until > self.loop.time():
            return admitted
        await asked(lambda: _check(Request(scope)))
        if any(name == b"cookie" for name, _ in shown):
            return Admitted(None, False)
        if len(self._known) >= MOST:
            self._known.clear()
        secret = secret_of(Request(scope))
        self._known[shown] = (self.loop.time() + REMEMBERED, Admitted(secret, True))
        return Admitted(secret, False)


def door_of(state: Any) -> Door:
    """The application's door, for the loop that runs now."""
    loop = asyncio.get_running_loop()
    door: Door | None = getattr(state, "door", None)
    if door is None or door.loop is not loop:
        door = state.door = Door(loop)
    return door
