"""Who is measured on a stream, and how one unit of work (a tool, a stream) is done and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.detection import environments, kept, real, streams
from bench.detection.metrics import Answer
from bench.detection.streams import START, Stream

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Tool:
    """``peer``: whose environment; ``None`` is Plimsoll. ``most_runs``: of a slow tool only so many days are run."""

    name: str
    peer: str | None
    rule: str
    most_runs: int | None = None


TOOLS = (
    Tool("Plimsoll", None, "default checks and budget; looks every hour"),
    Tool("Evidently", "evidently", "DataDriftPreset: its choice of test and threshold per column", most_runs=5),
    Tool("NannyML", "nannyml", "Jensen-Shannon above mean + 3 sd of the reference's days"),
    Tool("Alibi Detect", "alibi_detect", "TabularDrift: KS and chi-square, p < 0.05, Bonferroni within a run"),
    Tool("whylogs", "whylogs", "drift category DRIFT of its own choice of test"),
    Tool("Frouros", "frouros", "KSTest and ChiSquareTest, p < 0.05"),
    Tool("river", "river", "ADWIN per column, every value in order"),
)


@dataclass(frozen=True)
class Unit:
    """A scenario with its seed and size."""

    scenario: str
    seed: int
    rows: int  # an hour; real data have their own

    @property
    def key(self) -> str:
        """A file name."""
        size = "" if self.scenario in real.SCENARIOS else f"-{self.rows}"
        return f"v{scenario_of(self.scenario).version}-{self.scenario}{size}-{self.seed}"

    @classmethod
    def of(cls, key: str) -> Unit | None:
        """The other way; None where it is of another version of the scenarios."""
        version, _, rest = key.partition("-")
        names = sorted([*streams.SCENARIOS, *real.SCENARIOS], key=len, reverse=True)
        name = next((name for name in names if rest.startswith(f"{name}-")), None)
        if name is None or version != f"v{scenario_of(name).version}":
            return None
        *rows, seed = rest.removeprefix(f"{name}-").split("-")
        return cls(name, int(seed), int(rows[0]) if rows else 0)


def scenario_of(name: str) -> streams.Scenario:
    """By name, made up or real."""
    return streams.SCENARIOS[name] if name in streams.SCENARIOS else real.SCENARIOS[name]


class Workshop:
    """Writes a stream once for all tools that still lack it, runs them, and keeps their answers."""

    def __init__(self, cache: Path, folder: Path, data: Path | None, window_hours: int) -> None:
        self.cache, self.folder, self.data, self.window_hours = cache, folder, data, window_hours

    def is_done(self, unit: Unit, tool: Tool) -> bool:
        """Whether the answer is kept, by whichever program."""
        return (unit.key, self.window_hours) in kept.answers(self.folder, tool.name)

    def run(self, unit: Unit, tool: Tool, folder: Path) -> None:
        """One tool on the stream in ``folder``; raises ``CalledProcessError`` where it fails."""
        job = json.loads((folder / "job.json").read_text("utf-8"))
        job["runs"] = few(job["runs"], scenario_of(unit.scenario).onset, tool.most_runs)
        own = folder / f"job-{tool.name.replace(' ', '-')}.json"
        own.write_text(json.dumps(job), "utf-8")
        began = time.monotonic()
        done = subprocess.run(
            self._command(tool, own),
            env=environments.environment() | ({"PYTHONPATH": str(ROOT)} if tool.peer is None else {}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stderr[-4000:])
        done.check_returncode()
        answer = Answer.read(done.stdout.splitlines())
        answer.cost["wall"] = time.monotonic() - began
        kept.keep(self.folder, tool.name, unit.key, self.window_hours, answer)

    def _command(self, tool: Tool, job: Path) -> list[str]:
        if tool.peer is None:
            return [sys.executable, "-m", "bench.detection.ours", str(job)]
        script = HERE / "peers" / f"with_{tool.peer}.py"
        return [str(environments.interpreter(tool.peer, self.cache)), str(script), "judge", str(job)]

    def write(self, unit: Unit) -> Path:
        """The stream as files in a scratch folder; ``drop`` it afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="stream-", dir=self.cache))
        stream = self._make(unit)
        for name in ("reference", "monitored", "labels"):
            getattr(stream, name).to_parquet(folder / f"{name}.parquet", index=False)
        job: dict[str, Any] = {
            "folder": str(folder),
            "columns": list(stream.columns),
            "start": START.isoformat(),
            "window_hours": self.window_hours,
            "segments": list(stream.scenario.segments),
            "runs": list(range(self.window_hours, stream.hours + 1, self.window_hours)),
        }
        (folder / "job.json").write_text(json.dumps(job), "utf-8")
        return folder

    def _make(self, unit: Unit) -> Stream:
        if unit.scenario in real.SCENARIOS:
            if self.data is None:
                raise SystemExit(f"{unit.scenario} needs --data, the folder with the real data")
            return real.make(unit.scenario, unit.seed, self.data)
        return streams.make(unit.scenario, unit.seed, unit.rows)


def drop(folder: Path) -> None:
    """Remove a scratch stream."""
    shutil.rmtree(folder)


def few(runs: list[int], onset: int | None, most: int | None) -> list[int]:
    """At most so many of the runs: the first whole window after the onset, and the others evenly spread."""
    if most is None or len(runs) <= most:
        return runs
    spread = {runs[round(place * (len(runs) - 1) / (most - 1))] for place in range(most)}
    if onset is not None:
        first = next(end for end in runs if end > onset)
        spread = {*sorted(spread - {first}, key=lambda end: abs(end - first))[1:], first}
    return sorted(spread)
