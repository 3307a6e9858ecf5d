"""Estimates where few rows are predicted positive: they lie in one end of the scores, and there are few labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from detectors.binning import make_binning, score_layout
from detectors.cuts import LEVELS, Binning
from detectors.estimation.base_rate import measure_base_rate
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration_slope import measure_slope
from detectors.estimation.label_shift import shift_of
from detectors.estimation.measure import PREFIX, calibration_of, estimate_performance
from detectors.estimation.threshold import is_threshold, parted, predicted_rows
from detectors.measurement import NO_POSITIVES, NO_VARIATION
from detectors.performance.scored import LabelCounts, count_scored
from detectors.profile import ReferenceProfile
from detectors.summary import WindowCounts, summarise, window
from tests.detectors.build import column

CLASSES = ("0", "1")
STEEP = 3.0  # standard deviations of the log odds


@dataclass(frozen=True)
class Rows:
    """Scores that are the chance itself, what is said from a half on, and what is true."""

    score: Any
    said: Any
    truth: Any

    @property
    def columns(self) -> dict[str, Any]:
        return {"prediction": column(names(self.said).tolist()), "score": column(self.score)}

    @property
    def realised(self) -> dict[str, float]:
        hits = (self.said & self.truth).sum()
        claimed, there = self.said.sum(), self.truth.sum()
        return {"precision": hits / claimed, "recall": hits / there, "f1": 2 * hits / (claimed + there),
                "accuracy": (self.said == self.truth).mean()}  # fmt: skip

    @property
    def expected(self) -> dict[str, float]:
        hits = self.score[self.said].sum()
        claimed, there = self.said.sum(), self.score.sum()
        return {"precision": hits / claimed, "recall": hits / there, "f1": 2 * hits / (claimed + there),
                "accuracy": np.where(self.said, self.score, 1 - self.score).mean()}  # fmt: skip


def names(said):
    return np.where(said, "1", "0")


def draw(seed, rows, positive, shift=0.0):
    """``positive``: which share is predicted positive, without a ``shift`` (in standard deviations)."""
    rng = np.random.default_rng((seed, rows))
    x = rng.normal(shift, 1, rows) - stats.norm.isf(positive)
    score = 1 / (1 + np.exp(-STEEP * x))
    return Rows(score, score >= 0.5, rng.random(rows) < score)


def labels_of(layout, rows, hours):
    told = pa.array(names(rows.truth)), pa.array(names(rows.said))
    return count_scored(layout, hours, *told, rows.score, np.ones(len(hours), np.int8), rows.score)


@dataclass(frozen=True)
class World:
    binning: Binning
    reference: ReferenceProfile

    def window(self, rows: Rows) -> WindowCounts:
        return window(summarise(self.binning, np.zeros(len(rows.score), np.int64), rows.columns), 0, 24)

    def labels(self, rows: Rows) -> LabelCounts:
        _, counts, sums = labels_of(self.binning.scores, rows, np.zeros(len(rows.score), np.int64))
        return LabelCounts(counts[0], sums[0])

    def told(self, rows: Rows) -> dict[str, Any]:
        found = estimate_performance(self.binning, self.window(rows), self.reference, {})
        return {one.metric.removeprefix(PREFIX): one for one in found}


def world_of(rows, *, stored=False):
    """``stored``: with the cuts that were made before scores were cut finer at their ends."""
    layout = score_layout("binary", CLASSES, rows.score, pa.array(names(rows.said)))
    binning = make_binning(rows.columns, {"prediction": "categorical", "score": "numeric"}, layout)
    if stored:
        binning = as_before(binning, rows)
    hours = np.arange(len(rows.score)) * 24 * 28 // len(rows.score)
    counted = summarise(binning, hours, rows.columns)
    return World(binning, ReferenceProfile.of(counted, labels_of(binning.scores, rows, hours), timed=True))


def as_before(binning, rows):
    quantiles = np.sort(rows.score)[np.ceil(np.arange(1, 512) / 512 * len(rows.score)).astype(int) - 1]
    cuts = np.unique(np.concatenate([np.arange(1, 512) / 512, quantiles]))
    made = []
    for one in binning.columns:
        if one.name == "score":
            kept = one.quantile_cuts(LEVELS)
            one = replace(one, cuts=one.cuts[kept], levels=one.levels[kept])
        elif rows.said.mean() < 0.001:
            one = replace(one, levels=("0",), rare=frozenset({"1"}))
        made.append(one)
    return Binning(tuple(made), replace(binning.scores, score_cuts=cuts))


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("positive", [0.0005, 0.002, 0.008, 0.03])
def test_few_predicted_positives_are_worth_what_they_are(positive, stored):
    off, held = [], []
    for seed in range(8):
        world, rows = world_of(draw(seed, 60_000, positive), stored=stored), draw(seed + 100, 40_000, positive)
        told, expected, realised = world.told(rows), rows.expected, rows.realised
        off.append([told[name].value - expected[name] for name in expected])
        held += [told[name].lower <= realised[name] <= told[name].upper for name in expected]
        assert all(told[name].upper - told[name].lower > 1e-4 for name in expected)
    assert np.mean(held) >= 0.85
    error = np.std(off, axis=0) / np.sqrt(len(off))
    assert (np.abs(np.mean(off, axis=0)) < 3 * error + 0.01).all()
    assert np.abs(np.mean(off, axis=0)).max() < 0.06


@pytest.mark.parametrize(("positive", "rows"), [(0.001, 1_000), (0.001, 4_000), (0.01, 1_000), (0.2, 200)])
def test_intervals_hold_the_truth_where_rows_are_few(positive, rows):
    worlds, held = [world_of(draw(seed, 60_000, positive)) for seed in range(5)], []
    for seed in range(300):
        some = draw(seed + 1000, rows, positive)
        if some.said.any() and some.truth.any():
            told = worlds[seed % 5].told(some)
            held.append([told[name].lower <= value <= told[name].upper for name, value in some.realised.items()])
    assert len(held) > 150
    assert (np.mean(held, axis=0) >= 0.90).all()


def test_where_inputs_move_the_other_way_more_are_in_the_tail():
    """Six times as many rows are predicted positive as in the reference."""
    off = []
    for seed in range(5):
        world, rows = world_of(draw(seed, 100_000, 0.005)), draw(seed + 100, 100_000, 0.005, shift=0.7)
        told = world.told(rows)
        off.append([told[name].value - value for name, value in rows.expected.items()])
    assert rows.said.mean() > 0.025
    assert np.abs(np.mean(off, axis=0)).max() < 0.025


def test_inputs_that_move_into_the_tail_are_no_concept_drift():
    """With 64 bins the slope said so of 91 in 200."""
    told = []
    for seed in range(3):
        world = world_of(draw(seed, 30_000, 0.005))
        bins = SharedBins.of(world.binning)
        given = world.binning, bins, calibration_of(world.binning, bins, world.reference)
        windows = world.reference.label_windows(24 * 7, 0)
        for place in range(10):
            labels = world.labels(draw(100 + 10 * seed + place, 20_000, 0.005, shift=1.5))
            found = measure_slope(*given, labels, world.reference.labels, windows, None, {})
            told.append(found.details["concept_drift"])
    assert sum(told) <= 3


@pytest.mark.parametrize("stored", [False, True])
def test_no_row_predicted_positive_is_no_recall_of_nothing(stored):
    world, rows = world_of(draw(1, 60_000, 0.0008), stored=stored), draw(2, 500, 0.0008)
    assert not rows.said.any()
    assert set(world.binning.by_name["prediction"].levels) == ({"0"} if stored else {"0", "1"})
    told = world.told(rows)
    for name in ("precision", "recall", "f1"):
        assert (told[name].value, told[name].lower, told[name].reason) == (None, None, NO_POSITIVES)
        assert told[name].n_current == 500
        assert told[name].details["reference_value"] > 0
    assert told["accuracy"].value == pytest.approx((1 - rows.score).mean(), abs=0.01)
    some = replace(rows, said=rows.score >= np.sort(rows.score)[-3])
    assert predicted_rows(world.binning, world.window(some), "1") == 3  # under a thousandth of the reference's
    assert world.told(some)["recall"].value > 0


def test_rows_that_are_predicted_positive_by_chance_are_no_threshold():
    rows = draw(3, 60_000, 0.008)
    luck = np.random.default_rng(4).random(60_000) < 0.004
    for said, explained in ((rows.said, True), (luck, False), (rows.said | luck, False)):
        world = world_of(replace(rows, said=said))
        assert is_threshold(world.binning, world.reference) is explained
        assert set(world.told(rows)) == ({*rows.realised, "roc_auc"} if explained else {"roc_auc"})


def test_scores_are_cut_finer_at_their_ends_and_where_the_classes_part():
    rows = draw(5, 60_000, 0.002)
    world = world_of(rows)
    score = world.binning.by_name["score"]
    assert rows.score[~rows.said].max() in score.cuts
    beyond = (1 - score.levels)[-1]
    assert 32 / 60_000 <= beyond < 64 / 60_000
    assert score.levels[0] == pytest.approx(beyond, abs=1 / 60_000)
    assert np.isin(score.cuts[score.levels > 1 - 1 / 64], world.binning.scores.score_cuts).all()
    assert len(score.cuts) <= len(LEVELS) + 2 * 4 + 1
    bins = SharedBins.of(world.binning)
    assert parted(world.binning, bins, world.reference) is None
    before = world_of(rows, stored=True)
    again = parted(before.binning, SharedBins.of(before.binning), before.reference)
    assert again.labelled[:, -1].tolist() == [(rows.said & ~rows.truth).sum(), (rows.said & rows.truth).sum()]
    assert Binning.from_bytes(before.binning.to_bytes()).to_bytes() == before.binning.to_bytes()


def test_of_scores_that_are_all_the_same_nothing_can_be_told():
    rng = np.random.default_rng(6)
    same = Rows(np.full(20_000, 0.38), np.zeros(20_000, bool), rng.random(20_000) < 0.38)
    world = world_of(same)
    rows = Rows(same.score[:3000], same.said[:3000], rng.random(3000) < 0.37)
    (rate,) = measure_base_rate(world.binning, world.window(rows), world.reference)
    assert (rate.value, rate.lower, rate.reason) == (None, None, NO_VARIATION)
    assert shift_of(world.binning, world.window(rows), world.reference) is None
    bins = SharedBins.of(world.binning)
    given = world.binning, bins, calibration_of(world.binning, bins, world.reference)
    slope = measure_slope(*given, world.labels(rows), world.reference.labels, (), None, {})
    assert (slope.value, slope.lower, slope.p_value, slope.reason) == (None, None, None, NO_VARIATION)
    assert "concept_drift" not in slope.details
