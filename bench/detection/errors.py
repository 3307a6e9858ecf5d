"""The stream of errors: the delay of Shiryaev-Roberts beside a CUSUM that knows both error rates.

    python -m bench.detection.errors [--streams 2000] [--bound 20000] [--kept FOLDER]

The share of wrong rows rises from 10 % after 2000 labels. The CUSUM's bound is the one that gives it as many false
alarms as Shiryaev-Roberts had on the same streams without a rise; delays are means over the streams.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from bench.detection import kept
from detectors.sequential.shiryaev_roberts import BETS, WEIGHTS

BEFORE, RISES = 0.1, (0.15, 0.2)
QUIET, ONSET, AFTER = 10_000, 2_000, 4_000

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (state, wrong) -> state, at the end of which an alarm is judged


def alarms(
    wrong: np.ndarray, rows: int, advance: Rule, total: Callable[[np.ndarray], np.ndarray], bound: float
) -> tuple[int, np.ndarray]:
    """How many alarms there are in ``wrong`` bool [labels, streams], and the first at or after ``ONSET`` of each
    stream (inf: none). ``rows`` of state per stream; they begin anew after an alarm."""
    state, first, count = np.zeros((rows, wrong.shape[1])), np.full(wrong.shape[1], np.inf), 0
    for place, labels in enumerate(wrong):
        state = advance(state, labels)
        over = total(state) >= bound
        if over.any():
            count += int(over.sum())
            state[:, over] = 0
            if place >= ONSET:
                first[over] = np.minimum(first[over], place)
    return count, first - ONSET + 1


def shiryaev_roberts(wrong: np.ndarray, bound: float) -> tuple[int, np.ndarray]:
    """With the bets of the product."""
    bets, weights = np.array(BETS)[:, None], np.array(WEIGHTS)
    up, down = 1 + bets * (1 - BEFORE), 1 - bets * BEFORE
    return alarms(wrong, len(bets), lambda m, x: (m + 1) * np.where(x, up, down), lambda m: weights @ m, bound)


def cusum(wrong: np.ndarray, after: float, bound: float) -> tuple[int, np.ndarray]:
    """Page's, for these two rates (Moustakides 1986: none is quicker)."""
    worse, better = np.log(after / BEFORE), np.log((1 - after) / (1 - BEFORE))
    return alarms(wrong, 1, lambda s, x: np.maximum(s, 0) + np.where(x, worse, better), lambda s: s[0], bound)


def measure(folder: Path, streams: int = 2000, bound: float = 20_000.0) -> dict[str, Any]:
    """Realised false alarms and delays; what ``folder`` has of as many streams and this bound is not measured again."""
    file = folder / "errors.json"
    known: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    if (known.get("streams"), known.get("bound")) == (streams, bound):
        return known
    random = np.random.default_rng(20)
    quiet = random.random((QUIET, streams)) < BEFORE
    false, _ = shiryaev_roberts(quiet, bound)
    told: dict[str, Any] = {"streams": streams, "bound": bound, "false": false, "labels": quiet.size, "rises": []}
    for after in track(RISES, "errors that rise", console=Console(stderr=True)):
        rate = np.where(np.arange(ONSET + AFTER) < ONSET, BEFORE, after)[:, None]
        risen = random.random((ONSET + AFTER, streams)) < rate
        low, high = 1.0, 12.0
        for _ in range(10):
            middle = (low + high) / 2
            low, high = (middle, high) if cusum(quiet, after, middle)[0] > false else (low, middle)
        ours, best = shiryaev_roberts(risen, bound)[1], cusum(risen, after, high)[1]
        ratio = ours.mean() / best.mean()
        error = np.std(ours / best.mean() - best * ours.mean() / best.mean() ** 2) / np.sqrt(len(ours))
        told["rises"].append([after, ours.mean(), best.mean(), ratio, 1.96 * error])
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told), "utf-8")
    return told


def main() -> None:
    """Print realised false alarms and delays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--bound", type=float, default=20_000.0)
    parser.add_argument("--kept", type=Path, default=kept.FOLDER, help="folder of what was measured")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.kept, arguments.streams, arguments.bound), indent=1))


if __name__ == "__main__":
    main()
