"""What a process gives back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere nothing is given back.")

LOAD = """
import re
import sys
import time
from datetime import timedelta
from pathlib import Path

from monitor import clock, memory

memory.prepare()
import pandas
from scipy import stats


def of_files():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])


"""
BY_ITSELF = """
before = of_files()
memory.let_go_of_programs()
print(before, of_files())
"""
BY_THE_SCHEDULER = """
from monitor import scheduler
from tests.stores import new_service, use

use("sqlite")
service = new_service(Path(sys.argv[1]))
ticking = scheduler.start(service)
before, job = of_files(), ticking.get_job("memory")
assert job.trigger.interval == timedelta(minutes=1)
job.modify(next_run_time=clock.to_datetime(clock.now()))
deadline = time.monotonic() + 60
while before - of_files() <= 20_000 and time.monotonic() < deadline:
    time.sleep(0.05)
print(before, of_files())
scheduler.stop(service, ticking)
service.close()
"""
GO_ON = """
print(stats.ks_2samp([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]).statistic, len(pandas.Series([1, 2, 2]).value_counts()))
"""


@pytest.mark.parametrize("way", [BY_ITSELF, BY_THE_SCHEDULER], ids=["itself", "scheduler"])
def test_programs_are_read_again_as_they_are_needed(way: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOAD + way + GO_ON, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    sizes, result = told.stdout.splitlines()
    before, after = map(int, sizes.split())
    assert before - after > 20_000  # KiB
    assert result == "1.0 2"


ROUND = """
from monitor.memory import kept_by_no_error

def told_again():
    try:
        raise ValueError("first")
    except ValueError as first:
        try:
            raise KeyError("second") from first
        except KeyError:
            raise first

try:
    with kept_by_no_error():
        told_again()
except ValueError as error:
    print(error)
"""


def test_errors_that_were_raised_by_each_other_are_gone_through_once() -> None:
    told = subprocess.run([sys.executable, "-c", ROUND], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "first\n"
