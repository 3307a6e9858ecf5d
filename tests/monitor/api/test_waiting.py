"""A store that hangs, seen by those who ask whether it answers."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from monitor.api import waiting
from monitor.api.waiting import MOST, Pulse


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
        monkeypatch.setattr(waiting, "AGAIN", 0.0)
        assert not await pulse.is_silent()
        hangs.set()

    asyncio.run(ask())


def test_few_questions_hang_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    monkeypatch.setattr(waiting, "AGAIN", 0.0)
    hangs, begun = threading.Event(), itertools.count()

    def question() -> None:
        next(begun)
        hangs.wait(60)

    async def ask() -> None:
        pulse = Pulse(question, asyncio.get_running_loop())
        for _ in range(3 * MOST):
            assert await pulse.is_silent()
        assert next(begun) == MOST
        hangs.set()
        await asyncio.sleep(0.05)
        monkeypatch.setattr(waiting, "PATIENCE", 20.0)
        assert not await pulse.is_silent()

    asyncio.run(ask())
