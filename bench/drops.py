"""How often a drop of a metric is told where there is none, and where there is one: the share engine beside windows.

    python -m bench.drops [--references 60]

Windows of 24 h and 6 h, each beside a reference of 28 days, with 100 rows an hour (of two classes: 400). Hours are
alike (``flat``), have a daily rhythm (``daily``: the error of a regression goes up and down by 20 %, the share of a
classifier's rows whose scores say nothing by half), or an hour's error wanders (``restless``: by 0.2 with
autocorrelation 0.8, see ``bench.restless``). Shown is how often p <= alpha, judged by the spread of the reference's
own windows, then by what is usual at the window's hours: at alpha 0.05 with a loss of nothing and no tolerance
(``none``), at 0.05 with a loss that is just the tolerance (``tolerated``), and at 0.001 with a loss beyond it
(``loss``: 10 % of mae and rmse, 3 points of the others).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from bench.restless import DRAWN, LAYOUTS, factors, hourly_shares, kinds
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import METRICS, measure_performance
from detectors.performance.scored import WHOLE_SUMS, LabelCounts, label_size
from detectors.performance.usual import Asked, rows_by_hour, usual_value
from detectors.profile import ReferenceProfile

DAY, DAYS, EACH = 24, 28, 20
ROWS = {"regression": 100, "binary": 400}
LENGTHS, WORLDS = (24, 6), ("flat", "daily", "restless")
SHOWN = {"regression": ("mae", "rmse"), "binary": ("roc_auc", "precision", "recall", "f1", "log_loss", "brier")}
LOSSES = {"regression": 0.10, "binary": 0.03}  # of mae relative, of the area
TOLERANCE = {"mae": 0.05, "rmse": 0.05}
OTHERWISE = 0.02
WANDER = 0.2
SWING = {"regression": 0.2, "binary": 0.5}


def profile_of(task: str, counts: np.ndarray, sums: np.ndarray) -> ReferenceProfile:
    """Of labelled rows alone, one group an hour from hour 0 on."""
    hours, none = np.arange(len(counts)), np.zeros((0, 2))
    return ReferenceProfile(hours, counts[:, :1], none, none, hours, counts, sums)


def hourly(random: np.random.Generator, task: str, world: str, start: int, hours: int, more: float) -> np.ndarray:
    """How many times its mean the error of each hour is; ``more`` times as much where it got worse (classes: more by as
    much at every hour, so that all lose as much)."""
    found = factors(random, 1, hours, WANDER)[0] if world == "restless" else np.ones(hours)
    if world == "daily":
        found = found * (1 + SWING[task] * np.sin(2 * np.pi * np.arange(start, start + hours) / DAY))
    return found * more if task == "regression" else found + (more - 1)


@cache
def more_for(metric: str, task: str, loss: float) -> float:
    """How many times as much error it takes to lose so much of a metric (relative, of a regression)."""
    if task == "regression" or not loss:
        return 1 + loss
    sign = -1 if metric in ("log_loss", "brier") else 1
    tries = np.linspace(1, 4, 301)
    values = sign * np.array([_value(metric, task, more) for more in tries])
    return float(np.interp(loss, values[0] - values, tries))


def _value(metric: str, task: str, more: float) -> float:
    shares, slots = kinds()
    found = 1e9 * hourly_shares(np.array([more]), shares)[0] @ slots
    size = label_size(LAYOUTS[task])
    estimate = METRICS[task][metric](LAYOUTS[task], LabelCounts(found[:size], found[size:]))
    return estimate.value if estimate else float("nan")


def told(
    random: np.random.Generator, profile: ReferenceProfile, drawn: tuple[np.ndarray, np.ndarray],
    metric: str, task: str, start: int, tolerance: float, alpha: float,
) -> list[bool]:  # fmt: skip
    """Whether p <= alpha by windows and by the engine."""
    counts, sums = drawn
    hours, layout = LabelHours.of_arrays(start, counts, sums), LAYOUTS[task]

    def usual(name, labels, then, tolerance, alpha):  # type: ignore[no-untyped-def]
        if name == "accuracy":
            return None
        by_hour = rows_by_hour(layout, name, *hours.arrays(np.arange(len(labels.counts)), WHOLE_SUMS))
        asked = Asked(layout, name, start + len(counts), labels, by_hour, tolerance, alpha)
        return usual_value(asked, profile, then)

    found = []
    for way in (None, usual):
        measured = measure_performance(
            layout, hours.total, hours.total.rows, profile.labels, profile.rows,
            profile.label_windows(len(counts), (start + len(counts)) % len(counts)),
            alpha=alpha, tolerances={metric: tolerance}, mature=True, usual=way,
        )  # fmt: skip
        p_value = next(one.p_value for one in measured if one.metric == metric)
        found.append(p_value is not None and p_value <= alpha)
    return found


def rates(task: str, world: str, length: int, references: int, each: int = EACH) -> dict[tuple[str, str], np.ndarray]:
    """By question and metric: [by windows, by the engine]."""
    random = np.random.default_rng((LENGTHS.index(length), WORLDS.index(world), task == "binary"))
    found: dict[tuple[str, str], list[list[bool]]] = {}
    for _ in range(references):
        profile = profile_of(task, *DRAWN[task](random, hourly(random, task, world, 0, DAYS * DAY, 1.0), ROWS[task]))
        for _ in range(each):
            start = DAYS * DAY + int(random.integers(4 * DAY))
            null = DRAWN[task](random, hourly(random, task, world, start, length, 1.0), ROWS[task])
            for metric in SHOWN[task]:
                allowed = TOLERANCE.get(metric, OTHERWISE)
                for question, loss, tolerance, alpha in (
                    ("none", 0.0, 0.0, 0.05), ("tolerated", allowed, allowed, 0.05),
                    ("loss", LOSSES[task], allowed, 1e-3),
                ):  # fmt: skip
                    more = more_for(metric, task, loss)
                    drawn = null
                    if loss:
                        drawn = DRAWN[task](random, hourly(random, task, world, start, length, more), ROWS[task])
                    one = told(random, profile, drawn, metric, task, start, tolerance, alpha)
                    found.setdefault((question, metric), []).append(one)
    return {key: np.mean(some, axis=0) for key, some in found.items()}


def table(
    references: int, worlds: Sequence[str] = WORLDS, lengths: Sequence[int] = LENGTHS, each: int = EACH
) -> Iterator[str]:
    """Lines of a table: by windows → by the engine."""
    for task in SHOWN:
        yield f"| hours | window | question | {' | '.join(SHOWN[task])} |"
        yield "|---" * (3 + len(SHOWN[task])) + "|"
        for world in worlds:
            for length in lengths:
                found = rates(task, world, length, references, each)
                for question in ("none", "tolerated", "loss"):
                    cells = ["{:.3f} → {:.3f}".format(*found[question, metric]) for metric in SHOWN[task]]
                    yield f"| {world} | {length} h | {question} | {' | '.join(cells)} |"
        yield ""


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--references", type=int, default=60)
    for line in table(arguments.parse_args().references):
        print(line, flush=True)
