"""CPU seconds of a month of checks over 50 features, from stored summaries, beside reading the raw values once.

    python -m bench.checks [--features 50] [--rows 100]

Every window that ends in the month is checked for data drift and data quality: 180 of 24 h and 30 of 7 d, all
features, from the bytes that the store keeps to finished measurements. The floor is one pass of numpy's histogram over
the month's raw values: what a monitor without summaries would pay for a single look.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bench.detection import promise
from bench.detection.hourly import Months
from detectors import summary
from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.hour_bytes import encode
from detectors.multiplicity import DEFAULT_WEIGHTS, ledger_alpha
from detectors.performance.scored import label_size
from detectors.profile import ReferenceProfile
from detectors.quality.measure import measure_quality
from detectors.shares.auto import measure_drift
from detectors.summary import ColumnValues, HourlySummaries, WindowCounts

DAY, WEEK, MONTH = 24, 168, 720
REFERENCE_HOURS = 13 * WEEK
STRIDES = {DAY: 4, WEEK: 24}
TOLERANCE = 0.02
AT_A_TIME = 10  # features whose hours are worked through together where all windows are checked at once


@dataclass(frozen=True)
class Log:
    """A reference, the month's stored hours, and the month's raw numbers [rows, numeric features]."""

    binning: Binning
    names: list[str]
    reference: ReferenceProfile
    hours: list[int]
    stored: list[bytes]
    raw: np.ndarray


def make_log(features: int, rows: int) -> Log:
    """Four in five features are numeric, the others have eight categories; ``rows`` an hour."""
    random = np.random.default_rng(7)
    hours = np.repeat(np.arange(REFERENCE_HOURS + WEEK + MONTH), rows)
    texts = features // 5
    raw = random.normal(size=(len(hours), features - texts))
    columns = {f"feature.n{i}": _column(raw[:, i]) for i in range(features - texts)}
    levels = np.array([f"level {i}" for i in range(8)])
    columns |= {f"feature.t{i}": _column(levels[random.integers(0, 8, len(hours))]) for i in range(texts)}
    kinds = {name: "numeric" if name.startswith("feature.n") else "categorical" for name in columns}
    known = hours < REFERENCE_HOURS
    binning = make_binning(_part(columns, known), kinds, score_layout("binary", ("no", "yes"), None))  # type: ignore[arg-type]
    then = summary.summarise(binning, hours[known], _part(columns, known))
    now = summary.summarise(binning, hours[~known], _part(columns, ~known))
    return Log(binning, list(columns), _profile(binning, then), now.hours.tolist(), _stored(now), raw[~known])


def _column(values: np.ndarray) -> ColumnValues:
    return ColumnValues(pa.array(values), np.empty(0, np.int64), np.empty(0, np.int8))


def _part(columns: dict[str, ColumnValues], chosen: np.ndarray) -> dict[str, ColumnValues]:
    return {name: _column(one.values.to_numpy(zero_copy_only=False)[chosen]) for name, one in columns.items()}


def _profile(binning: Binning, summaries: HourlySummaries) -> ReferenceProfile:
    nothing = np.empty(0, np.int64), np.empty((0, label_size(binning.scores)), np.int64), np.empty((0, 4))
    return ReferenceProfile.of(summaries, nothing, timed=True)


def _stored(summaries: HourlySummaries) -> list[bytes]:
    return [encode(*summaries.hour(place)) for place in range(len(summaries.hours))]


def drift(log: Log) -> int:
    """Data drift alone."""
    return month(log, with_quality=False)


def month(log: Log, *, with_quality: bool = True) -> int:
    """Check every window of the month; how many measurements came of it."""
    hours = summary.stack(log.binning, log.hours, log.stored)
    end = log.hours[-1] + 1
    done = 0
    for length, stride in STRIDES.items():
        for last in range(end - MONTH + stride, end + 1, stride):
            window = summary.window(hours, last - length, last)
            done += len(_drift(log, window, length))
            if with_quality:
                done += len(_quality(log, window, length))
    return done


def _alpha(kind: str, pairs: int, length: int) -> float:
    return ledger_alpha(1, DEFAULT_WEIGHTS[kind], 1, pairs, len(STRIDES), MONTH / STRIDES[length])


def _drift(log: Log, window: WindowCounts, length: int) -> list[object]:
    alpha = _alpha("data_drift", len(log.names), length)
    return [
        *measure_drift(
            log.binning, log.names, window, log.reference, length_hours=length, tolerance=TOLERANCE, alpha=alpha
        )
    ]


def _quality(log: Log, window: WindowCounts, length: int) -> list[object]:
    alpha = _alpha("data_quality", 3 * len(log.names) + 2, length)
    nothing = (0, window.rows)
    return [
        *measure_quality(
            log.binning,
            window,
            log.reference,
            length_hours=length,
            alpha=alpha,
            duplicates=nothing,
            rejected=nothing,
        )
    ]


def look_once(log: Log) -> int:
    """The floor: count the raw values of the month in 80 bins."""
    edges = np.linspace(-4, 4, 79)
    return sum(int(np.bincount(np.searchsorted(edges, column), minlength=80).sum()) for column in log.raw.T)


def at_once(base: str) -> float:
    """CPU seconds of a month of 50 features, all windows of 1 h, 6 h, 24 h and 7 d at once, from hourly counts:
    28 days of reference fitted, then tested. ``base``: the kind of hours, as ``bench.detection promise`` has them."""
    quiet = np.zeros(promise.WARM_UP + promise.MONTH_HOURS)
    best = np.inf
    for _ in range(3):
        drawn = Months(np.random.default_rng(7), base, 500, quiet)
        start = time.process_time()
        for part in drawn.in_parts(AT_A_TIME):
            promise.rejections(part, promise.Fitted(part), promise.FEATURES, 1.0, TOLERANCE)
        best = min(best, time.process_time() - start)
    return float(best)


def cpu(action: Callable[[Log], int], log: Log, rounds: int) -> tuple[float, int]:
    """Best CPU seconds of a few rounds, and what it answered; the first also pays for what is made only once."""
    best, answer = np.inf, 0
    for _ in range(rounds):
        start = time.process_time()
        answer = action(log)
        best = min(best, time.process_time() - start)
    return float(best), answer


def table(features: int, rows: int, rounds: int = 3) -> Iterator[str]:
    """Lines of what a month takes; ``rows`` an hour."""
    log = make_log(features, rows)
    start = time.process_time()
    month(log)
    first = time.process_time() - start
    floor, _ = cpu(look_once, log, rounds)
    yield f"a month of checks, {features} features, from {len(log.stored)} stored hours, CPU seconds"
    for words, action in (("data drift", drift), ("data drift and data quality", month)):
        seconds, done = cpu(action, log, rounds)
        ratio = f"{seconds / floor:.1f} x counting {len(log.raw):,} raw rows once"
        yield f"  {words:28} {seconds:.2f} s, {done:,} measurements, {1e6 * seconds / done:.0f} us each; {ratio}"
    yield f"  the first time {first:.2f} s: the reference's own windows are counted"


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--rows", type=int, default=100, help="rows an hour")
    arguments = parser.parse_args()
    for line in table(arguments.features, arguments.rows):
        print(line, flush=True)
    print("a month of 50 features in windows of 1 h, 6 h, 24 h and 7 d at once, reference fitted, CPU seconds")
    for base, words in (("iid", "independent rows"), ("seas", "cycles"), ("ar", "hours that wander")):
        print(f"  {words:28} {at_once(base):.2f} s", flush=True)


if __name__ == "__main__":
    main()
