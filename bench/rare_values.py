"""How often categorical columns with many rare values are called drifted although nothing changed.

    python -m bench.rare_values [--seeds 12]

References and windows of one source, independent rows, at the level 0.002 and tolerance 0: columns of 15 to 3,000 or
more values that are equally common, or fall off by rank, geometrically, or as users of unequal activity do (lognormal).
Shown: the share that ``auto`` tells, that ``chi_square`` tells, and that ``chi_square`` would tell if rare and unseen
values were cells of their own beside every level; and the share told when a tenth of the rows are of one new value.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors import summary
from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.performance.scored import label_size
from detectors.profile import ReferenceProfile
from detectors.registry import TWO_SAMPLE
from detectors.sample import Levels, sample_of
from detectors.shares.auto import measure_drift
from detectors.summary import ColumnValues, WindowCounts

Codes = NDArray[np.int64]
Draw = Callable[[np.random.Generator, int, int], Codes]

LEVEL = 0.002
SIZES = ((300, 300), (800, 500), (3_000, 500), (3_000, 5_000), (20_000, 2_000), (40_000, 20_000))
VALUES = (15, 60, 150, 600, 3_000)
NAME = "feature.x"


def by_rank(random: np.random.Generator, values: int, rows: int) -> Codes:
    """Share 1 / rank."""
    weights = 1 / np.arange(1, values + 1)
    return random.choice(values, rows, p=weights / weights.sum())


KINDS: dict[str, Draw] = {
    "equally common": lambda random, values, rows: random.integers(0, values, rows),
    "by rank": by_rank,
    "geometric": lambda random, values, rows: random.geometric(3 / values, rows),
    "lognormal": lambda random, values, rows: np.exp(random.normal(np.log(values), 1.5, rows)).astype(np.int64),
}


def column(codes: Codes) -> dict[str, ColumnValues]:
    """Texts."""
    texts = pa.array(np.char.add("v", codes.astype(str)).tolist())
    return {NAME: ColumnValues(texts, np.empty(0, np.int64), np.empty(0, np.int8))}


def reference_of(codes: Codes) -> tuple[Binning, ReferenceProfile]:
    """Without times."""
    binning = make_binning(column(codes), {NAME: "categorical"}, score_layout("regression", (), None))
    counted = summary.summarise(binning, np.zeros(len(codes), np.int64), column(codes))
    none = np.empty(0, np.int64), np.empty((0, label_size(binning.scores)), np.int64), np.empty((0, 6))
    return binning, ReferenceProfile.of(counted, none, timed=False)


def window_of(binning: Binning, codes: Codes) -> WindowCounts:
    """A day, all of its rows in one hour."""
    return summary.window(summary.summarise(binning, np.full(len(codes), 1_000), column(codes)), 1_000, 1_024)


def told(binning: Binning, reference: ReferenceProfile, window: WindowCounts) -> bool:
    """By ``auto``."""
    (one,) = measure_drift(binning, [NAME], window, reference, length_hours=24, tolerance=0.0, alpha=LEVEL)
    return one.p_value is not None and one.p_value <= LEVEL


def by_counts(binning: Binning, reference: ReferenceProfile, window: WindowCounts, *, together: bool) -> bool:
    """By chi-square, with all that is not surely common ``together`` or each cell by itself."""
    pair = [sample_of(binning, NAME, counts) for counts in (reference.total, window.counts)]
    levels = [one for one in pair if isinstance(one, Levels)]
    apart = [Levels(one.levels, one.counts) for one in levels]
    found = TWO_SAMPLE["chi_square"].compare(*(levels if together else apart))
    return found.reason is None and found.p_value is not None and found.p_value <= LEVEL


def lines(seeds: int) -> Iterator[str]:
    """The table, a line a kind of column."""
    yield f"{'values':16} {'auto':>7} {'chi_square':>11} {'apart':>7} {'new value told':>15}"
    for kind, draw in KINDS.items():
        found = []
        for seed in range(seeds):
            random = np.random.default_rng(seed)
            for values in VALUES:
                for rows, live in SIZES:
                    found.append(_look(random, draw, values, rows, live))
        auto, chi, apart, new = np.mean(found, axis=0)
        yield f"{kind:16} {auto:7.4f} {chi:11.4f} {apart:7.4f} {new:15.3f}"


def _look(random: np.random.Generator, draw: Draw, values: int, rows: int, live: int) -> tuple[bool, bool, bool, bool]:
    binning, reference = reference_of(draw(random, values, rows))
    codes = draw(random, values, live)
    window = window_of(binning, codes)
    changed = window_of(binning, np.where(random.random(live) < 0.1, 10**9, codes))
    chi, apart = (by_counts(binning, reference, window, together=one) for one in (True, False))
    return told(binning, reference, window), chi, apart, told(binning, reference, changed)


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12)
    for line in lines(parser.parse_args().seeds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
