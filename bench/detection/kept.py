"""What was measured, a line for each tool and stream: it stands beside the programs, so that nothing is measured twice
and everybody may count again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.detection.metrics import Answer

FOLDER = Path(__file__).parent / "measured"


def answers(folder: Path, tool: str) -> dict[tuple[str, int], Answer]:
    """All of a tool's, by the key of the stream and the hours of the window that it was run on."""
    return {(line["key"], line["window"]): _read(line) for line in _lines(_file(folder, tool))}


def keep(folder: Path, tool: str, key: str, window: int, answer: Answer) -> None:
    """Write an answer down, in one go: several programs may measure at once."""
    line = {
        "key": key,
        "window": window,
        "looked": _spaced([at for at, _ in answer.runs]),
        "flags": {at: sorted(names) for at, names in answer.runs if names},
        "cost": answer.cost,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with _file(folder, tool).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _file(folder: Path, tool: str) -> Path:
    return folder / f"{tool.replace(' ', '-')}.jsonl"


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        yield from map(json.loads, file.read_text("utf-8").splitlines())


def _read(line: dict[str, Any]) -> Answer:
    looked, flags = line["looked"], line["flags"]
    hours = range(*looked["evenly"]) if isinstance(looked, dict) else looked
    return Answer([(at, frozenset(flags.get(str(at), ()))) for at in hours], line["cost"])


def _spaced(hours: Sequence[int]) -> dict[str, list[int]] | list[int]:
    """Hours that are evenly spaced as their range, others one by one."""
    steps = {after - before for before, after in pairwise(hours)}
    return {"evenly": [hours[0], hours[-1] + 1, *steps]} if len(steps) == 1 else list(hours)
