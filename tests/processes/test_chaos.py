"""A few kills of each kind; ``python -m bench.chaos`` kills a hundred times."""

from __future__ import annotations

from pathlib import Path

from tests.processes import chaos


def test_whoever_is_killed_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    chaos.play(tmp_path, kills=8, seed=3)
