"""What is said of a window's performance, and what may be judged."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.binning import score_layout
from detectors.cuts import ScoreLayout
from detectors.measurement import IMMATURE_LABELS, NO_REFERENCE, TOO_FEW_ROWS
from detectors.performance.measure import measure_performance
from detectors.performance.roc_auc import roc_auc
from detectors.performance.scored import LabelCounts, count_scored, no_labels

LAYOUT = score_layout("binary", ("0", "1"), np.random.default_rng(0).random(1000))


def scored(n, separation=1.5, flip=0.0, seed=0):
    """Labels of n rows whose scores separate the classes; ``flip`` of the truths are turned around."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    score = stats.norm.cdf(rng.normal(separation * (truth - 0.5), 1))
    truth = np.where(rng.random(n) < flip, 1 - truth, truth)
    said = (score > 0.5).astype(int)
    ones = np.ones(n, dtype=np.int8)
    parts = count_scored(
        LAYOUT, np.zeros(n, dtype=np.int64), pa.array(truth.astype(str)), pa.array(said.astype(str)), score, ones
    )
    return LabelCounts(parts[1][0], parts[2][0])


def measure(current, reference, windows=(), *, tolerance=0.02, alpha=1e-3, mature=True, predictions=None):
    rows = current.rows if predictions is None else predictions
    found = measure_performance(
        LAYOUT,
        current,
        rows,
        reference,
        reference.rows if reference else 0,
        list(windows),
        alpha=alpha,
        tolerances=dict.fromkeys(("accuracy", "roc_auc"), tolerance),
        mature=mature,
    )
    return {one.metric: one for one in found}


def test_every_metric_has_its_interval_and_its_coverage():
    found = measure(scored(2000), scored(8000, seed=1), predictions=2500)
    names = ["accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier", "label_coverage"]
    assert list(found) == names
    for one in found.values():
        assert one.lower < one.value < one.upper
        assert one.details["coverage"] == 0.8
        assert (one.details["labelled"], one.details["predictions"]) == (2000, 2500)
        assert one.details["reference_value"] is not None
    assert found["label_coverage"].value == 0.8
    assert {name for name, one in found.items() if one.effect is not None} == {"accuracy", "roc_auc"}


def test_a_loss_is_found_and_its_absence_is_not():
    windows = [scored(500, seed=seed) for seed in range(10, 22)]
    reference = sum(windows[1:], start=windows[0])
    same, worse = measure(scored(2000, seed=1), reference, windows), measure(scored(2000, flip=0.2), reference, windows)
    for metric in ("accuracy", "roc_auc"):
        assert same[metric].p_value > 0.05
        assert worse[metric].effect_lower > 0.02
        assert worse[metric].p_value < 1e-3
        assert worse[metric].effect == pytest.approx(worse[metric].details["reference_value"] - worse[metric].value)
        assert worse[metric].details["tolerance"] == 0.02


def test_windows_that_differ_widen_the_limits():
    steady = [scored(500, seed=seed) for seed in range(10, 20)]
    unsteady = [scored(500, flip=0.3 * (seed % 2), seed=seed) for seed in range(10, 20)]
    current, reference = scored(2000, flip=0.1), scored(5000, seed=1)
    for metric in ("accuracy", "roc_auc"):
        narrow = measure(current, reference, steady)[metric]
        wide = measure(current, reference, unsteady)[metric]
        assert wide.effect_lower < narrow.effect_lower
        assert wide.p_value > narrow.p_value
        assert wide.effect == narrow.effect


def test_few_windows_make_a_short_reference():
    windows = [scored(500, seed=2)] * 7
    found = measure(scored(2000, flip=0.2), scored(5000, seed=1), windows, tolerance=0.05)["accuracy"]
    assert found.details["short_reference"] is True
    assert found.details["tolerance"] == 0.05


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 0.4), st.integers(40, 3000), st.sampled_from([0.01, 1e-4]), st.booleans())
def test_p_value_and_lower_limit_agree(flip, rows, alpha, with_windows):
    windows = [scored(200, seed=seed) for seed in range(9)] if with_windows else []
    found = measure(scored(rows, flip=flip), scored(4000, seed=1), windows, tolerance=0.06, alpha=alpha)
    for metric in ("accuracy", "roc_auc"):
        one = found[metric]
        if one.effect_lower is not None and abs(one.effect_lower - 0.06) > 1e-6:
            assert (one.p_value <= alpha) == (one.effect_lower > 0.06)


def test_reasons():
    reference = scored(1000)
    assert measure(scored(29), reference)["accuracy"].reason == TOO_FEW_ROWS
    assert measure(scored(500), reference, mature=False)["accuracy"].reason == IMMATURE_LABELS
    assert measure(scored(500), None)["accuracy"].reason == NO_REFERENCE
    assert measure(scored(500), scored(29))["accuracy"].reason == NO_REFERENCE
    immature = measure(scored(500), reference, mature=False)
    assert immature["accuracy"].value is not None
    assert {name for name, one in immature.items() if one.reason != IMMATURE_LABELS} == {"label_coverage"}
    assert measure(scored(29), reference)["precision"].reason == TOO_FEW_ROWS
    assert measure(scored(500), None)["precision"].reason is None  # its own value needs no reference
    none = measure(no_labels(LAYOUT), reference, predictions=100)
    assert none["accuracy"].value is None
    assert none["accuracy"].reason == TOO_FEW_ROWS
    none = measure(no_labels(LAYOUT), reference, predictions=100, mature=False)
    assert none["accuracy"].reason == none["roc_auc"].reason == IMMATURE_LABELS
    few = measure(scored(20), reference, predictions=100, mature=False)
    assert few["accuracy"].reason == IMMATURE_LABELS
    assert measure(scored(20), reference, predictions=25, mature=False)["accuracy"].reason == TOO_FEW_ROWS
    assert none["label_coverage"].value == 0


def test_a_model_without_scores_has_no_score_metrics():
    layout = ScoreLayout("binary", ("0", "1"))
    labels = LabelCounts(np.array([100, 40, 10, 0, 10, 40, 0, 0, 0, 0, 0, 0]), np.zeros(4))
    found = measure_performance(
        layout, labels, 100, labels, 100, [], alpha=0.01, tolerances={"accuracy": 0.02}, mature=True
    )
    assert [one.metric for one in found] == ["accuracy", "precision", "recall", "f1", "label_coverage"]


def test_regression_is_judged_by_the_relative_rise_of_its_error():
    layout = ScoreLayout("regression")

    def errors(n, scale, seed):
        rng = np.random.default_rng(seed)
        truth = rng.normal(100, 20, n)
        parts = count_scored(
            layout,
            np.zeros(n, dtype=np.int64),
            pa.array(truth),
            pa.array(truth + rng.normal(0, scale, n)),
            np.full(n, np.nan),
            np.ones(n, dtype=np.int8),
        )
        return LabelCounts(parts[1][0], parts[2][0])

    windows = [errors(300, 5, seed) for seed in range(10)]
    reference = sum(windows[1:], start=windows[0])
    same, worse = (
        measure_performance(
            layout,
            errors(1000, scale, 99),
            1000,
            reference,
            3000,
            windows,
            alpha=1e-3,
            tolerances={"mae": 0.05},
            mature=True,
        )
        for scale in (5, 7)
    )
    assert [one.metric for one in worse] == ["mae", "rmse", "bias", "r2", "label_coverage"]
    assert same[0].p_value > 0.05
    assert worse[0].p_value < 1e-3
    assert worse[0].effect == pytest.approx(worse[0].value / worse[0].details["reference_value"] - 1)
    assert 0.05 < worse[0].effect_lower < worse[0].effect < worse[0].effect_upper


@pytest.mark.parametrize("exact", ["reference", "window"])
def test_no_rise_from_no_error_or_to_none(exact):
    layout = ScoreLayout("regression")

    def rows(error, truth):
        n = len(truth)
        parts = count_scored(
            layout,
            np.zeros(n, dtype=np.int64),
            pa.array(truth),
            pa.array(truth + error),
            np.full(n, np.nan),
            np.ones(n, dtype=np.int8),
        )
        return LabelCounts(parts[1][0], parts[2][0])

    truth = np.arange(960.0)
    now, then = rows(float(exact == "reference"), truth), rows(float(exact == "window"), truth)
    mae, _, _, r2, _ = measure_performance(
        layout, now, 960, then, 960, (), alpha=1e-3, tolerances={"mae": 0.05}, mature=True
    )
    assert (mae.reason, mae.effect, mae.value) == ("no_errors", None, float(exact == "reference"))
    assert (r2.value is not None, r2.reason) == (True, None)
    alike = measure_performance(
        layout, rows(1.0, np.full(960, 7.0)), 960, then, 960, (), alpha=1e-3, tolerances={}, mature=True
    )
    assert {one.metric: one.reason for one in alike}["r2"] == "no_variation"


def test_an_f1_of_zero_is_no_exact_prediction():
    """Of 20 rows that are positive or said to be none is both: worse there is nothing."""
    truth, said = np.repeat(["1", "0", "0"], [10, 10, 480]), np.repeat(["0", "1", "0"], [10, 10, 480])
    ones = np.ones(500, dtype=np.int8)
    parts = count_scored(
        LAYOUT, np.zeros(500, dtype=np.int64), pa.array(truth), pa.array(said), np.full(500, 0.5), ones
    )
    now, reference = LabelCounts(parts[1][0], parts[2][0]), scored(1000)
    given = {"alpha": 1e-3, "tolerances": {"f1": 0.02}, "mature": True}
    found = {one.metric: one for one in measure_performance(LAYOUT, now, 500, reference, 1000, (), **given)}
    assert (found["f1"].value, found["f1"].effect, found["f1"].reason) == (0.0, None, TOO_FEW_ROWS)


def test_intervals_cover():
    """200 windows of 400 rows: the true value is inside about 95 % of the intervals."""
    area, accuracy = stats.norm.cdf(1.5 / np.sqrt(2)), stats.norm.cdf(0.75)
    inside = {"roc_auc": 0, "accuracy": 0}
    for seed in range(200):
        labels = scored(400, seed=seed)
        found = {one.metric: one for one in measure(labels, None).values()}
        inside["roc_auc"] += found["roc_auc"].lower <= area <= found["roc_auc"].upper
        inside["accuracy"] += found["accuracy"].lower <= accuracy <= found["accuracy"].upper
    assert all(180 <= count <= 199 for count in inside.values()), inside


def test_delong_error_equals_the_pairwise_definition():
    rng = np.random.default_rng(3)
    truth, score = rng.integers(0, 2, 120), rng.integers(1, 10, 120) / 10
    layout = ScoreLayout("binary", ("0", "1"), np.arange(1, 10) / 10)
    said = pa.array(truth.astype(str))
    parts = count_scored(layout, np.zeros(120, dtype=np.int64), said, said, score, np.ones(120, dtype=np.int8))
    found = roc_auc(layout, LabelCounts(parts[1][0], parts[2][0]))
    positive, negative = score[truth == 1], score[truth == 0]
    pairs = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = pairs.mean(axis=1).var(ddof=1) / len(positive) + pairs.mean(axis=0).var(ddof=1) / len(negative)
    np.testing.assert_allclose(found.value, pairs.mean())
    np.testing.assert_allclose(found.error, np.sqrt(variance), rtol=1e-9)
