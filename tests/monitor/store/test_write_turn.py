"""Who waits for writers of this process waits for as long as they get on; for another program's, shortly."""

from __future__ import annotations

import threading
import time

import pytest

from monitor.errors import StoreUnavailable
from monitor.store.turn import WriteTurn


def waiting(turn: WriteTurn, patience: float) -> tuple[threading.Thread, list[Exception | None]]:
    """A thread that wants the turn, and what it got."""
    got: list[Exception | None] = []

    def want() -> None:
        try:
            with turn.taken(patience):
                got.append(None)
        except StoreUnavailable as error:
            got.append(error)

    thread = threading.Thread(target=want)
    thread.start()
    return thread, got


def test_many_short_writers_one_after_the_other_are_waited_for() -> None:
    """Each takes the turn a moment before it has the file; that moment is no reason to give up."""
    turn, stop = WriteTurn(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            with turn.taken(30):
                time.sleep(0.06)  # has the turn, not the file
                turn.begun()
                time.sleep(0.12)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    results = [waiting(turn, 0.5) for _ in range(4)]
    time.sleep(1.5)
    stop.set()
    for thread in [*writers, *(thread for thread, _ in results)]:
        thread.join(20)
    assert [got for _, got in results] == [[None]] * 4


def test_a_file_that_another_program_holds_is_not() -> None:
    turn = WriteTurn()
    with turn.taken(5):  # and waits for the file
        began = time.monotonic()
        thread, got = waiting(turn, 0.3)
        thread.join(10)
    assert isinstance(got[0], StoreUnavailable)
    assert 0.25 < time.monotonic() - began < 5


def test_one_that_has_the_file_is_waited_for() -> None:
    turn = WriteTurn()
    with turn.taken(5):
        turn.begun()
        thread, got = waiting(turn, 0.2)
        time.sleep(0.7)
        assert not got
    thread.join(10)
    assert got == [None]


def test_whoever_waits_for_nothing_is_let_in_at_once() -> None:
    with WriteTurn().taken(0):
        pass
    with pytest.raises(ValueError, match="mine"), WriteTurn().taken(1):
        raise ValueError("mine")
