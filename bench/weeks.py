"""How often vectors and correlations are called drifted although only weeks differ, without and with calibration.

    python -m bench.weeks [--seeds 10]

Made-up months without drift, 100 rows an hour. One week in eight is odd, in the reference and after it: the mean of
vectors of 32 numbers is moved by so many standard deviations in one direction, up or down; the correlation of two
features, 0.6 else, by so much on Fisher's scale. A reference of so many weeks is measured against the next four,
windows of 24 h (every 4 h) and 7 d (every day), all of a budget of one false alarm a month spent on this one number.
Shown: windows a month that are
certain, and the median factor of the calibration; CPU seconds of all windows of a world with it, fits and replay first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from detectors.binning import make_binning
from detectors.cuts import Binning, ScoreLayout
from detectors.embedding.mean_embedding import measure_embeddings
from detectors.measurement import Measurement
from detectors.pairs.correlations import measure_correlations
from detectors.performance.scored import label_size, no_labels
from detectors.profile import ReferenceProfile
from detectors.shares import calibrate
from detectors.summary import ColumnValues, HourlySummaries, WindowCounts, summarise, window

ROWS, DIMENSION, DAY, WEEK, LIVE = 100, 32, 24, 168, 4
START = 480_168  # a Monday, 00:00
LEVELS = {24: 1 / (2 * 180), 168: 1 / (2 * 30)}  # of one number with all of k = 1, shared by two lengths
STRIDES = {24: 4, 168: 24}
WEEKS, ODD = (8, 16), 1 / 8
TOLERANCES = {"vectors": (0.0, 0.02), "correlations": (0.0, 0.10)}  # and the usual one
APART = {"vectors": (0.0, 0.5, 1.0), "correlations": (0.0, 0.1, 0.3)}
LAYOUT = ScoreLayout("regression")
NOTHING = np.empty(0, np.int64), np.empty(0, np.uint8)

Measure = Callable[[Binning, WindowCounts, ReferenceProfile, int, float, float], Measurement]


@dataclass(frozen=True)
class World:
    """A reference and the weeks after it, counted on one binning."""

    binning: Binning
    reference: ReferenceProfile
    live: HourlySummaries
    first: int


def levels(random: np.random.Generator, weeks: int, apart: float) -> np.ndarray:
    """By how much each week is off, [weeks]."""
    return apart * random.choice([-1.0, 1.0], size=weeks) * (random.random(weeks) < ODD)


def vectors(random: np.random.Generator, weeks: int, apart: float) -> dict[str, pa.Array]:
    """Rows of so many weeks whose means differ."""
    rows = random.normal(size=(weeks * WEEK * ROWS, DIMENSION))
    rows[:, 0] += np.repeat(levels(random, weeks, apart), WEEK * ROWS)
    return {"feature.e": pa.array([row.tobytes() for row in rows.astype("<f4")], pa.binary())}


def pairs(random: np.random.Generator, weeks: int, apart: float) -> dict[str, pa.Array]:
    """Rows of so many weeks whose correlations differ."""
    rho = np.repeat(np.tanh(np.arctanh(0.6) + levels(random, weeks, apart)), WEEK * ROWS)
    first, second = random.normal(size=(2, len(rho)))
    return {"feature.a": pa.array(first), "feature.b": pa.array(rho * first + np.sqrt(1 - rho**2) * second)}


KINDS = {"vectors": (vectors, "embedding"), "correlations": (pairs, "numeric")}


def world(kind: str, weeks: int, apart: float, seed: int) -> World:
    """Of one seed."""
    make, stored = KINDS[kind]
    columns = make(np.random.default_rng((seed, weeks, round(1000 * apart))), weeks + LIVE, apart)
    hours = START + np.repeat(np.arange((weeks + LIVE) * WEEK), ROWS)
    return counted(stored, hours, columns, START + weeks * WEEK)


def counted(stored: str, hours: np.ndarray, columns: Mapping[str, pa.Array], first: int) -> World:
    """Rows of such columns in order of time; those before the hour ``first`` are the reference."""
    split = int(np.searchsorted(hours, first))
    sides = [
        {name: ColumnValues(values[some], *NOTHING) for name, values in columns.items()}
        for some in (slice(0, split), slice(split, None))
    ]
    binning = make_binning(sides[0], dict.fromkeys(columns, stored), LAYOUT)  # type: ignore[arg-type]
    size, none = label_size(LAYOUT), no_labels(LAYOUT)
    labels = np.empty(0, np.int64), np.empty((0, size), np.int64), np.empty((0, len(none.sums)))
    reference = ReferenceProfile.of(summarise(binning, hours[:split], sides[0]), labels, timed=True)
    return World(binning, reference, summarise(binning, hours[split:], sides[1]), first)


def of_vectors(
    binning: Binning, current: WindowCounts, reference: ReferenceProfile, length: int, tolerance: float, alpha: float
) -> Measurement:
    """Tested at that level."""
    given = {"length_hours": length, "tolerance": tolerance, "alpha": alpha}
    return measure_embeddings(binning, ["feature.e"], current, reference, **given)[0]  # type: ignore[arg-type]


def of_pairs(
    binning: Binning, current: WindowCounts, reference: ReferenceProfile, length: int, tolerance: float, alpha: float
) -> Measurement:
    """Tested at that level."""
    given = {"length_hours": length, "tolerance": tolerance, "alpha": alpha}
    return measure_correlations(binning, list(binning.by_name), current, reference, **given)  # type: ignore[arg-type]


MEASURES: dict[str, Measure] = {"vectors": of_vectors, "correlations": of_pairs}


@contextmanager
def uncalibrated() -> Iterator[None]:
    """As if no reference had weeks enough to be replayed."""
    fewest = calibrate.FEWEST
    calibrate.FEWEST = 10**6
    try:
        yield
    finally:
        calibrate.FEWEST = fewest


def rejected(kind: str, made: World, tolerance: float) -> dict[int, tuple[int, float]]:
    """By length: windows of the four weeks that are certain, and the factor of the calibration."""
    found, reference = {}, replace(made.reference, memo={})
    for length, stride in STRIDES.items():
        ends = made.first + np.arange(length, LIVE * WEEK + 1, stride)
        each = [
            MEASURES[kind](
                made.binning, window(made.live, end - length, end), reference, length, tolerance, LEVELS[length]
            )
            for end in ends.tolist()
        ]
        certain = [one.p_value is not None and one.p_value <= LEVELS[length] for one in each]
        found[length] = sum(certain), float(each[0].details.get("calibration", 1.0))
    return found


def a_month(each: list[dict[int, tuple[int, float]]]) -> float:
    """Windows that were certain."""
    return sum(count for one in each for count, _ in one.values()) / len(each) * 30 / (7 * LIVE)


def table(seeds: int, lengths: Sequence[int] = WEEKS, apart: Mapping[str, Sequence[float]] = APART) -> Iterator[str]:
    """Lines of a table; the budget is 1 a month."""
    yield "| what | weeks of reference | apart | tolerance | without | with | factor 24 h | factor 7 d | CPU s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for kind, sizes in apart.items():
        for weeks in lengths:
            for size in sizes:
                worlds = [world(kind, weeks, size, seed) for seed in range(seeds)]
                for tolerance in TOLERANCES[kind]:
                    with uncalibrated():
                        without = a_month([rejected(kind, one, tolerance) for one in worlds])
                    begun = time.process_time()
                    each = [rejected(kind, one, tolerance) for one in worlds]
                    took = (time.process_time() - begun) / seeds
                    factors = [np.median([one[length][1] for one in each]) for length in STRIDES]
                    numbers = f"{without:.2f} | {a_month(each):.2f} | {factors[0]:.2f} | {factors[1]:.2f} | {took:.2f}"
                    yield f"| {kind} | {weeks} | {size:g} | {tolerance:g} | {numbers} |"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=10)
    for line in table(arguments.parse_args().seeds):
        print(line, flush=True)
