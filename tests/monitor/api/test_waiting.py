"""A store that hangs, seen by those who ask whether it answers."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from monitor.api import waiting
from monitor.api.waiting import Pulse


def test_a_question_that_hangs_does_not_speak_for_a_store_that_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.2)
    hangs, numbers = threading.Event(), itertools.count()

    def question() -> None:
        if next(numbers) == 0:
            hangs.wait(60)

    async def ask() -> None:
        pulse = Pulse(question, asyncio.get_running_loop())
        assert await pulse.is_silent()
        assert await pulse.is_silent()  # the same one is waited for: each would take a thread
        assert next(numbers) == 1
        assert pulse.hangs()
        monkeypatch.setattr(waiting, "AGAIN", 0.0)
        assert not await pulse.is_silent()
        hangs.set()

    asyncio.run(ask())


def test_few_questions_hang_and_there_is_always_one_more_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.02)
    monkeypatch.setattr(waiting, "AGAIN", 0.02)
    hangs, back, begun = threading.Event(), threading.Event(), itertools.count()

    def question() -> None:
        next(begun)
        if not back.is_set():  # what was asked before the store went is never answered
            hangs.wait(60)

    async def ask() -> None:
        pulse = Pulse(question, asyncio.get_running_loop())
        assert not pulse.hangs()  # nobody has asked
        for _ in range(30):
            assert await pulse.is_silent()
            assert pulse.hangs()
        assert 2 <= next(begun) < 10
        back.set()
        while await pulse.is_silent():
            pass
        assert not pulse.hangs()
        hangs.set()

    asyncio.run(ask())
