"""Windows put together again from blocks of their hours, against rows and hours drawn one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from detectors.cuts import ScoreLayout
from detectors.performance.blocks import Drawings, block_length, multiplicities
from detectors.performance.coarse import Coarse
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import METRICS
from detectors.performance.scored import LabelCounts, count_scored, encode, label_size, sum_size
from detectors.performance.values import VALUES

HOURS = 40
LAYOUTS = {
    "binary": ScoreLayout("binary", ("0", "1"), np.arange(1, 50) / 50),
    "multiclass": ScoreLayout("multiclass", ("a", "b", "c"), np.arange(1, 10) / 10),
    "regression": ScoreLayout("regression"),
}


def rows_of(task, n=3000, seed=5):
    """Hour, truth, prediction and score of rows."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(0, HOURS, n)
    if task == "regression":
        truth = rng.normal(10, 3, n)
        return hour, truth, truth + rng.normal(0.1, 1 + hour / HOURS, n), np.full(n, np.nan)
    if task == "multiclass":
        truth = rng.choice(["a", "b", "c", "x"], n, p=[0.5, 0.3, 0.15, 0.05])
        return hour, truth, np.where(rng.random(n) < 0.7, truth, rng.choice(list("abc"), n)), rng.uniform(0.05, 1, n)
    truth = rng.integers(0, 2, n)
    score = np.round(np.clip(rng.normal(0.35 + 0.3 * truth, 0.05 + 0.3 * hour / HOURS), 0.01, 0.99), 2) - 0.005
    return hour, truth, (score > 0.5).astype(int), score


def hours_of(task, hour, truth, said, score, start=1000, layout=None):
    layout, text = layout or LAYOUTS[task], task != "regression"
    sides = [pa.array(part.astype(str) if text else part) for part in (truth, said)]
    keys, counts, sums = count_scored(layout, hour, *sides, score, np.ones(len(hour), np.int8))
    data = [encode(*pair) for pair in zip(counts, sums, strict=True)]
    return LabelHours.of(start, start + HOURS, (start + keys).tolist(), data)


def arrays(hours, layout, slots=None):
    return hours.arrays(np.arange(label_size(layout)) if slots is None else slots, sum_size(layout))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 24), st.integers(0, 5))
def test_every_drawing_is_made_of_whole_blocks(hours, length, seed):
    """Against the blocks laid down one after another."""
    length = min(length, hours)
    blocks = -(-hours // length)
    first = np.random.default_rng((seed,)).integers(0, hours - length + 1, (20, blocks))
    for drawn, starts in zip(multiplicities(hours, length, 20, (seed,)), first, strict=True):
        laid = np.concatenate([np.arange(start, start + length) for start in starts])[:hours]
        np.testing.assert_array_equal(drawn, np.bincount(laid, minlength=hours))


@pytest.mark.parametrize("task", list(LAYOUTS))
def test_values_of_many_windows_are_those_of_each(task):
    layout, rng = LAYOUTS[task], np.random.default_rng(3)
    counts, sums = arrays(hours_of(task, *rows_of(task)), LAYOUTS[task])
    weights = rng.integers(0, 4, (30, HOURS))
    weights[0] = 0  # nothing is defined without rows
    weights[1, 1:] = 0
    drawn = weights @ counts, weights @ sums
    assert set(VALUES[task]) == set(METRICS[task])
    for metric, score in METRICS[task].items():
        each = [score(layout, LabelCounts(*pair)) for pair in zip(*drawn, strict=True)]
        expected = [np.nan if one is None else one.value for one in each]
        np.testing.assert_allclose(VALUES[task][metric](layout, *drawn), expected, rtol=1e-9, err_msg=metric)
        assert expected[0] != expected[0]


def test_a_drawing_is_its_hours_rows():
    """Metrics of drawings equal scikit-learn's on the rows of the hours that were drawn, one by one."""
    hour, truth, said, score = rows_of("binary")
    hours = hours_of("binary", hour, truth, said, score)
    drawn = multiplicities(HOURS, block_length(HOURS), 12, (hours.start, HOURS))
    found = Drawings.of(LAYOUTS["binary"], hours, 12)
    for place, times in enumerate(drawn):
        rows = np.repeat(np.arange(len(hour)), times[hour])
        expected = {
            "accuracy": metrics.accuracy_score(truth[rows], said[rows]),
            "precision": metrics.precision_score(truth[rows], said[rows]),
            "f1": metrics.f1_score(truth[rows], said[rows]),
            "log_loss": metrics.log_loss(truth[rows], score[rows]),
            "brier": metrics.brier_score_loss(truth[rows], score[rows]),
        }
        for metric, value in expected.items():
            got = VALUES["binary"][metric](LAYOUTS["binary"], found.counts, found.sums)[place]
            np.testing.assert_allclose(got, value, rtol=1e-9, err_msg=metric)
    area = VALUES["binary"]["roc_auc"](LAYOUTS["binary"], found.counts, found.sums)
    last = np.repeat(np.arange(len(hour)), drawn[-1][hour])  # a bin holds two scores, so ties hide a little
    assert area[-1] == pytest.approx(metrics.roc_auc_score(truth[last], score[last]), abs=0.002)


def test_blocks_of_an_hour_are_scipys_bootstrap():
    hour, truth, said, score = rows_of("regression")
    counts, sums = arrays(hours_of("regression", hour, truth, said, score), LAYOUTS["regression"])
    drawn = multiplicities(HOURS, 1, 4000, (1,)).astype(float)
    found = Drawings(LAYOUTS["regression"], drawn @ counts, drawn @ sums, HOURS, 1).error("mae")

    def mae(absolute, rows, axis):
        return absolute.sum(axis=axis) / rows.sum(axis=axis)

    expected = stats.bootstrap(
        (sums[:, 1], counts[:, 0]), mae, paired=True, n_resamples=4000, random_state=np.random.default_rng(2)
    )
    assert found == pytest.approx(expected.standard_error * np.sqrt(HOURS / (HOURS - 1)), rel=0.05)


def test_the_error_of_a_mean_is_that_of_overlapping_blocks():
    """In closed form (Künsch 1989): the variance of the means of all blocks, over the number of blocks."""
    layout, hours, length = LAYOUTS["regression"], 48, 12
    level = np.random.default_rng(4).normal(5, 1, hours).cumsum() / 10 + 5
    counts, sums = np.full((hours, label_size(layout)), 50.0), np.zeros((hours, sum_size(layout)))
    sums[:, 1] = 50 * level
    drawn = multiplicities(hours, length, 20_000, (3,)).astype(float)
    found = Drawings(layout, drawn @ counts, drawn @ sums, hours, length).error("mae")
    means = np.convolve(level, np.full(length, 1 / length), "valid")
    assert found == pytest.approx(np.sqrt(means.var() / 4 * 4 / 3), rel=0.02)


def test_drawings_follow_from_the_window_alone():
    rows = rows_of("binary")
    one, same, later = (
        Drawings.of(LAYOUTS["binary"], hours_of("binary", *rows, start=start)) for start in (1000, 1000, 1001)
    )
    np.testing.assert_array_equal(one.counts, same.counts)
    np.testing.assert_array_equal(one.sums, same.sums)
    assert (one.counts != later.counts).any()
    assert len(one.counts) == 200


def test_a_window_of_two_hours_is_no_blocks():
    counts, sums = np.ones((2, label_size(LAYOUTS["regression"])), np.int64), np.ones((2, 6))
    assert Drawings.of(LAYOUTS["regression"], LabelHours.of_arrays(0, counts, sums)) is None
    assert [block_length(hours) for hours in (1, 2, 3, 6, 24, 71, 72, 168)] == [0, 0, 1, 2, 8, 23, 24, 24]


def test_hours_add_up():
    """Several groups of an hour, hours without rows, and versions together."""
    hour, truth, said, score = rows_of("binary")
    hour = np.where(hour == 7, 8, hour)
    halves = [slice(0, 1000), slice(1000, None)]
    parts = [hours_of("binary", hour[half], truth[half], said[half], score[half]) for half in halves]
    whole, both = hours_of("binary", hour, truth, said, score), parts[0] + parts[1]
    layout = LAYOUTS["binary"]
    (counts, sums), added = arrays(whole, layout), arrays(both, layout)
    np.testing.assert_array_equal(counts, added[0])
    np.testing.assert_allclose(sums, added[1])
    assert counts.shape == (HOURS, label_size(layout))
    assert not counts[7].any()
    np.testing.assert_array_equal(whole.total.counts, both.total.counts)
    np.testing.assert_array_equal(whole.total.counts, counts.sum(axis=0))
    np.testing.assert_allclose(whole.total.sums, sums.sum(axis=0))
    again = LabelHours.of_arrays(whole.start, counts.astype(np.int64), sums)
    np.testing.assert_array_equal(arrays(again, layout)[0], counts)
    np.testing.assert_array_equal(again.total.counts, whole.total.counts)


@pytest.mark.parametrize("task", list(LAYOUTS))
def test_coarse_counts_say_the_same(task):
    """Of a thousand score bins: all metrics but the area to the last digit, the area of an hour to within its ties."""
    layout = replace(LAYOUTS[task], score_cuts=np.arange(1, 1000) / 1000)
    counts, sums = arrays(hours_of(task, *rows_of(task), layout=layout), layout)
    coarse = Coarse.of(layout)
    fewer = arrays(hours_of(task, *rows_of(task), layout=layout), coarse.layout, coarse.slots)
    assert fewer[0].shape == (HOURS, label_size(coarse.layout))
    assert fewer[0].shape[1] < 160 < counts.shape[1]
    for metric, values in VALUES[task].items():
        close = {"atol": 0.005} if metric == "roc_auc" else {"rtol": 1e-12}
        np.testing.assert_allclose(values(coarse.layout, *fewer), values(layout, counts, sums), err_msg=metric, **close)
