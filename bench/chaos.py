"""A hundred times kill -9 of an API process, a worker or the database: ``python -m bench.chaos [KILLS [SEED]]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.progress import Progress

from tests.processes import chaos


def main(kills: int = 100, seed: int = 1) -> None:
    """Print what was found; fails where anything is lost, doubled or wrong."""
    with tempfile.TemporaryDirectory() as folder, Progress() as bar:
        task = bar.add_task("kills", total=kills)
        chaos.play(Path(folder), kills, seed, lambda done: bar.update(task, completed=done))
    print(
        f"{kills} kills: no acknowledged row lost but what was too old to be kept, none doubled; no run doubled; "
        "no alert without its message; one retraining for each incident, followed to its end"
    )


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
