"""The clockwork."""

from __future__ import annotations

from pathlib import Path

from monitor import clock, scheduler
from tests.stores import new_service


def test_runs_are_looked_for_as_a_minute_begins(tmp_path: Path) -> None:
    service = new_service(tmp_path)
    ticking = scheduler.start(service)
    try:
        due = clock.from_datetime(ticking.get_job("runs").next_run_time)
        assert due % (5 * clock.SECOND) == clock.SECOND // 20
    finally:
        ticking.shutdown(wait=True)
        service.close()
