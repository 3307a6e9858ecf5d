"""How far performance is from the truth while labels are still coming that take longer the worse they are.

    python -m bench.late_labels [--runs 400] [--past 192]

The made-up fraud model of the tests (``tests/detectors/performance/late.py``): positives are confirmed after 20 days on
average, negatives after 4, predicted positives twice as fast, 3 % never. Each run has a day of 24,000 predictions,
looked at so many hours after it began, and weights learned from as much of the 150 days before as the service looks
at: at 1,000 rows an hour 192 hours, scattered. An error is what labels say so far less what those of all rows would.

Shown: labels as they are, weighted, weighted by the true delays, which nobody knows (what is left is luck of the few
labels that are there), and as many labels as there are, drawn from all rows at random.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from rich.progress import track

from detectors.performance.maturity import Arrivals
from detectors.performance.measure import METRICS, measure_performance
from detectors.performance.scored import LabelCounts
from detectors.performance.weighting import Weighting
from monitor.actions.label_arrivals import scatter
from tests.detectors.performance.late import DAY, LAYOUT, STRATA, Cases, cases, counted, curve_of, known_of, labelled

SHOWN = ("accuracy", "precision", "recall", "f1", "roc_auc")
WAYS = ("as they are", "weighted", "by the true delays", "as many at random")
AGES = (47, 90, 168, 228)  # hours, until labels of some 28, 50, 72 and 80 % are there
GOALS = ((0.79, 1.0), (0.0, 2.0))  # points, from that coverage on
ROWS = 1000  # an hour
PAST, LOOKED_AT = 150, 192  # days, and hours of them
SEEDS = 1_000_000  # between those of pasts and those of windows


def learned(seed: int, hours: int) -> Arrivals:
    """From scattered hours of a past."""
    rows = cases(1, ROWS * hours // DAY, seed)
    chosen = scatter(np.arange(PAST * DAY))[:hours]
    found = curve_of(replace(rows, hour=chosen[np.arange(len(rows.hour)) % hours]), PAST * DAY)
    if found is None:
        raise ValueError("a past in which labels are not all there tells nothing of how long they take")
    return found


def true_weights(window: Cases, age: int) -> Weighting:
    """From the law of the delays: one over the share of each kind that is to be there."""
    mean = np.where(window.truth == 1, 20.0, 4.0) * DAY * np.where(window.said == 1, 0.5, 1.0)
    there = 1 - np.exp(-(age - window.hour) / mean)
    weight = np.ones(len(STRATA.parents))
    bins = np.searchsorted(LAYOUT.score_cuts, window.score)
    for stratum in (STRATA.cells[window.truth, window.said], STRATA.scores[window.truth, bins]):
        rows, known = np.bincount(stratum), np.bincount(stratum, weights=there)
        weight[np.flatnonzero(rows)] = rows[rows > 0] / known[rows > 0]
    return Weighting(LAYOUT, STRATA, weight, np.zeros(len(weight)))


def summed(rows: Cases) -> LabelCounts:
    """As if all of these had their labels."""
    counts, sums = counted(rows, np.zeros(len(rows.hour), dtype=np.int64))
    return LabelCounts(counts[0], sums[0])


def values(labels: Mapping[str, LabelCounts]) -> list[float]:
    """Of every metric, of the labels that are given for it."""
    found = (METRICS["binary"][name](LAYOUT, labels[name]) for name in SHOWN)
    return [np.nan if one is None else one.value for one in found]


def one_run(seed: int, hours: int) -> tuple[np.ndarray, np.ndarray]:
    """Coverage, [ages], and errors in points, [ages, ways, metrics]."""
    window, curve, random = cases(1, ROWS, SEEDS + seed), learned(seed, hours), np.random.default_rng((seed, 1))
    rows, coverage, found = len(window.hour), [], []
    truth = values(dict.fromkeys(SHOWN, summed(window)))
    for age in AGES:
        known, exact = labelled(window, age), true_weights(window, age)
        drawn = summed(window.at(random.permutation(rows) < known.rows))
        each = [
            *service(known, window, curve, age),
            values({name: exact.of(name, known)[0] for name in SHOWN}),  # type: ignore[index]
            values(dict.fromkeys(SHOWN, drawn)),
        ]
        coverage.append(known.rows / rows)
        found.append(100 * (np.array(each) - truth))
    return np.array(coverage), np.array(found)


def service(known: LabelCounts, window: Cases, curve: Arrivals, age: int) -> tuple[list[float], list[float]]:
    """As a window is measured that is not mature: values as they are, and weighted."""
    tolerances = {"accuracy": 0.02, "roc_auc": 0.02}
    weights = known_of(window, curve, age)
    shown = measure_performance(
        LAYOUT, known, len(window.hour), None, 0, [], alpha=0.05, tolerances=tolerances, mature=False, known=weights
    )
    told = {one.metric: one for one in shown}
    plain = [told[name].value for name in SHOWN]
    return plain, [told[name].details["weighted"]["value"] for name in SHOWN]  # type: ignore[return-value]


def table(seeds: Iterable[int], hours: int = LOOKED_AT) -> Iterator[str]:
    """Lines of a table: mean error in points of labels as they are; of the others median and 90 % of its size, the
    share of days on which it is beyond the goal, and its mean."""
    coverage, errors = (np.array(part) for part in zip(*(one_run(seed, hours) for seed in seeds), strict=True))
    yield f"| labels | metric | goal | {' | '.join(WAYS)} |"
    yield "|---" * (3 + len(WAYS)) + "|"
    for place, known in enumerate(coverage.mean(axis=0).tolist()):
        goal = next(points for least, points in GOALS if known >= least)
        for column, name in enumerate(SHOWN):
            plain, *others = (errors[:, place, way, column] for way in range(len(WAYS)))
            cells = [f"{plain.mean():+.1f}", *(told(each, goal) for each in others)]
            yield f"| {100 * known:.0f} % | {name} | {goal:g} | {' | '.join(cells)} |"


def told(errors: np.ndarray, goal: float) -> str:
    """Of one metric."""
    half, most = np.quantile(np.abs(errors), [0.5, 0.9])
    return f"{half:.1f}, {most:.1f}; {100 * np.mean(np.abs(errors) > goal):.0f} %; {errors.mean():+.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--past", type=int, default=LOOKED_AT, help="hours of the past, a multiple of 24")
    given = parser.parse_args()
    for line in table(track(range(given.runs), transient=True), given.past):
        print(line, flush=True)
