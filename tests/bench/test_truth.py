"""What errors are measured against is right: expected metrics, and weights from the true delays."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from bench import estimates, late_labels
from tests.detectors.performance.late import DAY, STRATA, cases, labelled


@pytest.mark.parametrize("world", estimates.WORLDS)
def test_expected_metrics_are_those_of_rows_that_are_of_each_class_by_their_chance(world):
    rows = estimates.draw(np.random.default_rng(1), world, 3000, 0.7)
    truth = np.repeat(np.arange(rows.chance.shape[1]), 3000)
    said, score = (np.tile(part, rows.chance.shape[1]) for part in (rows.said, rows.shown))
    weighted = {"sample_weight": rows.chance.T.ravel()}
    oracle = {"accuracy": metrics.accuracy_score(truth, said, **weighted)}
    if rows.task == "binary":
        for name in ("precision", "recall", "f1"):
            oracle[name] = getattr(metrics, f"{name}_score")(truth, said, **weighted)
        oracle["roc_auc"] = metrics.roc_auc_score(truth, score, **weighted)
    assert estimates.expected(rows) == pytest.approx(oracle, abs=1e-9)


def test_only_the_world_in_places_means_something_else_by_its_scores_after_a_shift():
    """Chance of a positive at scores about 0.2, before and after."""
    apart = {}
    for world in ("calibrated", "too sure", "in places"):
        drawn = [estimates.draw(np.random.default_rng(2), world, 200_000, shift) for shift in (0.0, 1.0)]
        each = [one.chance[np.abs(one.shown - 0.2) < 0.01, 1].mean() for one in drawn]
        apart[world] = abs(each[0] - each[1])
    assert apart["calibrated"] < 0.005
    assert apart["too sure"] < 0.005
    assert apart["in places"] > 0.015


def test_true_weights_stand_for_all_rows_of_their_kind():
    window, age = cases(1, 4000, seed=3), 3 * DAY
    weighting = late_labels.true_weights(window, age)
    known = window.at(window.hour + window.delay <= age)
    for stratum in (STRATA.cells[1, 1], STRATA.cells[1, 0], STRATA.cells[0, 1], STRATA.cells[0, 0]):
        rows, there = (np.count_nonzero(STRATA.cells[part.truth, part.said] == stratum) for part in (window, known))
        assert weighting.weight[stratum] * there == pytest.approx(0.97 * rows, rel=4 / np.sqrt(there))
    assert late_labels.true_weights(window, 10**6).weight == pytest.approx(1)
    assert late_labels.summed(known).rows == labelled(window, age).rows
