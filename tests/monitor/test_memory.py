"""What a process gives back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import re
from pathlib import Path

from monitor import memory

memory.prepare()
import pandas
from scipy import stats


def of_files():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])


before = of_files()
memory.let_go_of_programs()
print(before, of_files())
print(stats.ks_2samp([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]).statistic, len(pandas.Series([1, 2, 2]).value_counts()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere nothing is given back.")
def test_programs_are_read_again_as_they_are_needed() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    sizes, result = told.stdout.splitlines()
    before, after = map(int, sizes.split())
    assert before - after > 20_000  # KiB
    assert result == "1.0 2"
