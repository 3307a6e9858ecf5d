"""How often intervals of effects hold the effect: from 200 to 1,000,000 rows, at nominal 95 %.

    python -m bench.intervals [--runs 400] [--only PSI]

Rows of a standard normal reference against one moved by so many standard deviations, drawn as counts on the cuts that
the service counts on, so that a million rows cost no more than two hundred. The truth is known exactly. Shown: the KS
band (Massart 1990), the interval of the PSI, and the limits of rows moved of the default engine without a timed
reference and with one of 28 days against a window of 24 hours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from scipy import stats

from detectors.binning import make_binning, score_layout
from detectors.cuts import FREQUENCIES, Binning, NumericColumn
from detectors.intervals import Z95, wilson
from detectors.pairs.counting import SUMS
from detectors.performance.scored import label_size, no_labels
from detectors.profile import ReferenceProfile
from detectors.sample import Binned
from detectors.shares.auto import measure_drift
from detectors.summary import ColumnValues, HourlySummaries, window
from detectors.two_sample import ks, psi

SIZES = (200, 1000, 10_000, 100_000, 1_000_000)
SHIFTS = (0.0, 0.1, 0.3, 1.0)
EACH_SIDE = 0.025
DAYS, DAY = 28, 24
AT_ONCE = 50  # columns that are measured together

Limits = Callable[[np.random.Generator, int, float, int], tuple[np.ndarray, np.ndarray, float]]


@cache
def cuts() -> np.ndarray:
    """Of a reference of 100,000 rows: fixed before anything is drawn."""
    column = binning(1).by_name["feature.f0"]
    assert isinstance(column, NumericColumn)
    return column.cuts


@cache
def binning(columns: int) -> Binning:
    """Columns that are all cut alike."""
    values = pa.array(stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000))
    column = ColumnValues(values, np.empty(0, np.int64), np.empty(0, np.uint8))
    names = [f"feature.f{place}" for place in range(columns)]
    return make_binning(
        dict.fromkeys(names, column), dict.fromkeys(names, "numeric"), score_layout("regression", (), None)
    )


@cache
def shares(shift: float) -> np.ndarray:
    """Of a normal moved by ``shift``, by bin."""
    return np.diff(np.concatenate([[0.0], stats.norm.cdf(cuts() - shift), [1.0]]))


def moved(shift: float) -> float:
    """The largest distance of the two distribution functions at a cut."""
    return float(np.abs(np.cumsum(shares(0.0)) - np.cumsum(shares(shift))).max())


def two_sample(compare: Callable[..., object], truth: Callable[[float], float]) -> Limits:
    """Limits of a two-sample statistic on counts."""

    def limits(random: np.random.Generator, rows: int, shift: float, runs: int) -> tuple[np.ndarray, np.ndarray, float]:
        found = []
        for _ in range(runs):
            sides = [Binned(cuts(), random.multinomial(rows, shares(one)), -9.0, 9.0) for one in (0.0, shift)]
            one = compare(*sides)
            found.append((one.lower, one.upper))  # type: ignore[attr-defined]
        return *np.array(found).T, truth(shift)  # type: ignore[return-value]

    return limits


def psi_of(shift: float) -> float:
    """On the deciles among the cuts."""
    places = [int(np.argmin(np.abs(cuts() - stats.norm.ppf(j / 10)))) for j in range(1, 10)]
    p, q = (np.add.reduceat(shares(one), [0, *(place + 1 for place in places)]) for one in (0.0, shift))
    return float(np.sum((p - q) * np.log(p / q)))


def engine(*, timed: bool) -> Limits:
    """Limits of rows moved, many columns at once; ``rows`` of the window, and as many of the reference in each of its
    days (untimed: in all)."""

    def limits(random: np.random.Generator, rows: int, shift: float, runs: int) -> tuple[np.ndarray, np.ndarray, float]:
        found = []
        columns = binning(min(runs, AT_ONCE))
        names = [one.name for one in columns.columns]
        for _ in range(0, runs, AT_ONCE):
            hours = DAYS * DAY if timed else 1
            then = hourly(random, columns, np.arange(hours), rows // DAY if timed else rows, 0.0)
            none = no_labels(columns.scores)
            size = label_size(columns.scores)
            empty = np.empty(0, np.int64), np.empty((0, size), np.int64), np.empty((0, len(none.sums)))
            reference = ReferenceProfile.of(then, empty, timed=timed)
            now = hourly(random, columns, hours + np.arange(DAY), rows // DAY, shift)
            current = window(now, hours, hours + DAY)
            measured = measure_drift(
                columns, names, current, reference, length_hours=DAY, tolerance=0.02, alpha=EACH_SIDE
            )
            found += [(one.effect_lower, one.effect_upper) for one in measured]
        return *np.array(found[:runs]).T, moved(shift)  # type: ignore[return-value]

    return limits


def hourly(
    random: np.random.Generator, columns: Binning, hours: np.ndarray, rows: int, shift: float
) -> HourlySummaries:
    """So many rows an hour, counted."""
    counts = np.zeros((len(hours), columns.size), np.int64)
    counts[:, 0] = rows
    for one in columns.columns:
        counts[:, columns.slots(one.name)] = random.multinomial(rows, shares(shift), size=len(hours))
    numeric = len(columns.numeric)
    extremes = np.tile([-9.0, 9.0], (len(hours), numeric, 1))
    none = np.zeros((len(hours), 0, SUMS), np.int64), np.zeros((len(hours), 0, 2 * FREQUENCIES), np.int64)
    return HourlySummaries(hours.astype(np.int64), counts, np.zeros((len(hours), numeric, 2)), extremes, *none)


INTERVALS: dict[str, Limits] = {
    "KS band": two_sample(ks.compare, moved),
    "PSI": two_sample(psi.compare, psi_of),
    "rows moved, no times": engine(timed=False),
    "rows moved, 28 days": engine(timed=True),
}


def table(runs: int, sizes: Sequence[int] = SIZES, names: Sequence[str] = tuple(INTERVALS)) -> Iterator[str]:
    """Lines of a table: share of intervals that hold the truth, with its 95 % interval; misses below and above."""
    yield "| interval | rows | shift (sd) | true effect | holds | too high | too low |"
    yield "|---|---|---|---|---|---|---|"
    for name in names:
        limits = INTERVALS[name]
        for rows in sizes:
            for shift in SHIFTS:
                random = np.random.default_rng((rows, round(shift * 100)))
                lower, upper, truth = limits(random, rows, shift, runs)
                above, below = np.mean(lower > truth + 1e-12), np.mean(upper < truth - 1e-12)
                holds = 1 - above - below
                low, high = wilson(holds * runs, runs, Z95)
                share = f"{holds:.3f} ({float(low):.3f} to {float(high):.3f})"
                yield f"| {name} | {rows:,} | {shift:g} | {truth:.4f} | {share} | {above:.3f} | {below:.3f} |"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=400)
    arguments.add_argument("--only", choices=INTERVALS, help="one kind of interval, for more runs of it")
    given = arguments.parse_args()
    for line in table(given.runs, names=[given.only] if given.only else list(INTERVALS)):
        print(line, flush=True)
