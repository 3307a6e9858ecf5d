"""Questions to the store, from the event loop, that are not waited for without end; and work that is not."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from monitor.actions.check_ready import check_answers
from monitor.errors import StoreUnavailable

PATIENCE = 2.0  # seconds
AGAIN, SELDOM = 5.0, 300.0  # seconds until one asks again while a question hangs: after the first, and at most
SILENT = "The store does not answer just now. Try again."
NOT_KNOWN = "The store does not answer; whether this is stored is not known. Sending it again does no harm."
NOT_BEGUN = "The store does not answer just now; nothing was stored. Try again."
T = TypeVar("T")


async def asked(question: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """What a question that blocks answers; raises StoreUnavailable when it does not shortly (its thread goes on).
    ``limiter``: of its threads, where they are not those of all routes."""
    task = asyncio.ensure_future(to_thread.run_sync(question, limiter=limiter))
    await asyncio.wait({task}, timeout=PATIENCE)
    if not task.done():
        task.add_done_callback(unasked)
        raise StoreUnavailable(SILENT)
    return task.result()


def unasked(done: asyncio.Future[Any]) -> None:
    """What became of it nobody asks any more."""
    if not done.cancelled():
        done.exception()


class Pulse:
    """Whether the store answers at all. However many ask, few threads wait for it: a store that hangs keeps each. They
    are no others' threads, as all of those being at work is no silence of the store."""

    def __init__(self, question: Callable[[], object], loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._question = question
        self._own = CapacityLimiter(math.inf)
        self._asked: list[asyncio.Future[object]] = []  # and not answered
        self._asked_at = 0.0
        self._was_silent = False

    async def is_silent(self) -> bool:
        """Whether it says nothing for a while; that it cannot be used is an answer, too."""
        newest = self._newest()
        await asyncio.wait({newest}, timeout=PATIENCE)
        self._was_silent |= not newest.done()
        return not newest.done()

    def hangs(self) -> bool:
        """Whether it was silent, and says nothing to this day."""
        self._was_silent &= bool(self._asked)
        if self._was_silent:
            self._newest()
        return self._was_silent

    def _newest(self) -> asyncio.Future[object]:
        """A question under way. One that hangs does not speak for the store, which may be back, elsewhere: another is
        asked later, and ever later, as each keeps its thread and its connection."""
        pause = min(AGAIN * 2 ** (len(self._asked) - 1), SELDOM)
        if self._asked and self.loop.time() < self._asked_at + pause:
            return self._asked[-1]
        made = asyncio.ensure_future(to_thread.run_sync(self._question, limiter=self._own))
        made.add_done_callback(self._answered)
        self._asked.append(made)
        self._asked_at = self.loop.time()
        return made

    def _answered(self, done: asyncio.Future[object]) -> None:
        self._asked.remove(done)
        if not done.cancelled() and done.exception() is None:
            self._was_silent = False

    async def attend(self, work: asyncio.Task[None], answering: asyncio.Event) -> None:
        """Wait until the work ends or begins to answer. Raises StoreUnavailable where the store falls silent before:
        the work goes on, and nobody waits for it."""
        begins = asyncio.ensure_future(answering.wait())
        try:
            while True:
                await asyncio.wait({work, begins}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
                if work.done() or answering.is_set():
                    return
                if await self.is_silent() and not (work.done() or answering.is_set()):
                    raise StoreUnavailable(SILENT)
        finally:
            begins.cancel()

    async def watch(self, work: asyncio.Task[T], begun: asyncio.Event) -> T:
        """What the work answers, however long it takes while the store answers others. Raises StoreUnavailable where
        that is silent: what has begun goes on, the rest is given up."""
        while not work.done():
            await asyncio.wait({work}, timeout=PATIENCE)
            if work.done() or not await self.is_silent() or work.done():
                continue
            work.add_done_callback(unasked)
            if begun.is_set():
                raise StoreUnavailable(NOT_KNOWN)
            work.cancel()
            raise StoreUnavailable(NOT_BEGUN)
        return work.result()


def pulse_of(state: Any) -> Pulse:
    """The pulse of the application's store, for the loop that runs now."""
    loop = asyncio.get_running_loop()
    pulse: Pulse | None = getattr(state, "pulse", None)
    if pulse is None or pulse.loop is not loop:
        pulse = state.pulse = Pulse(lambda: check_answers(state.service), loop)
    return pulse
