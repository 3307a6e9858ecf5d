"""The clockwork."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import clock, scheduler
from monitor.store import config, trigger_runs
from tests.orchestrators.base import Seen, served
from tests.orchestrators.schedulers import Dagster
from tests.orchestrators.world import world_of
from tests.stores import new_service

pytestmark = pytest.mark.usefixtures("engine_of_stores")


def test_runs_are_looked_for_as_a_minute_begins(tmp_path: Path) -> None:
    service = new_service(tmp_path)
    ticking = scheduler.start(service)
    try:
        due = clock.from_datetime(ticking.get_job("runs").next_run_time)
        assert due % (5 * clock.SECOND) == clock.SECOND // 20
    finally:
        ticking.shutdown(wait=True)
        service.close()


def test_what_is_too_old_goes_also_where_no_process_lives_for_an_hour(tmp_path: Path) -> None:
    service, began = new_service(tmp_path), clock.now()
    ticking = scheduler.start(service)
    try:
        job = ticking.get_job("prune")
        first = clock.from_datetime(job.next_run_time)
        assert began < first <= clock.now() + 5 * clock.MINUTE
        assert job.trigger.interval == timedelta(hours=1)
    finally:
        ticking.shutdown(wait=True)
        service.close()


def test_an_orchestrator_that_takes_its_time_holds_up_no_other(tmp_path: Path) -> None:
    """Two runs are due at once; the one that is asked about first gets no answer until the other is over."""
    slow, over, began = Dagster(), threading.Event(), threading.Event()

    def hang(_request: Seen) -> None:
        began.set()
        over.wait(30)

    slow.instead = hang
    with served(slow), world_of(tmp_path, Dagster()) as world:
        world.fire()
        world.deliver()
        world.there.runs[0].state = "SUCCESS"
        run = world.run()
        other = replace(run, id="run-slow", trigger_name="slow", idempotency_key="slow", requested_at=0, next_poll_at=0)
        with world.runs.database.write() as connection:
            config.put(connection, "trigger", "slow", slow.configured())
            trigger_runs.add_run(connection, other)
        ticking = scheduler.start(world.service)
        try:
            assert began.wait(10)
            deadline = time.monotonic() + 10
            while world.run().state != "succeeded" and time.monotonic() < deadline:
                time.sleep(0.05)
            assert world.run().state == "succeeded"
            assert len(slow.asked) == 1
        finally:
            over.set()
            ticking.shutdown(wait=True)
