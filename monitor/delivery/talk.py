"""Says what a conversation wants said: each request over the wire, each reply back into it."""

from __future__ import annotations

from typing import TypeVar

from alerting.conversation import Conversation
from monitor.delivery.addresses import AddressPolicy
from monitor.delivery.http import send

T = TypeVar("T")
MOST_REQUESTS = 20  # no orchestrator needs so many for one question; one that asks for ever shall not hold a sender


class TooLong(RuntimeError):
    """A conversation that does not come to an end."""


def talk(conversation: Conversation[T], policy: AddressPolicy) -> T:
    """Hold the conversation to its end, and answer what it came to.

    Raises TooLong past 20 requests, and what the conversation itself raises.
    """
    try:
        request = next(conversation)
        for _ in range(MOST_REQUESTS):
            request = conversation.send(send(request, policy))
    except StopIteration as end:
        result: T = end.value
        return result
    conversation.close()
    raise TooLong("the exchange did not come to an end")
