"""Estimates without labels against what the labels say: right while inputs move, blind to concept drift, which the
calibration gap then shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import calibrate
from detectors.estimation.cbpe import BINARY, Expected, split
from detectors.estimation.concept import measure_concept
from detectors.estimation.measure import ESTIMATED, PREFIX, estimate_performance
from detectors.performance.measure import METRICS
from detectors.performance.scored import LabelCounts, count_scored
from detectors.performance.strata import Strata
from detectors.performance.weighting import ALL_KNOWN, Known, Weighting
from detectors.profile import ReferenceProfile
from detectors.summary import WindowCounts, summarise, window
from tests.detectors.build import column

SHARED = {"coverage": 1.0, "labelled": 0, "predictions": 0, "mature": True}


@dataclass(frozen=True)
class Rows:
    """Truth, prediction and the score (multiclass: of all classes [n, K]) of every row, one hour after the other."""

    truth: Any
    said: Any
    score: Any

    @property
    def binned(self) -> Any:
        return self.score if self.score.ndim == 1 else self.score.max(axis=1)


def chance_of(x):
    return 1 / (1 + np.exp(-(1.5 * x - 1.6)))


def binary(n, seed, *, moved=0.0, other=0.0):
    """``moved``: the inputs, in standard deviations; ``other``: the log odds of the truth, where the score is high."""
    rng = np.random.default_rng(seed)
    x = rng.normal(moved, 1, n)
    score = chance_of(x)
    odds = np.log(score / (1 - score)) - other * (score > 0.35)
    truth = rng.random(n) < 1 / (1 + np.exp(-odds))
    return Rows(truth.astype(int).astype(str), (score > 0.4).astype(int).astype(str), score)


def multiclass(n, seed, *, moved=1.0):
    """``moved``: how decided the model is."""
    rng = np.random.default_rng(seed)
    raw = np.exp(moved * rng.normal(0, 1.2, (n, 3)))
    score = raw / raw.sum(axis=1, keepdims=True)
    names = np.array(["a", "b", "c"])
    truth = names[(rng.random((n, 1)) > np.cumsum(score, axis=1)).sum(axis=1).clip(0, 2)]
    return Rows(truth, names[score.argmax(axis=1)], score)


def regression(n, seed, *, moved=0.0):
    """The error is larger for large predictions."""
    rng = np.random.default_rng(seed)
    said = rng.normal(5 + moved, 1, n)
    return Rows(said + rng.normal(0, 0.2 + 0.1 * np.abs(said - 4), n), said, said)


CLASSES = {"binary": ("0", "1"), "multiclass": ("a", "b", "c"), "regression": ()}
MAKE = {"binary": binary, "multiclass": multiclass, "regression": regression}


def columns_of(task, rows):
    found = {"prediction": column(rows.said.tolist() if task != "regression" else rows.said)}
    return found if task == "regression" else {**found, "score": column(rows.binned)}


def labels_of(layout, rows, hours):
    n = len(rows.truth)
    score = np.full(n, np.nan)
    if layout.task == "binary":
        score = rows.score
    if layout.task == "multiclass":
        score = rows.score[np.arange(n), np.searchsorted(layout.classes, rows.truth)]
    parts = pa.array(rows.truth), pa.array(rows.said)
    return count_scored(layout, hours, *parts, score, np.ones(n, dtype=np.int8), rows.binned)


@dataclass(frozen=True)
class World:
    task: str
    binning: Binning
    reference: ReferenceProfile

    def window(self, rows: Rows) -> WindowCounts:
        hours = np.zeros(len(rows.truth), dtype=np.int64)
        return window(summarise(self.binning, hours, columns_of(self.task, rows)), 0, 24)

    def labels(self, rows: Rows) -> LabelCounts:
        _, counts, sums = labels_of(self.binning.scores, rows, np.zeros(len(rows.truth), dtype=np.int64))
        return LabelCounts(counts[0], sums[0])

    def estimated(self, rows: Rows) -> dict[str, Any]:
        found = estimate_performance(self.binning, self.window(rows), self.reference, SHARED)
        return {one.metric.removeprefix(PREFIX): one for one in found}

    def realised(self, rows: Rows) -> dict[str, float]:
        labels = self.labels(rows)
        return {name: METRICS[self.task][name](self.binning.scores, labels).value for name in ESTIMATED[self.task]}

    def gap(self, rows: Rows, weights=ALL_KNOWN, windows=None, metric="calibration_gap"):
        windows = self.reference.label_windows(24, 0) if windows is None else windows
        found = measure_concept(self.binning, self.labels(rows), self.reference, windows, weights, SHARED)
        return [one for one in found if one.metric == metric]


def world_of(task, rows):
    hours = np.arange(len(rows.truth)) * 24 * 30 // len(rows.truth)
    columns = columns_of(task, rows)
    kinds = {"prediction": "numeric" if task == "regression" else "categorical", "score": "numeric"}
    layout = score_layout(task, CLASSES[task], rows.binned, pa.array(rows.said) if task == "binary" else None)
    binning = make_binning(columns, {name: kinds[name] for name in columns}, layout)
    grouped = labels_of(layout, rows, hours)
    return World(task, binning, ReferenceProfile.of(summarise(binning, hours, columns), grouped, timed=True))


@pytest.fixture(scope="module")
def worlds():
    return {task: world_of(task, make(30_000, seed=1)) for task, make in MAKE.items()}


@pytest.mark.parametrize(
    ("task", "moved", "most"),
    [("binary", 0.0, 0.007), ("binary", 0.7, 0.015), ("multiclass", 0.5, 0.01), ("multiclass", 1.6, 0.01),
     ("regression", 1.0, 0.01)],
)  # fmt: skip
def test_inputs_may_move(worlds, task, moved, most):
    world, rows = worlds[task], MAKE[task](40_000, seed=2, moved=moved)
    found, truth = world.estimated(rows), world.realised(rows)
    assert set(found) == set(ESTIMATED[task])
    for name, one in found.items():
        assert one.value == pytest.approx(truth[name], abs=most)
        assert one.lower < one.value < one.upper
        assert one.details["blind"] == "cannot see concept drift"
        assert one.n_current == 40_000
    if moved:  # it is no use if the reference would have told as much
        assert max(abs(one.details["reference_value"] - truth[name]) for name, one in found.items()) > 3 * most


def test_estimates_are_blind_to_concept_drift_and_the_gap_is_not(worlds):
    world, rows = worlds["binary"], binary(20_000, seed=3, other=0.8)
    found, truth = world.estimated(rows), world.realised(rows)
    assert found["precision"].value - truth["precision"] > 0.1
    assert found["precision"].value == pytest.approx(found["precision"].details["reference_value"], abs=0.02)
    (gap,) = world.gap(rows)
    assert gap.details["concept_drift"] is True
    assert gap.lower > 0.05
    assert gap.p_value < 0.01
    assert gap.details["expected"] - gap.details["observed"] == pytest.approx(gap.value)
    assert gap.details["from"] >= 0.3
    assert len(gap.details["deciles"]) == 10


def turned(n, seed):
    """Scores that mean the opposite of what they meant, of one row in three."""
    rows = binary(n, seed)
    flip = np.random.default_rng(seed).random(n) < 1 / 3
    return Rows(np.where(flip, np.where(rows.truth == "1", "0", "1"), rows.truth), rows.said, rows.score)


def test_the_slope_is_that_of_a_logistic_regression(worlds):
    world, rows = worlds["binary"], binary(40_000, seed=3)
    odds = np.log(rows.score / (1 - rows.score))
    truth = np.random.default_rng(4).random(40_000) < 1 / (1 + np.exp(-0.4 * odds))
    (found,) = world.gap(Rows(truth.astype(int).astype(str), rows.said, rows.score), metric="calibration_slope")
    assert found.lower < 0.4 < found.upper
    assert found.value == pytest.approx(0.4, abs=0.05)
    assert found.details["concept_drift"] is True


def test_two_hundred_labels_show_that_scores_lost_their_meaning_and_not_that_inputs_moved(worlds):
    world = worlds["binary"]
    lost = [world.gap(turned(200, seed), metric="calibration_slope")[0] for seed in range(60)]
    moved = [world.gap(binary(200, s, moved=s % 3 / 2), metric="calibration_slope")[0] for s in range(60, 210)]
    assert np.mean([one.details["concept_drift"] for one in lost]) >= 0.9
    assert np.mean([one.details["concept_drift"] for one in moved]) <= 0.03
    assert np.mean([one.lower <= 1 <= one.upper for one in moved]) >= 0.93
    assert world.gap(binary(29, seed=5), metric="calibration_slope") == []
    assert worlds["multiclass"].gap(multiclass(500, seed=5), metric="calibration_slope") == []


def test_without_concept_drift_there_is_no_gap(worlds):
    world = worlds["binary"]
    found = [world.gap(binary(1000, seed=seed, moved=seed % 3 / 2))[0] for seed in range(1000, 1150)]
    assert np.mean([one.lower > 0 for one in found]) <= 0.05
    assert np.mean([one.details["concept_drift"] for one in found]) <= 0.02
    assert np.mean([one.p_value is not None and one.p_value <= 0.05 for one in found]) <= 0.02
    assert all((one.p_value is None) == (one.lower == 0) for one in found)


def test_labels_that_are_missing_because_of_what_they_say_are_no_concept_drift(worlds):
    """Of the positives two in five are known: without weights that looks like a changed concept."""
    world, rows = worlds["binary"], binary(20_000, seed=8)
    known = (rows.truth == "0") | (np.random.default_rng(9).random(20_000) < 0.4)
    seen = Rows(rows.truth[known], rows.said[known], rows.score[known])
    layout = world.binning.scores
    strata = Strata.of(layout)
    weight = np.where(strata.parents == 1, 2.5, 1.0)
    (plain,) = world.gap(seen)
    (weighted,) = world.gap(seen, Known(Weighting(layout, strata, weight, np.zeros(len(weight)))))
    assert plain.details["concept_drift"] is True
    assert weighted.lower == 0
    assert weighted.value < plain.value / 4
    limits = []
    for error in (0.0, 0.1):
        doubt = Known(Weighting(layout, strata, weight, np.full(len(weight), error)))
        limits.append(world.gap(seen, doubt, windows=())[0].upper)
    assert limits[0] < limits[1]


def test_labels_of_wrong_predictions_that_are_late_are_no_concept_drift_of_several_classes(worlds):
    """Of the rows predicted wrong half are known: they are weighted by quarters of the confidence."""
    world, rows = worlds["multiclass"], multiclass(20_000, seed=8)
    known = (rows.truth == rows.said) | (np.random.default_rng(9).random(20_000) < 0.5)
    seen = Rows(rows.truth[known], rows.said[known], rows.score[known])
    strata = Strata.of(world.binning.scores)
    weight, error = np.ones(len(strata.parents)), np.zeros(len(strata.parents))
    weight[strata.scores[0]] = 2.0
    weighting = Weighting(world.binning.scores, strata, weight, error)
    (plain,), (weighted,) = world.gap(seen), world.gap(seen, Known(weighting))
    assert plain.details["concept_drift"] is True
    assert weighted.details["concept_drift"] is False
    assert weighted.value < plain.value / 2
    cohort = weighted.details["cohort"]
    assert cohort["lower"] < 0 < cohort["upper"]
    doubt = Known(Weighting(world.binning.scores, strata, weight, np.where(strata.parents < 0, 0.1, 0.0)))
    assert world.gap(seen, doubt, windows=())[0].upper > world.gap(seen, Known(weighting), windows=())[0].upper


def test_intervals_hold_what_the_labels_say_later(worlds):
    for task, world in worlds.items():
        held = []
        for seed in range(80):
            rows = MAKE[task](800, seed=100 + seed)
            truth = world.realised(rows)
            held += [one.lower <= truth[name] <= one.upper for name, one in world.estimated(rows).items()]
        assert np.mean(held) > 0.92


def test_classes_that_are_no_threshold_on_the_score_leave_the_area_alone():
    rows = binary(5000, seed=4)
    coin = np.random.default_rng(5).random(5000) < 0.3
    world = world_of("binary", Rows(rows.truth, np.where(coin, "1", "0"), rows.score))
    assert set(world.estimated(rows)) == {"roc_auc"}


def test_too_few_rows_say_nothing(worlds):
    for task, world in worlds.items():
        assert world.estimated(MAKE[task](29, seed=5)) == {}
        assert world_of(task, MAKE[task](29, seed=6)).estimated(MAKE[task](500, seed=5)) == {}
    assert worlds["binary"].gap(binary(100, seed=5)) == []  # no decile has 30 rows
    assert worlds["regression"].gap(regression(5000, seed=5)) == []
    assert worlds["multiclass"].gap(multiclass(5000, seed=5))[0].details["concept_drift"] is False


def test_shared_bins_count_both_alike(worlds):
    for task, world in worlds.items():
        rows, bins = MAKE[task](3000, seed=7), SharedBins.of(world.binning)
        direct = np.bincount(np.searchsorted(bins.cuts, rows.binned), minlength=bins.size)
        assert bins.rows(world.window(rows).counts).tolist() == direct.tolist()
        fine = np.bincount(
            np.searchsorted(world.binning.scores.score_cuts, rows.binned),
            minlength=len(world.binning.scores.score_cuts) + 1,
        )
        assert bins.labelled(fine).tolist() == direct.tolist()
        assert bins.size >= (20 if task == "regression" else 60)


CELLS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=8)


@settings(deadline=None, max_examples=60)
@given(CELLS, st.integers(0, 2**32 - 1))
def test_derivatives_are_those_of_the_metrics(cells, seed):
    rows = np.array(cells, dtype=float).T + 1
    share = np.sort(np.random.default_rng(seed).uniform(0.05, 0.95, rows.shape[1]))
    step = 1e-6
    for name, metric in BINARY.items():
        value, pull = metric(Expected(rows, share))
        for place in range(rows.shape[1]):
            moved = share.copy()
            moved[place] += step
            change = (metric(Expected(rows, moved))[0] - value) / step
            assert (pull[:, place] * rows[:, place]).sum() == pytest.approx(change, rel=1e-3, abs=1e-5), name


@settings(deadline=None, max_examples=60)
@given(CELLS.filter(lambda cells: sum(map(sum, cells)) > 0))
def test_calibration_is_isotonic_and_keeps_the_sum(cells):
    misses, hits = np.array(cells, dtype=float).T
    found = calibrate(misses, hits)
    rows = misses + hits
    there = np.flatnonzero(rows)
    fit = IsotonicRegression().fit_transform(there, hits[there] / rows[there], sample_weight=rows[there])
    assert found.share[there] == pytest.approx(fit, abs=1e-9)
    assert (np.diff(found.share) >= -1e-12).all()
    assert ((misses + hits) * found.share).sum() == pytest.approx(hits.sum(), abs=1e-9)
    assert (found.variance > 0).all()


@given(CELLS, st.floats(0, 1))
def test_a_split_takes_the_highest_scores(cells, positive):
    rows = np.array(cells, dtype=float).sum(axis=1)
    negative, above = split(rows, positive)
    assert negative + above == pytest.approx(rows)
    assert above.sum() == pytest.approx(positive * rows.sum())
    first = int(np.argmax(above > 0))
    assert (above[first + 1 :] == rows[first + 1 :]).all() or positive == 0
