"""What fairness differences say of labels that come late, and how often a limit on a gap is passed by luck.

    python -m bench.fairness [--days 100] [--windows 400]

First the made-up fraud model of ``bench.late_labels``, calibrated, in two groups of which one has more positives: days
of 24,000 rows, looked at after seven, labels of 72 % there. Shown: the gap that the labels of all rows would show, as
they are, and weighted, and how often its 95 % interval holds the gap of all rows.
Then groups that answer alike (30 % positive), or 20 points apart, or each wander from day to day: in how many windows
of 100 the gap is above a limit of 0.1, and in how many ``lower`` is above zero besides, which an alert asks for, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from rich.progress import track

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning, ScoreLayout
from detectors.fairness import METRICS, Group, measure_fairness
from detectors.measurement import Measurement
from detectors.performance.scored import no_labels
from detectors.summary import ColumnValues, summarise
from tests.detectors.performance import late
from tests.detectors.performance.late import DAY, Cases, cases, labelled

AGE, ROWS, PAST = 168, 1000, 150  # hours, an hour, days
LIMIT, RATE = 0.1, 0.3
CASES = (  # groups, rows of each, points that the first is above the others, points that each wanders by
    (2, 30, 0, 0),
    (5, 100, 0, 0),
    (10, 100, 0, 0),
    (2, 100, 20, 0),
    (2, 30, 20, 0),
    (2, 100, 0, 2),
)
PARITY = "demographic_parity_difference"


def column(said: np.ndarray) -> ColumnValues:
    """Predicted classes."""
    return ColumnValues(pa.array(said.astype(str)), np.empty(0, np.int64), np.empty(0, np.uint8))


def binning_of(layout: ScoreLayout = late.LAYOUT) -> Binning:
    """That knows both classes."""
    both = {"prediction": column(np.arange(100) % 2)}
    return make_binning(both, {"prediction": "categorical"}, layout)


def groups(binning: Binning, rows: Cases, age: int) -> list[Group]:
    """Two, of which rows with high scores are more often in the first; labels as known at ``age``."""
    first = np.random.default_rng(5).random(len(rows.hour)) < 0.2 + 0.6 * rows.score
    made = []
    for name, mine in (("a", rows.at(first)), ("b", rows.at(~first))):
        counts = summarise(binning, np.zeros(len(mine.hour), np.int64), {"prediction": column(mine.said)}).counts[0]
        made.append(Group(name, counts, labelled(mine, age)))
    return made


def of_late_labels(days: int, past: int = 200) -> Iterator[str]:
    """Lines of a table; ``past``: rows an hour from which is learned how long labels take."""
    binning, curve = binning_of(), late.curve_of(cases(PAST, past, 1), PAST * DAY)
    if curve is None:
        raise ValueError("a past in which labels are not all there tells nothing of how long they take")
    wanted = [metric for metric in METRICS if metric != PARITY]
    each: list[list[list[float]]] = []
    for day in track(range(days), "late labels"):
        rows = cases(1, ROWS, 1_000_000 + day)
        at_once = groups(binning, replace(rows, delay=np.zeros_like(rows.delay)), AGE)
        now, known = groups(binning, rows, AGE), late.known_of(rows, curve, AGE)
        truth, plain, weighted = (
            measure_fairness(binning, *given)
            for given in ((at_once, [], wanted), (now, [], wanted), (now, [], wanted, known))
        )
        each.append(
            [
                [_apart(exact), _apart(one), _holds(one, exact), _apart(other), _holds(other, exact)]
                for exact, one, other in zip(truth, plain, weighted, strict=True)
            ]
        )
    yield f"| metric, {days} days | labels of all rows | as they are | interval holds | weighted | interval holds |"
    yield "|---|---|---|---|---|---|"
    for metric, numbers in zip(wanted, np.mean(each, axis=0), strict=True):
        exact, plain, holds, weighted, holds_weighted = numbers
        yield f"| {metric} | {exact:.3f} | {plain:.3f} | {holds:.2f} | {weighted:.3f} | {holds_weighted:.2f} |"


def _apart(found: Measurement) -> float:
    """The first group's number less the second's."""
    told = found.details["groups"]
    return float(told["a"]["value"] - told["b"]["value"])


def _holds(found: Measurement, exact: Measurement) -> float:
    """Whether the interval of the gap holds that of all rows."""
    if found.lower is None or found.upper is None or exact.value is None:
        raise ValueError(f"{found.metric} has no interval")
    return float(found.lower <= exact.value <= found.upper)


def of_limits(windows: int) -> Iterator[str]:
    """Lines of a table."""
    binning = binning_of(score_layout("binary", ("0", "1"), np.random.default_rng(0).random(2000)))
    yield f"| groups | rows of each | points apart | wander by | gap above {LIMIT} | and `lower` above 0 |"
    yield "|---|---|---|---|---|---|"
    for number, rows, apart, wander in CASES:
        random = np.random.default_rng((number, rows, apart, wander))
        rate = (
            RATE
            + np.where(np.arange(number) == 0, apart / 100, 0)
            + wander / 100 * random.normal(size=(windows, number))
        )
        said = random.binomial(rows, np.clip(rate, 0, 1))
        told = np.array([_told(binning, one, rows) for one in said]).mean(axis=0)
        yield f"| {number} | {rows} | {apart} | {wander} | {told[0]:.3f} | {told[1]:.3f} |"


def _told(binning: Binning, positives: np.ndarray, rows: int) -> tuple[bool, bool]:
    made = []
    for name, count in enumerate(positives.tolist()):
        counts = np.zeros(binning.size, np.int64)
        counts[0], counts[binning.slots("prediction")] = rows, (rows - count, count)
        made.append(Group(f"{name}", counts, no_labels(binning.scores)))
    (found,) = measure_fairness(binning, made, [], [PARITY])
    above = found.value is not None and found.value > LIMIT
    return above, above and found.lower is not None and found.lower > 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--days", type=int, default=100)
    arguments.add_argument("--windows", type=int, default=400)
    given = arguments.parse_args()
    for line in [*of_late_labels(given.days), *of_limits(given.windows)]:
        print(line, flush=True)
