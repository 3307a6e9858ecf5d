"""The clockwork."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import clock, scheduler
from tests.stores import new_service


@pytest.mark.parametrize("name", ["runs", "triggers"])
def test_ticks_come_just_after_whole_multiples_so_that_a_schedule_is_seen_when_its_minute_begins(
    name: str, tmp_path: Path
) -> None:
    service = new_service(tmp_path)
    ticking = scheduler.start(service)
    try:
        due = clock.from_datetime(ticking.get_job(name).next_run_time)
        assert due % (5 * clock.SECOND) == clock.SECOND // 20
    finally:
        ticking.shutdown(wait=True)
        service.close()
