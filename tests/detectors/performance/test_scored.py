"""Labelled rows as counts and sums, against scikit-learn on the rows themselves."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from detectors.binning import score_layout
from detectors.cuts import ScoreLayout
from detectors.performance.measure import METRICS
from detectors.performance.scored import (
    LabelCounts,
    add_up,
    confusion,
    count_scored,
    decode,
    encode,
    errors_by_bin,
    label_size,
    no_labels,
    score_bins,
    sum_size,
)


def text(values):
    return pa.array(np.asarray(values).astype(str))


def total(layout, truth, predicted, score=None, sign=None, groups=None):
    n = len(truth)
    keys, counts, sums = count_scored(
        layout,
        np.zeros(n, dtype=np.int64) if groups is None else groups,
        truth,
        predicted,
        np.full(n, np.nan) if score is None else score,
        np.ones(n, dtype=np.int8) if sign is None else sign,
    )
    assert len(keys) == len(counts) == len(sums)
    return LabelCounts(counts.sum(axis=0), sums.sum(axis=0))


@pytest.fixture
def binary():
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 2, 3000)
    score = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    score[:40] = np.round(score[:40])
    layout = score_layout("binary", ("0", "1"), score)
    return layout, truth, (score > 0.5).astype(int), score


def value(metric, layout, labels):
    return METRICS[layout.task][metric](layout, labels).value


def test_binary_metrics_equal_scikit_learn(binary):
    layout, truth, said, score = binary
    groups = np.random.default_rng(1).integers(0, 40, len(truth))
    labels = total(layout, text(truth), text(said), score, groups=groups)
    assert labels.rows == 3000
    expected = {
        "accuracy": metrics.accuracy_score(truth, said),
        "precision": metrics.precision_score(truth, said),
        "recall": metrics.recall_score(truth, said),
        "f1": metrics.f1_score(truth, said),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
    }
    for metric, number in expected.items():
        np.testing.assert_allclose(value(metric, layout, labels), number, rtol=1e-9, err_msg=metric)
    area = METRICS["binary"]["roc_auc"](layout, labels)
    assert abs(area.value - metrics.roc_auc_score(truth, score)) <= area.details["error_bound"] < 0.001


def test_multiclass_metrics_equal_scikit_learn():
    rng = np.random.default_rng(12)
    truth = rng.choice(list("abc"), 900, p=[0.6, 0.3, 0.1])
    said = np.where(rng.random(900) < 0.7, truth, rng.choice(list("abc"), 900))
    layout = ScoreLayout("multiclass", ("a", "b", "c"))
    of_truth = rng.uniform(0.05, 1, 900)
    labels = total(layout, text(truth), text(said), of_truth)
    for metric, score in (
        ("macro_precision", metrics.precision_score),
        ("macro_recall", metrics.recall_score),
        ("macro_f1", metrics.f1_score),
    ):
        np.testing.assert_allclose(value(metric, layout, labels), score(truth, said, average="macro"))
    np.testing.assert_allclose(value("accuracy", layout, labels), np.mean(truth == said))
    np.testing.assert_allclose(value("log_loss", layout, labels), -np.log(of_truth).mean())


def test_regression_metrics_equal_scikit_learn():
    rng = np.random.default_rng(13)
    truth = rng.normal(50, 10, 700)
    said = truth + rng.normal(1, 4, 700)
    layout = ScoreLayout("regression")
    labels = total(layout, pa.array(truth), pa.array(said))
    np.testing.assert_allclose(value("mae", layout, labels), metrics.mean_absolute_error(truth, said))
    np.testing.assert_allclose(value("rmse", layout, labels), metrics.root_mean_squared_error(truth, said))
    np.testing.assert_allclose(value("bias", layout, labels), np.mean(said - truth))
    np.testing.assert_allclose(value("r2", layout, labels), metrics.r2_score(truth, said))


def test_other_values_are_counted_and_nulls_are_not():
    layout = ScoreLayout("binary", ("0", "1"))
    truth, said = pa.array(["1", "maybe", None, "0", "1"]), pa.array(["1", "1", "1", None, "x"])
    labels = total(layout, truth, said, np.array([0.9, 0.5, 0.5, 0.5, np.nan]))
    assert labels.rows == 3
    assert confusion(layout, labels.counts).tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 0]]
    np.testing.assert_allclose(labels.sums[0], -np.log(0.9))
    keys, counts, _ = count_scored(
        layout, np.array([4]), pa.array([None], pa.string()), pa.array(["1"]), np.array([0.5]), np.ones(1, np.int8)
    )
    assert len(keys) == 0
    assert counts.shape == (0, label_size(layout))


def test_a_correction_takes_back_what_was_known(binary):
    layout, truth, said, score = binary
    wrong = 1 - truth[:50]
    first = total(layout, text(np.append(wrong, truth[50:])), text(said), score)
    corrected = first + total(
        layout,
        text(np.append(wrong, truth[:50])),
        text(np.tile(said[:50], 2)),
        np.tile(score[:50], 2),
        np.repeat([-1, 1], 50).astype(np.int8),
    )
    expected = total(layout, text(truth), text(said), score)
    np.testing.assert_array_equal(corrected.counts, expected.counts)
    np.testing.assert_allclose(corrected.sums, expected.sums)


def test_the_order_of_rows_never_matters_to_the_bit(binary):
    layout, truth, said, score = binary
    groups = np.arange(len(truth)) % 7
    order = np.random.default_rng(2).permutation(len(truth))
    ones = np.ones(len(truth), dtype=np.int8)
    first = count_scored(layout, groups, text(truth), text(said), score, ones)
    second = count_scored(layout, groups[order], text(truth[order]), text(said[order]), score[order], ones)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bytes_round_trip(binary):
    layout, truth, said, score = binary
    labels = total(layout, text(truth), text(said), score)
    minus = LabelCounts(-labels.counts, -labels.sums)
    for one in (labels, minus, no_labels(layout)):
        again = decode(encode(one.counts, one.sums))
        np.testing.assert_array_equal(again.counts, one.counts)
        np.testing.assert_array_equal(again.sums, one.sums)
    few = total(layout, text(truth[:20]), text(said[:20]), score[:20])
    assert len(encode(few.counts, few.sums)) < 300


def test_adding_up_encoded_groups(binary):
    layout, truth, said, score = binary
    groups = np.arange(len(truth)) % 9
    ones = np.ones(len(truth), dtype=np.int8)
    _, counts, sums = count_scored(layout, groups, text(truth), text(said), score, ones)
    none = no_labels(layout)
    taken_back = encode(-counts[3], -sums[3])
    encoded = [encode(none.counts, none.sums), *(encode(*one) for one in zip(counts, sums, strict=True)), taken_back]
    added = add_up(encoded)
    np.testing.assert_array_equal(added.counts, counts.sum(axis=0) - counts[3])
    np.testing.assert_allclose(added.sums, sums.sum(axis=0) - sums[3])
    empty = add_up([encode(none.counts, none.sums)])
    np.testing.assert_array_equal(empty.counts, none.counts)


def test_several_classes_by_their_highest_probability():
    rng = np.random.default_rng(8)
    truth, said = (rng.choice(["a", "b", "c", "?"], 800, p=[0.4, 0.3, 0.2, 0.1]) for _ in range(2))
    highest = np.where(rng.random(800) < 0.1, np.nan, rng.uniform(0.3, 1, 800))
    layout = score_layout("multiclass", ("a", "b", "c"), highest)
    assert len(layout.score_cuts) > 60
    ones = np.ones(800, dtype=np.int8)
    groups, score = rng.integers(0, 4, 800), rng.random(800)
    _, counts, _ = count_scored(layout, groups, text(truth), text(said), score, ones, highest)
    wrong, right = score_bins(layout, counts.sum(axis=0))
    bins = np.searchsorted(layout.score_cuts, highest)
    for found, chosen in ((right, truth == said), (wrong, truth != said)):
        chosen = chosen & np.isfinite(highest)
        assert found.tolist() == np.bincount(bins[chosen], minlength=len(layout.score_cuts) + 1).tolist()
    assert counts[:, 0].sum() == 800
    assert confusion(layout, counts.sum(axis=0)).sum() == 800 - np.count_nonzero((truth == said) & (truth == "?"))
    assert counts.shape[1] == label_size(layout)
    assert counts[:, -1].sum() == np.count_nonzero(truth != "?")


def test_errors_of_a_regression_by_its_prediction():
    rng = np.random.default_rng(9)
    truth, said = rng.normal(size=(2, 600))
    layout = score_layout("regression", (), said)
    assert len(layout.score_cuts) == 19
    groups, sign = rng.integers(0, 5, 600), np.where(rng.random(600) < 0.9, 1, -1).astype(np.int8)
    parts = pa.array(truth), pa.array(said), np.full(600, np.nan)
    _, counts, sums = count_scored(layout, groups, *parts, sign)
    rows, by_bin = errors_by_bin(layout, LabelCounts(counts.sum(axis=0), sums.sum(axis=0)))
    bins, error = np.searchsorted(layout.score_cuts, said), np.abs(said - truth)
    assert rows.tolist() == np.bincount(bins, weights=sign, minlength=20).tolist()
    for found, power in zip(by_bin, (1, 2, 4), strict=True):
        assert found == pytest.approx(np.bincount(bins, weights=sign * error**power, minlength=20))
    assert sums.shape[1] == sum_size(layout)
    order = rng.permutation(600)
    parts = pa.array(truth[order]), pa.array(said[order]), np.full(600, np.nan)
    again = count_scored(layout, groups[order], *parts, sign[order])
    assert (again[2] == sums).all()
    data = [encode(*pair) for pair in zip(counts, sums, strict=True)]
    assert add_up(data).sums == pytest.approx(sums.sum(axis=0))
