"""A run that takes longer than its lease is begun once; that of a worker who is gone, or stands still, by another."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select

from monitor import bootstrap, clock, settings
from monitor.store import locks, tables
from tests.monitor.world import World, traffic
from tests.postgres import Databases
from tests.processes import works_on_leases

D, H = clock.DAY, clock.HOUR


@contextlib.contextmanager
def worker(url: str, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", works_on_leases.__name__, url, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    print(file=process.stdin, flush=True)


@pytest.fixture
def world(postgres: Databases) -> Iterator[World]:
    """A model with runs that are due."""
    service, now = bootstrap.build(settings.load({}, database_url=postgres.migrated())), clock.now() // H * H
    made = World(service, now=clock.now())
    made.reference(traffic(now - 12 * D, 24 * 9), now=now - 5 * H)  # so that a window has ended since
    made.post(traffic(now - D, 24, seed=2))
    yield made
    service.close()


def first_run(world: World) -> tuple[str | None, int, bool]:
    """Who has the first run, until when, and whether it is finished."""
    with world.service.database.read() as connection:
        row = connection.execute(select(tables.run_claims).order_by(tables.run_claims.c.as_of).limit(1)).first()
    return (None, 0, False) if row is None else (row.holder, row.lease_until, row.finished_at is not None)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_run_is_its_workers_for_as_long_as_he_is_at_it(how: signal.Signals, world: World) -> None:
    url, name = world.service.settings.database_url, locks.model("m")
    with worker(url, "one") as one, worker(url, "two") as two:
        with world.service.database.write(name):  # what the run needs
            begin(one)
            until(lambda: first_run(world)[0] == "one")
            began = first_run(world)[1]
            begin(two)
            enough = began + int(1.5 * works_on_leases.LEASE * clock.SECOND)
            until(lambda: first_run(world)[1] >= enough or first_run(world)[0] != "one")
            assert first_run(world)[0] == "one"
            one.send_signal(how)
            until(lambda: first_run(world)[0] == "two")
            one.send_signal(signal.SIGCONT)
        until(lambda: first_run(world)[2])
        assert first_run(world)[0] == "two"
        until(lambda: bool(world.stored()))
    t = tables.readings.c
    each = (t.check_name, t.metric, t.feature, t.segment, t.version, t.window_start, t.window_end)
    with world.service.database.read() as connection:
        times = connection.execute(select(func.count()).select_from(tables.readings).group_by(*each)).scalars()
        assert set(times) == {1}
