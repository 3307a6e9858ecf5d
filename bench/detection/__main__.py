"""Drift detection beside six open packages at their defaults: false alarms, delays, names, cost.

    python -m bench.detection everything --data FOLDER    all that is missing for the page, and the page
    python -m bench.detection run [--scenarios N1,N3,D1-0.5-ar] [--seeds 0-3] [--rows 500] [--tools Plimsoll,NannyML]
    python -m bench.detection promise [--seeds 0-199] [--bases iid,seas,ar] [--minutes 50]
    python -m bench.detection report          writes docs/benchmark.md and its pictures from what is kept
    python -m bench.detection list            scenarios and tools

What is measured is kept under ``--kept``, per tool and stream, and never measured twice; stop and go on as you like.
The packages are installed by pip into environments of their own under ``--cache`` when they are first needed.
``--data`` is the folder that holds electricity/electricity.parquet and bike_sharing/bike_sharing_hour.parquet, for the
scenarios N4-*.
``promise`` asks of the engine alone, on counts drawn without rows, whether its false alarms keep to the budget.
``bench.detection.speed`` compares the cost of a single comparison of two tables, ``bench.detection.errors`` the delay
in a stream of errors with an oracle's, ``bench.detection.published`` estimates without labels with NannyML's.
"""

from __future__ import annotations

import argparse
import subprocess
from fnmatch import fnmatch
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.detection import errors, kept, promise, published, real, report, speed, streams
from bench.detection.tools import TOOLS, Unit, Workshop, drop

SCENARIOS = streams.SCENARIOS | real.SCENARIOS
QUIET = "N1,N2,N3"
PLAN = (  # tools, scenarios, seeds
    (None, "*", "0"),
    ("Plimsoll,NannyML,Alibi Detect,whylogs,Frouros,river", "N4-*", "0-2"),
    ("NannyML,river,Frouros,whylogs", QUIET, "0-9"),  # a day of Evidently's or Alibi Detect's takes too long
    ("Plimsoll", QUIET, "0-199"),
)
PROMISED = "0-60"  # seeds of ``promise``
DEFAULT = "N1,N2,N3,D1-0.5-ar,C2,C3,P1,Q1,Q2,Q3,Q4"


def _numbers(text: str) -> list[int]:
    """0-3,7 as [0, 1, 2, 3, 7]."""
    parts = [part.split("-") for part in text.split(",")]
    return sorted({number for part in parts for number in range(int(part[0]), int(part[-1]) + 1)})


def _scenarios(text: str) -> list[str]:
    wanted = text.split(",")
    chosen = [name for name in SCENARIOS if any(fnmatch(name, pattern) for pattern in wanted)]
    if not chosen:
        raise SystemExit(f"No scenario is called {text}; there are {', '.join(SCENARIOS)}")
    return chosen


def run(arguments: argparse.Namespace) -> None:
    """Do what is not done yet: streams in the order of the seeds, so that all scenarios grow alike."""
    tools = [tool for tool in TOOLS if arguments.tools is None or tool.name in arguments.tools.split(",")]
    names = _scenarios(arguments.scenarios)
    units = [Unit(name, seed, arguments.rows) for seed in arguments.seed_list for name in names]
    shop = Workshop(arguments.cache, arguments.kept, arguments.data, arguments.window)
    failed: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(units) * len(tools))
        for unit in units:
            missing = [tool for tool in tools if not shop.is_done(unit, tool)]
            progress.advance(bar, len(tools) - len(missing))
            if not missing:
                continue
            progress.update(bar, description=f"{unit.key}: writing")
            folder = shop.write(unit)
            try:
                for tool in missing:
                    progress.update(bar, description=f"{unit.key}: {tool.name}")
                    try:
                        shop.run(unit, tool, folder)
                    except subprocess.CalledProcessError:
                        failed.append(f"{tool.name} on {unit.key}")
                    progress.advance(bar)
            finally:
                drop(folder)
    if failed:
        raise SystemExit(f"Not done, see above: {', '.join(failed)}")


def everything(arguments: argparse.Namespace) -> None:
    """All parts of the page, each going on where it was stopped: every scenario once, those without drift with all
    seeds, by the tools that are quick enough for it."""
    if arguments.data is None:
        raise SystemExit("everything needs --data, the folder with the real data")
    errors.measure(arguments.kept)
    published.measure(arguments.data, arguments.kept, arguments.cache)
    speed.run(arguments.cache, arguments.kept, speed.ROWS, speed.ROWS, speed.ROUNDS)
    failed = []
    for tools, scenarios, seeds in PLAN:
        part = {"tools": tools, "scenarios": scenarios, "seed_list": _numbers(seeds)}
        try:
            run(argparse.Namespace(**vars(arguments) | part))
        except SystemExit as told:  # a package that fails keeps nobody else from being measured
            failed.append(str(told))
    promise.main(argparse.Namespace(**vars(arguments) | {"seed_list": _numbers(PROMISED)}))
    report.main(arguments)
    if failed:
        raise SystemExit("\n".join(failed))


def show_list(arguments: argparse.Namespace) -> None:
    """What there is."""
    for name, scenario in SCENARIOS.items():
        print(f"{name:18} {scenario.words}")
    for tool in TOOLS:
        print(f"{tool.name:18} {tool.rule}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.detection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["everything", "run", "promise", "report", "list"])
    parser.add_argument("--kept", type=Path, default=kept.FOLDER, help="folder of what was measured")
    parser.add_argument("--cache", type=Path, default=Path(".cache/detection"), help="folder of what may be deleted")
    parser.add_argument("--data", type=Path, help="folder of the real data")
    parser.add_argument("--scenarios", default=DEFAULT, help="names or patterns such as D1-*, with commas")
    parser.add_argument("--seeds", default="0", help="such as 0-199 or 0,3")
    parser.add_argument("--rows", type=int, default=500, help="an hour")
    parser.add_argument("--tools", help="names with commas; all by default")
    parser.add_argument(
        "--window", type=int, choices=[1, 24], default=24, help="hours of the window that the packages are run on"
    )
    parser.add_argument("--bases", default=",".join(promise.BASES), help="of promise: noise of the hours")
    parser.add_argument("--minutes", type=float, help="of promise: after which no month is begun")
    arguments = parser.parse_args()
    arguments.seed_list = _numbers(arguments.seeds)
    for folder in (arguments.cache, arguments.kept):
        folder.mkdir(parents=True, exist_ok=True)
    {"everything": everything, "run": run, "promise": promise.main, "report": report.main, "list": show_list}[
        arguments.what
    ](arguments)


if __name__ == "__main__":
    main()
