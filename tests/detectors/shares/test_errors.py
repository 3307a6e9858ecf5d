"""A Monday as bad as Sundays usually are is a loss; a Sunday is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.binning import make_binning
from detectors.cuts import ScoreLayout
from detectors.measurement import Measurement
from detectors.performance.measure import measure_performance
from detectors.performance.scored import LabelCounts, count_scored
from detectors.profile import ReferenceProfile, mix
from detectors.shares.errors import usual_errors
from detectors.summary import summarise, window
from tests.detectors.build import column

LAYOUT = ScoreLayout("binary", ("0", "1"))
DAY, WEEKS, ROWS, ALPHA = 24, 10, 40, 1e-3
THURSDAY = 3  # hour 0 of 1970
MONDAY, SUNDAY = (DAY * (7 * (WEEKS + 1) + day - THURSDAY) for day in (0, 6))


def is_weekend(hours):
    return (hours // DAY + THURSDAY) % 7 >= 5


def labelled(hours, rate, seed):
    """Counts and sums by hour of rows of which a share ``rate`` is wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, len(hours))
    said = np.where(rng.random(len(hours)) < rate, 1 - truth, truth)
    parts = (pa.array(one.astype(str)) for one in (truth, said))
    return count_scored(LAYOUT, hours, *parts, np.full(len(hours), np.nan), np.ones(len(hours), dtype=np.int8))


def reference(seed: int = 1) -> tuple[object, ReferenceProfile]:
    hours = np.repeat(np.arange(DAY * 7 * WEEKS), ROWS)
    columns = {"feature.x": column(np.zeros(len(hours)))}
    binning = make_binning(columns, {"feature.x": "numeric"}, LAYOUT)
    made = labelled(hours, np.where(is_weekend(hours), 0.16, 0.10), seed)
    return binning, ReferenceProfile.of(summarise(binning, hours, columns), made, timed=True)


def accuracy_of(start: int, rate: float, profile, binning, *, informed: bool) -> Measurement:
    hours = np.repeat(np.arange(start, start + DAY), ROWS)
    counts = window(summarise(binning, hours, {"feature.x": column(np.zeros(len(hours)))}), start, start + DAY)
    _, found, sums = labelled(hours, rate, start)
    labels = LabelCounts(found.sum(axis=0), sums.sum(axis=0))

    def usual(metric, rows, then, tolerance, alpha):
        if metric != "accuracy":
            return None
        return usual_errors(LAYOUT, profile, counts, rows, length_hours=DAY, tolerance=tolerance, alpha=alpha)

    return measure_performance(
        LAYOUT, labels, len(hours), profile.labels, profile.rows, profile.label_windows(DAY, 0),
        alpha=ALPHA, tolerances={"accuracy": 0.02, "roc_auc": 0.02}, mature=True,
        usual=usual if informed else None,
    )[0]  # fmt: skip


def test_the_week_is_known():
    binning, profile = reference()
    sunday = accuracy_of(SUNDAY, 0.16, profile, binning, informed=True)
    assert sunday.p_value > 0.05
    assert sunday.effect == pytest.approx(0, abs=0.03)
    assert sunday.details["usual_value"] == pytest.approx(0.84, abs=0.01)
    monday = accuracy_of(MONDAY, 0.17, profile, binning, informed=True)
    assert monday.p_value < ALPHA
    assert monday.effect_lower > 0.02
    assert monday.effect == pytest.approx(0.07, abs=0.02)
    assert monday.details["reference_value"] == pytest.approx(0.883, abs=0.005)
    blind = accuracy_of(MONDAY, 0.17, profile, binning, informed=False)
    assert blind.p_value > ALPHA


def test_references_mixed_of_equals_say_the_same():
    binning, one = reference()
    _, other = reference(2)
    mixed = accuracy_of(MONDAY, 0.17, mix([one, other], [1, 1]), binning, informed=True)
    assert mixed.details["usual_value"] == pytest.approx(0.9, abs=0.01)
    assert mixed.p_value < ALPHA


def test_nobody_knows_without_times_or_enough_days():
    binning, profile = reference()
    hours = np.repeat(np.arange(DAY * 5), ROWS)
    rows = {"feature.x": column(np.zeros(len(hours)))}
    counts = window(summarise(binning, hours, rows), 0, DAY)
    for timed in (False, True):
        short = ReferenceProfile.of(summarise(binning, hours, rows), labelled(hours, 0.1, 1), timed=timed)
        found = usual_errors(LAYOUT, short, counts, profile.labels, length_hours=DAY, tolerance=0.02, alpha=ALPHA)
        assert found is None
