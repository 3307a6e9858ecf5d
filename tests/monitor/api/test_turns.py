"""Queues by turns: shares of models and clients, places and bytes."""

from __future__ import annotations

import pytest

from monitor.api.turns import Ticket, Turns
from monitor.errors import Full, Overloaded


def ticket(model: str, client: str = "c", size: int = 1) -> Ticket[str]:
    return Ticket(model, client, size, f"{model}/{client}")


def test_models_take_turns_and_keep_their_own_order() -> None:
    turns: Turns[int] = Turns(100, 1000)
    for place in range(6):
        turns.push(Ticket("noisy", "n", 1, place))
    turns.push(Ticket("quiet", "q", 1, 100))
    turns.push(Ticket("other", "o", 1, 200))
    assert [one.item for one in turns.take(100, 1000)] == [0, 100, 200, 1, 2, 3, 4, 5]
    assert (len(turns), turns.size) == (0, 0)


def test_what_was_taken_in_vain_is_first_again() -> None:
    turns: Turns[int] = Turns(100, 1000)
    for place in range(4):
        turns.push(Ticket("m", "c", 1, place))
    taken = list(turns.take(2, 1000))
    turns.put_back(taken)
    assert [one.item for one in turns.take(100, 1000)] == [0, 1, 2, 3]


def test_who_waits_no_more_leaves_his_place() -> None:
    turns: Turns[int] = Turns(4, 1000)
    tickets = [Ticket("m", "c", 1, place) for place in range(2)]
    for one in tickets:
        turns.push(one)
    with pytest.raises(Overloaded):
        turns.push(Ticket("m", "c", 1, 9))
    turns.leave(tickets[0])
    turns.leave(tickets[0])
    turns.push(Ticket("m", "c", 1, 2))
    assert [one.item for one in turns.take(100, 1000)] == [1, 2]
    turns.leave(tickets[1])
    assert (len(turns), turns.size) == (0, 0)


def test_shares() -> None:
    turns: Turns[str] = Turns(8, 1000)
    for client in "abcd":
        turns.push(ticket("m", client))
    with pytest.raises(Overloaded, match="'m'"):
        turns.push(ticket("m", "e"))
    for model in "no":
        turns.push(ticket(model, "a"))
        turns.push(ticket(model, "b"))
    with pytest.raises(Full):
        turns.push(ticket("p", "z"))


def test_a_client_has_three_quarters_at_most() -> None:
    turns: Turns[str] = Turns(8, 1000)
    for place in range(6):
        turns.push(ticket(f"m{place}", "greedy"))
    with pytest.raises(Overloaded, match="client"):
        turns.push(ticket("m9", "greedy"))
    turns.push(ticket("m9", "other"))


def test_bytes_are_bounded_and_one_goes_always() -> None:
    turns: Turns[str] = Turns(8, 10)
    turns.push(ticket("m", size=9))
    with pytest.raises(Full):
        turns.push(ticket("n", size=2))
    assert [one.size for one in turns.take(5, 3)] == [9]
    turns.push(ticket("n", size=10))
