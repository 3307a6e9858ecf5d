"""A queue that serves models in turn: one that sends much waits for itself, not in front of the others."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from monitor.errors import Full, Overloaded

T = TypeVar("T")
MODEL_SHARE, CLIENT_SHARE = 2, 4 / 3  # of the queue's places, one model's are a half, one client's three quarters


class Ticket(NamedTuple, Generic[T]):
    """Something that waits, for which model, from which client, and how many bytes it holds."""

    model: str
    client: str
    size: int
    item: T


@dataclass
class Turns(Generic[T]):
    """Tickets by model, at most ``places`` of them and ``room`` bytes. Used by one event loop alone: no lock."""

    places: int
    room: int
    size: int = 0
    _queues: OrderedDict[str, deque[Ticket[T]]] = field(default_factory=OrderedDict)
    _clients: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return self._clients.total()

    def push(self, ticket: Ticket[T]) -> None:
        """Queue up; raises Overloaded when the model's or the client's share is taken, Full when the queue is."""
        if len(self) >= self.places or self.size + ticket.size > self.room:
            raise Full("More is coming in than can be stored just now; nothing was stored. Send it again.")
        if len(self._queues.get(ticket.model, ())) >= self.places / MODEL_SHARE:
            raise Overloaded(f"Too many posts to {ticket.model!r} wait; nothing was stored. Send it again.")
        if self._clients[ticket.client] >= self.places / CLIENT_SHARE:
            raise Overloaded("Too many of this client's posts wait; nothing was stored. Send it again.")
        self._queues.setdefault(ticket.model, deque()).append(ticket)
        self._clients[ticket.client] += 1
        self.size += ticket.size

    def put_back(self, tickets: Sequence[Ticket[T]]) -> None:
        """Those that were taken in vain, in their order: it is their turn again."""
        for ticket in reversed(tickets):
            self._queues.setdefault(ticket.model, deque()).appendleft(ticket)
            self._queues.move_to_end(ticket.model, last=False)
            self._clients[ticket.client] += 1
            self.size += ticket.size

    def pop(self) -> Ticket[T]:
        """The oldest of the model whose turn it is, which then is the last of the models; raises KeyError if empty."""
        model, queue = self._queues.popitem(last=False)
        ticket = queue.popleft()
        if queue:
            self._queues[model] = queue
        self._forget(ticket)
        return ticket

    def _forget(self, ticket: Ticket[T]) -> None:
        self._clients[ticket.client] -= 1
        if not self._clients[ticket.client]:
            del self._clients[ticket.client]
        self.size -= ticket.size

    def leave(self, ticket: Ticket[T]) -> None:
        """One that does not wait any more, wherever it stands; nothing where it has been taken."""
        queue = self._queues.get(ticket.model, deque())
        if ticket not in queue:
            return
        queue.remove(ticket)
        if not queue:
            del self._queues[ticket.model]
        self._forget(ticket)

    def take(self, places: int, room: int) -> Iterator[Ticket[T]]:
        """The next tickets, at most so many and of so many bytes, but one at least."""
        taken = held = 0
        while self._queues and (not taken or (taken < places and held < room)):
            ticket = self.pop()
            taken, held = taken + 1, held + ticket.size
            yield ticket
