"""Small posts are stored in rounds: those that come while one is under way go into the next, and each is answered
when its round is on disk. A post that comes alone does not wait for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from monitor.actions.record_posts import Kind, Later, Post, record_posts
from monitor.api.door import Admitted
from monitor.api.turns import Ticket, Turns
from monitor.api.waiting import NOT_KNOWN
from monitor.errors import StoreUnavailable
from monitor.ingest.records import read_json, read_lines
from monitor.service import Service

PLACES, ROOM = 4096, 32 << 20  # posts and bytes that may wait
ROUND, ROUND_ROOM = 512, 4 << 20  # in one transaction
LINGER = 0.01  # seconds that a round waits for more when the one before had several
SEVERAL = 4
PATIENCE = 2.0  # seconds after which a store that does not answer is told of

AGAIN = 0.05  # seconds after which a model is tried again that another writer holds
LONGEST = 15.0  # seconds that a post waits for that

_BUSY = "Something large is being stored for this model; nothing was stored. Try again."
_GONE = "The store cannot be reached just now; nothing was stored. Try again."

Outcome = tuple[int, bytes] | Exception  # status and body of an answer, or why there is none


class Waiting(NamedTuple):
    """A body that waits, and whom to tell what became of it."""

    kind: Kind
    body: bytes
    lines: bool
    secret: str | None
    by_memory: bool
    told: asyncio.Future[tuple[int, bytes]]
    until: float


class Intake:
    """The queue of one event loop, and the one thread that stores from it."""

    def __init__(self, service: Service, now: Callable[[], int], loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._service, self._now = service, now
        self._turns: Turns[Waiting] = Turns(PLACES, ROOM)
        self._thread = ThreadPoolExecutor(1, "intake")
        self._under_way: list[Ticket[Waiting]] = []
        self._starting: asyncio.Handle | None = None
        self._watch: asyncio.Handle
        self._last = 0

    def put(
        self, model: str, client: str, kind: Kind, body: bytes, lines: bool, admitted: Admitted
    ) -> asyncio.Future[tuple[int, bytes]]:
        """Queue a body up; what will be status and body of its answer. Raises Overloaded, Full."""
        told: asyncio.Future[tuple[int, bytes]] = self.loop.create_future()
        waiting = Waiting(kind, body, lines, *admitted, told, self.loop.time() + LONGEST)
        self._turns.push(Ticket(model, client, len(body), waiting))
        if not self._under_way:
            self._start_soon()
        return told

    def _start_soon(self) -> None:
        if self._starting is None:
            delay = LINGER if self._last >= SEVERAL else 0
            self._starting = self.loop.call_later(delay, self._start)
        elif len(self._turns) == ROUND:
            self._starting.cancel()
            self._start()

    def _start(self) -> None:
        self._starting = None
        self._under_way = list(self._turns.take(ROUND, ROUND_ROOM))
        self._last = len(self._under_way)
        storing = self.loop.run_in_executor(self._thread, self._store, self._under_way)
        self._watch = self.loop.call_later(PATIENCE, self._tell_of_silence)
        storing.add_done_callback(self._finish)

    def _store(self, tickets: Sequence[Ticket[Waiting]]) -> list[Outcome]:
        """In the thread: read the bodies, store them, write the answers."""
        outcomes: list[Outcome] = []
        posts: list[Post] = []
        places: list[int] = []
        for place, ticket in enumerate(tickets):
            one = ticket.item
            try:
                records = read_lines(one.body) if one.lines else read_json(one.body)
            except Exception as error:
                outcomes.append(error)
                continue
            outcomes.append((0, b""))
            posts.append(Post(ticket.model, one.kind, records, one.secret, one.by_memory))
            places.append(place)
        for place, told in zip(places, record_posts(self._service, posts, self._now()), strict=True):
            outcomes[place] = told if isinstance(told, Exception) else answered(told)
        return outcomes

    def _finish(self, done: asyncio.Future[list[Outcome]]) -> None:
        self._watch.cancel()
        tickets, self._under_way = self._under_way, []
        error = done.exception()
        outcomes: Sequence[Outcome] = [error] * len(tickets) if isinstance(error, Exception) else done.result()
        later = []
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            if isinstance(outcome, Later) and self.loop.time() < ticket.item.until:
                later.append(ticket)
            else:
                _tell(ticket, StoreUnavailable(_BUSY) if isinstance(outcome, Later) else outcome)
        gone = next((one for one in outcomes if isinstance(one, StoreUnavailable)), None)
        if gone is not None:
            self._tell_waiting(gone.message, gone.retry_after)
        self._turns.put_back(later)
        if len(self._turns):
            delay = AGAIN if len(later) == len(tickets) else LINGER if self._last >= SEVERAL else 0
            self._starting = self.loop.call_later(delay, self._start)

    def _tell_of_silence(self) -> None:
        """The store has not answered for long: whoever waits is told, and the round goes on. Not so while a writer of
        this process gets on."""
        if not self._under_way:
            return
        self._watch = self.loop.call_later(PATIENCE / 2, self._tell_of_silence)
        if self._service.database.is_writing:
            return
        for ticket in self._under_way:
            _tell(ticket, StoreUnavailable(NOT_KNOWN))
        self._tell_waiting(_GONE)

    def _tell_waiting(self, message: str, retry_after: int = 2) -> None:
        for ticket in self._turns.take(PLACES, ROOM):
            _tell(ticket, StoreUnavailable(message, retry_after))


def answered(told: dict[str, object]) -> tuple[int, bytes]:
    """Status and body of an answer."""
    return (422 if "error" in told else 200), msgspec.json.encode(told)


def _tell(ticket: Ticket[Waiting], outcome: Outcome) -> None:
    told = ticket.item.told
    if told.done():  # told before, or gone
        return
    if isinstance(outcome, Exception):
        told.set_exception(outcome)
    else:
        told.set_result(outcome)
