"""What one comparison of two tables costs: Plimsoll, six packages at their defaults, and floors in numpy and C.

    python -m bench.detection.speed [--rows 1000000] [--slow-rows 100000] [--rounds 3] [--kept FOLDER]

Two tables of ``--rows`` rows with 45 numeric and 5 categorical columns, three of which drift by 0.05 sd. Each
measurement is a process of its own; loading the data and the package is not counted. What is told is CPU time (the
least of the rounds, which go round all subjects) and by how much the peak of memory rose. Every finished measurement is
kept under ``--kept``, and is not taken again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.detection import environments, kept, tables

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ROWS, ROUNDS = 1_000_000, 2


@dataclass(frozen=True)
class Subject:
    """``peer``: whose environment; ``None`` is our own interpreter. ``slow``: measured once, with fewer rows."""

    name: str
    peer: str | None
    variant: str
    words: str
    slow: bool = False

    def command(self, folder: Path, cache: Path) -> list[str]:
        """What measures it."""
        if self.peer is None:
            return [sys.executable, "-m", "bench.detection.subjects", self.variant, str(folder)]
        script = str(HERE / "peers" / f"with_{self.peer}.py")
        python = sys.executable if self.peer == "scipy" else str(environments.interpreter(self.peer, cache))
        return [python, script, "speed", str(folder), self.variant]


SUBJECTS = (
    Subject("Plimsoll, exact", None, "plimsoll", "KS and chi-square of every column"),
    Subject("Plimsoll, prepared", None, "plimsoll_prepared", "counts on stored cuts, KS and chi-square from them"),
    Subject("floor: sort", None, "sort_floor", "sorting the numbers of both tables, nothing else"),
    Subject("floor: numpy", None, "numpy_floor", "sort both, search one in the other; texts are codes already"),
    Subject("floor: C, prepared", None, "c_floor", "64 quantile bins and codes, one pass, reference prepared"),
    Subject("scipy", "scipy", "default", "ks_2samp and chi2_contingency in a loop"),
    Subject("Frouros", "frouros", "default", "KSTest, ChiSquareTest"),
    Subject("NannyML, KS", "nannyml", "ks_chi_square", "kolmogorov_smirnov and chi2, 10 chunks"),
    Subject("NannyML", "nannyml", "default", "jensen_shannon, 10 chunks"),
    Subject("Alibi Detect", "alibi_detect", "default", "TabularDrift: KS and chi-square"),
    Subject("whylogs", "whylogs", "default", "two profiles and their drift scores", slow=True),
    Subject("Evidently, KS", "evidently", "ks_chi_square", "DataDriftPreset with ks and chisquare", slow=True),
    Subject("Evidently", "evidently", "default", "DataDriftPreset", slow=True),
)


def measure(subject: Subject, folder: Path, cache: Path) -> dict[str, Any]:
    """One process; its answer. Raises ``CalledProcessError`` where it failed."""
    environment = environments.environment() | ({"PYTHONPATH": str(ROOT)} if subject.peer is None else {})
    command = subject.command(folder, cache)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
    done.check_returncode()
    cost: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return cost


def results(folder: Path) -> list[dict[str, Any]]:
    """All measurements so far."""
    file = folder / "speed.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def run(cache: Path, where: Path, rows: int, slow_rows: int, rounds: int) -> None:
    """Take the measurements that are missing; the rounds go round all subjects."""
    known = {(one["name"], one["rows"], one["round"]) for one in results(where)}
    wanted = [
        (subject, slow_rows if subject.slow else rows, number)
        for number in range(rounds)
        for subject in SUBJECTS
        if not (subject.slow and number)
    ]
    wanted += [(subject, slow_rows, 0) for subject in SUBJECTS if slow_rows != rows and not subject.slow]
    with Progress(console=Console(stderr=True)) as progress, (where / "speed.jsonl").open("a", encoding="utf-8") as log:
        bar = progress.add_task("measuring", total=len(wanted))
        for subject, size, number in wanted:
            progress.update(bar, description=f"{subject.name}, {size:,} rows")
            folder = cache / f"tables-{size}"
            folder.mkdir(parents=True, exist_ok=True)
            tables.write(folder, size)
            if (subject.name, size, number) not in known:
                cost = measure(subject, folder, cache)
                log.write(json.dumps({"name": subject.name, "rows": size, "round": number, **cost}) + "\n")
                log.flush()
            progress.advance(bar)


def least(found: list[dict[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    """The cheapest round of each subject and size."""
    best: dict[tuple[int, str], dict[str, Any]] = {}
    for one in found:
        key = (one["rows"], one["name"])
        if key not in best or one["cpu"] < best[key]["cpu"]:
            best[key] = one
    return best


def times(ratio: float) -> str:
    """Two digits, without an exponent."""
    return f"{ratio:.0f}" if ratio >= 99.5 else f"{ratio:.2g}"


def rows_of(best: dict[tuple[int, str], dict[str, Any]], size: int) -> list[tuple[str, ...]]:
    """name, what, CPU seconds, times Plimsoll exact, times Plimsoll prepared, MB added."""
    exact, prepared = (best[size, name]["cpu"] for name in ("Plimsoll, exact", "Plimsoll, prepared"))
    lines = []
    for subject in SUBJECTS:
        one = best.get((size, subject.name))
        if one is not None:
            ratios = (times(one["cpu"] / exact), times(one["cpu"] / prepared))
            lines.append((subject.name, subject.words, f"{one['cpu']:.3g}", *ratios, f"{one['added_mb']:.0f}"))
    return lines


HEADINGS = ("", "what", "CPU s", "× exact", "× prepared", "MB added")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--slow-rows", type=int, default=100_000, help="for packages that take minutes")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--kept", type=Path, default=kept.FOLDER, help="folder of what was measured")
    parser.add_argument("--cache", type=Path, default=Path(".cache/detection"), help="folder of what may be deleted")
    arguments = parser.parse_args()
    for folder in (arguments.cache, arguments.kept):
        folder.mkdir(parents=True, exist_ok=True)
    run(arguments.cache, arguments.kept, arguments.rows, arguments.slow_rows, arguments.rounds)
    best = least(results(arguments.kept))
    for size in sorted({rows for rows, _ in best}):
        if (size, "Plimsoll, exact") in best:
            shown = Table(*HEADINGS, title=f"{size:,} + {size:,} rows")
            for line in rows_of(best, size):
                shown.add_row(*line)
            Console().print(shown)


if __name__ == "__main__":
    main()
