"""How many labels it takes to see a concept drift that inputs do not show, and how often one is seen that is not there.

    python -m bench.concept [--runs 200]

The stream is C2 of ``bench.detection``: two of five weights of the truth change sign, inputs and prior stay as they
were. A reference of 28 days, windows of matured labels; each run is a new reference and a new window. Shown is how
often ``calibration_gap`` and ``calibration_slope`` tell of a concept drift, and how often the loss of accuracy is
surely above the tolerance (95 %).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from bench.detection.streams import concept_rows
from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.estimation.concept import measure_concept
from detectors.intervals import Z95, wilson
from detectors.performance.measure import measure_performance
from detectors.performance.scored import LabelCounts, count_scored
from detectors.performance.weighting import ALL_KNOWN
from detectors.profile import ReferenceProfile
from detectors.summary import ColumnValues, summarise

CLASSES = ("0", "1")
DAYS = 28
SIZES = (100, 200, 300, 500, 1000)
TOLERANCES = {"accuracy": 0.02, "roc_auc": 0.02}
SHOWN = {"coverage": 1.0, "labelled": 0, "predictions": 0, "mature": True}


def count(binning: Binning, score: np.ndarray, truth: np.ndarray, hours: np.ndarray) -> tuple[np.ndarray, ...]:
    """Labelled rows by hour."""
    said = pa.array((score > 0.5).astype(int).astype(str))
    return count_scored(
        binning.scores, hours, pa.array(truth.astype(int).astype(str)), said, score, np.ones(len(hours), np.int8)
    )


def reference_of(random: np.random.Generator, rows: int) -> tuple[Binning, ReferenceProfile]:
    """28 days without drift."""
    score, truth = concept_rows(random, rows, changed=False)
    hours = np.arange(rows) * 24 * DAYS // rows
    column = ColumnValues(pa.array(score), np.empty(0, np.int64), np.empty(0, np.uint8))
    layout = score_layout("binary", CLASSES, score)
    binning = make_binning({"score": column}, {"score": "numeric"}, layout)
    counted = summarise(binning, hours, {"score": column})
    return binning, ReferenceProfile.of(counted, count(binning, score, truth, hours), timed=True)


def told(seed: int, labels: int, changed: bool, rows: int) -> dict[str, bool]:
    """Which of the numbers tell of a drift in one run."""
    random = np.random.default_rng((seed, labels, changed))
    binning, reference = reference_of(random, rows)
    score, truth = concept_rows(random, labels, changed=changed)
    _, counts, sums = count(binning, score, truth, np.zeros(labels, np.int64))
    current, windows = LabelCounts(counts[0], sums[0]), reference.label_windows(24, 0)
    found = measure_concept(binning, current, reference, windows, ALL_KNOWN, SHOWN)
    seen = {one.metric: bool(one.details["concept_drift"]) for one in found}
    measured = measure_performance(
        binning.scores, current, labels, reference.labels, rows, windows, alpha=0.05, tolerances=TOLERANCES, mature=True
    )
    accuracy = next(one for one in measured if one.metric == "accuracy")
    seen["accuracy"] = (accuracy.effect_lower or 0.0) > TOLERANCES["accuracy"]
    return {"any": any(seen.values()), **seen}


def table(runs: int, rows: int, sizes: Sequence[int] = SIZES) -> Iterator[str]:
    """Lines of a table: share of runs that tell, with its 95 % interval."""
    names = ("calibration_gap", "calibration_slope", "accuracy", "any")
    yield "| matured labels | drift | " + " | ".join(names) + " |"
    yield "|---|---|" + "---|" * len(names)
    for labels in sizes:
        for changed in (True, False):
            found = [told(seed, labels, changed, rows) for seed in range(runs)]
            cells = []
            for name in names:
                hits = sum(one.get(name, False) for one in found)
                low, high = wilson(hits, runs, Z95)
                cells.append(f"{hits / runs:.3f} ({float(low):.3f} to {float(high):.3f})")
            yield f"| {labels} | {'C2' if changed else 'none'} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=200)
    arguments.add_argument("--rows", type=int, default=20_000, help="labelled rows of the reference")
    given = arguments.parse_args()
    for line in table(given.runs, given.rows):
        print(line, flush=True)
