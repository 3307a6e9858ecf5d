"""How often intervals of performance metrics hold the true value where errors wander, at nominal 95 %.

    python -m bench.restless [--runs 400]

An hour's error is its mean times exp(s·z - s²/2), z an AR(1) with autocorrelation 0.8 from hour to hour: a factor of
mean 1 and of standard deviation about s. Binary: a share of the rows is hard, with scores that say nothing of the
truth, and that share wanders (an hour has at most all rows hard). Regression: the size of the error wanders. The truth
is the metric of endless hours. Shown: limits that take rows for independent, then those of the window's hours alone,
then those beside a reference of 28 days.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from scipy import signal, stats

from detectors.cuts import ScoreLayout
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import METRICS, measure_performance
from detectors.performance.scored import LabelCounts, LabelWindows, count_scored, label_size

MEMORY = 0.8
HARD, POSITIVE, BINS = 0.2, 0.3, 200
SIZE, SPREAD = 5.0, 20.0
LAYOUTS = {
    "binary": ScoreLayout("binary", ("0", "1"), np.arange(1, BINS) / BINS),
    "regression": ScoreLayout("regression"),
}
TRUTH_HOURS = 400_000
DAYS, DAY = 28, 24
WANDERS, LENGTHS, ROWS = (0.0, 0.2, 0.5), (24, 72, 168), (20, 100, 500)
SHOWN = {
    "binary": ("accuracy", "precision", "f1", "roc_auc", "log_loss", "brier"),
    "regression": ("mae", "rmse", "r2"),
}
WAYS = ("rows", "hours", "reference")


def factors(random: np.random.Generator, windows: int, hours: int, wander: float) -> np.ndarray:
    """How many times its mean the error of each hour is, [windows, hours]."""
    shocks = random.normal(size=(windows, hours))
    shocks[:, 1:] *= np.sqrt(1 - MEMORY**2)
    return np.exp(wander * signal.lfilter([1], [1, -MEMORY], shocks, axis=1) - wander**2 / 2)


@cache
def kinds() -> tuple[np.ndarray, np.ndarray]:
    """Shares of easy and of hard rows by truth and score bin, [2, 2 x BINS] flat, and what each adds to every slot of
    counts and sums, [2 x BINS, Lc + 4]: all rows of a bin have its middle as score."""
    edges = np.arange(BINS + 1) / BINS
    by_class = [np.diff(stats.beta.cdf(edges, *shape)) for shape in ((1, 8), (8, 1))]
    easy = np.stack([(1 - POSITIVE) * by_class[0], POSITIVE * by_class[1]])
    score = np.diff(stats.beta.cdf(edges, 1.2, 1.6))
    hard = np.stack([(1 - POSITIVE) * score, POSITIVE * score])
    middle = np.tile((edges[1:] + edges[:-1]) / 2, 2)
    truth = np.repeat([0, 1], BINS)
    said = (middle > 0.5).astype(int)
    one = np.ones(2 * BINS, np.int8)
    places = np.arange(2 * BINS)
    text = [pa.array(part.astype(str)) for part in (truth, said)]
    _, counts, sums = count_scored(LAYOUTS["binary"], places, *text, middle, one)
    return np.stack([easy.ravel(), hard.ravel()]), np.concatenate([counts, sums], axis=1)


def binary(random: np.random.Generator, factor: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts [..., hours, Lc] and sums [..., hours, 4] of so many rows an hour."""
    shares, slots = kinds()
    drawn = random.multinomial(rows, hourly_shares(factor, shares))
    found = drawn @ slots
    size = label_size(LAYOUTS["binary"])
    return found[..., :size], found[..., size:]


def hourly_shares(factor: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Of rows by truth and bin, [..., hours, 2 x BINS]."""
    hard = np.minimum(HARD * factor, 1.0)[..., None]
    return (1 - hard) * shares[0] + hard * shares[1]


def regression(random: np.random.Generator, factor: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts [..., hours, 1] and sums [..., hours, 6]; errors and labels are normal."""
    shape = (*factor.shape, rows)
    error = random.normal(size=shape) * (SIZE * factor[..., None])
    label = random.normal(0, SPREAD, size=shape)
    terms = [error, np.abs(error), error**2, error**4, label, label**2]
    return np.full((*factor.shape, 1), rows), np.stack([term.sum(axis=-1) for term in terms], axis=-1)


DRAWN = {"binary": binary, "regression": regression}


@cache
def truth(task: str, wander: float) -> dict[str, float]:
    """The value of every metric over endless hours."""
    if task == "regression":
        mean_square = SIZE**2 * np.exp(wander**2)
        return {
            "mae": SIZE * float(np.sqrt(2 / np.pi)),
            "rmse": float(np.sqrt(mean_square)),
            "bias": 0.0,
            "r2": float(1 - mean_square / SPREAD**2),
        }
    shares, slots = kinds()
    factor = np.exp(wander * stats.norm.ppf((np.arange(TRUTH_HOURS) + 0.5) / TRUTH_HOURS) - wander**2 / 2)
    hard = float(np.minimum(HARD * factor, 1.0).mean())
    found = 1e9 * ((1 - hard) * shares[0] + hard * shares[1]) @ slots
    size = label_size(LAYOUTS[task])
    labels = LabelCounts(found[:size], found[size:])
    return {metric: score(LAYOUTS[task], labels).value for metric, score in METRICS[task].items()}  # type: ignore[union-attr]


def limits(
    random: np.random.Generator, task: str, hours: int, rows: int, wander: float
) -> dict[str, dict[str, tuple[float, float]]]:
    """Of one window, by way and metric."""
    drawn = DRAWN[task]
    counts, sums = drawn(random, factors(random, 1, hours, wander)[0], rows)
    labels = LabelHours.of_arrays(int(random.integers(2**31)), counts, sums)
    before = drawn(random, factors(random, 1, DAYS * DAY, wander)[0], rows)
    given = {
        "rows": {"reference_windows": []},
        "hours": {"reference_windows": [], "hours": labels},
        "reference": {
            "reference_windows": windows(*before, hours),
            "shorter_windows": windows(*before, DAY),
            "shorter_part": DAY / hours,
            "hours": labels,
        },
    }
    tolerances = {"accuracy": 0.02, "roc_auc": 0.02, "mae": 0.05}
    found = {}
    for way, known in given.items():
        measured = measure_performance(
            LAYOUTS[task], labels.total, hours * rows, None, 0, alpha=0.001, tolerances=tolerances, mature=True, **known
        )
        found[way] = {one.metric: (one.lower, one.upper) for one in measured}
    return found  # type: ignore[return-value]


def windows(counts: np.ndarray, sums: np.ndarray, length: int) -> LabelWindows:
    """The reference's disjoint windows."""
    whole = len(counts) // length
    parts = (part[: whole * length].reshape(whole, length, -1).sum(axis=1) for part in (counts, sums))
    return LabelWindows(tuple(LabelCounts(*pair) for pair in zip(*parts, strict=True)))


def held(task: str, hours: int, rows: int, wander: float, runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of intervals that hold the truth, and their mean width, [ways, metrics]."""
    random = np.random.default_rng((hours, rows, round(wander * 100)))
    true = truth(task, wander)
    each = [limits(random, task, hours, rows, wander) for _ in range(runs)]
    ends = np.array([[[one[way][metric] for metric in SHOWN[task]] for way in WAYS] for one in each])
    aim = np.array([true[metric] for metric in SHOWN[task]])
    inside = (ends[..., 0] <= aim) & (aim <= ends[..., 1])
    return inside.mean(axis=0), (ends[..., 1] - ends[..., 0]).mean(axis=0)


def table(runs: int, lengths: Sequence[int] = LENGTHS, each: Sequence[int] = ROWS) -> Iterator[str]:
    """Lines of a table: rows alone → hours, hours beside a reference (their width, in widths by rows alone)."""
    for task, metrics in SHOWN.items():
        yield f"| wander | hours | rows/h | {' | '.join(metrics)} |"
        yield "|---" * (3 + len(metrics)) + "|"
        for wander in WANDERS:
            for hours in lengths:
                for rows in each:
                    inside, width = held(task, hours, rows, wander, runs)
                    cells = [
                        f"{before:.2f} → {alone:.2f}, {beside:.2f} (×{wide:.1f})"
                        for before, alone, beside, wide in zip(*inside, width[2] / width[0], strict=True)
                    ]
                    yield f"| {wander:g} | {hours} | {rows} | {' | '.join(cells)} |"
        yield ""


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=400)
    for line in table(arguments.parse_args().runs):
        print(line, flush=True)
