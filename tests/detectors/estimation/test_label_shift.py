"""Estimates of the base rate: against the truth, against the papers' own forms, and when they are hidden."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from detectors.estimation.label_shift import GATE, black_box, maximum_likelihood

PRIOR = 0.187
CUTS = stats.norm.ppf(np.arange(1, 64) / 64) * 1.2 + 0.25  # about the quantiles of the reference
DECIDES = 1.6

Array = NDArray[np.float64]


def rows(n: int, rate: float, rng: np.random.Generator, apart: float = 1.3) -> tuple[NDArray[np.bool_], Array]:
    """Truth and score, on the scale of its logit."""
    truth = rng.random(n) < rate
    return truth, rng.normal(np.where(truth, apart, 0.0))


def histogram(scores: Array) -> Array:
    return np.bincount(np.searchsorted(CUTS, scores), minlength=len(CUTS) + 1).astype(np.float64)


def table(truth: NDArray[np.bool_], scores: Array) -> Array:
    said = scores > DECIDES
    return np.array([[np.sum((truth == t) & (said == s)) for s in (False, True)] for t in (False, True)], float)


def expected_maximum(window: Array, negative: Array, positive: Array) -> float:
    """The paper's own iterations, from calibrated scores of the bins."""
    prior = positive.sum() / (positive.sum() + negative.sum())
    score = positive / (positive + negative)
    rate = prior
    for _ in range(20_000):
        up, down = rate / prior * score, (1 - rate) / (1 - prior) * (1 - score)
        rate = float(np.sum(window * up / (up + down)) / window.sum())
    return rate


@pytest.mark.parametrize("rate", [0.10, 0.15, 0.30, 0.50])
def test_the_base_rate_comes_back_within_a_point(rate: float) -> None:
    """STATISTICS: 5,000 rows, a prior of .187. Mean errors over 20 draws; the mean of the scores is off by far more."""
    rng = np.random.default_rng(5)
    errors, bbse, covered, naive = [], [], [], []
    for _ in range(20):
        truth, scores = rows(20_000, PRIOR, rng)
        _, now = rows(5_000, rate, rng)
        negative, positive = histogram(scores[~truth]), histogram(scores[truth])
        found = maximum_likelihood(histogram(now), negative, positive)
        errors.append(found.value - rate)
        covered.append(found.lower <= rate <= found.upper)
        box = black_box(float(np.sum(now > DECIDES)), 5_000, table(truth, scores))
        assert box is not None
        bbse.append(box[0] - rate)
        calibrated = positive / np.maximum(positive + negative, 1)
        naive.append(float(histogram(now) @ calibrated) / 5_000 - rate)
        assert found.gate_p_value is not None
        assert found.gate_p_value > GATE
    assert abs(np.mean(errors)) < 0.01
    assert abs(np.mean(bbse)) < 0.02
    assert np.std(errors) < np.std(bbse) * 1.1
    assert sum(covered) >= 17
    assert abs(np.mean(naive)) > 4 * abs(np.mean(errors))


@pytest.mark.parametrize(("known", "prior", "n", "rate"), [(300, 0.1, 10_000, 0.3), (1_000, 0.1, 20_000, 0.2)])
def test_few_labelled_rows_widen_the_interval(known: int, prior: float, n: int, rate: float) -> None:
    """30 or 100 positives in the reference, many rows in the window: as much in doubt as the former are few. With a bin
    for every 5 labelled rows it held in 53 and 78 % of the draws."""
    rng = np.random.default_rng(11)
    covered, errors = 0, []
    for _ in range(400):
        truth, scores = rows(known, prior, rng)
        if truth.sum() < 10:
            continue
        now = histogram(rows(n, rate, rng)[1])
        found = maximum_likelihood(now, histogram(scores[~truth]), histogram(scores[truth]))
        covered += found.lower <= rate <= found.upper
        errors.append(found.value - rate)
    assert covered >= 0.93 * len(errors)
    assert abs(np.mean(errors)) < 0.02


def test_it_is_where_the_iterations_end() -> None:
    rng = np.random.default_rng(1)
    truth, scores = rows(200_000, PRIOR, rng)
    _, now = rows(5_000, 0.4, rng)
    parts = histogram(now), histogram(scores[~truth]), histogram(scores[truth])
    assert maximum_likelihood(*parts).value == pytest.approx(expected_maximum(*parts), abs=2e-4)


def test_what_is_no_label_shift_is_told_apart() -> None:
    rng = np.random.default_rng(2)
    truth, scores = rows(20_000, PRIOR, rng)
    parts = histogram(scores[~truth]), histogram(scores[truth])
    moved = maximum_likelihood(histogram(rng.normal(0.5, 0.6, 5_000)), *parts)  # narrower than any mixture of the two
    assert moved.gate_p_value is not None
    assert moved.gate_p_value < GATE
    p_values = []
    for _ in range(200):
        truth, scores = rows(5_000, PRIOR, rng)
        parts = histogram(scores[~truth]), histogram(scores[truth])
        p_values.append(maximum_likelihood(histogram(rows(2_000, 0.3, rng)[1]), *parts).gate_p_value)
    assert stats.kstest([p for p in p_values if p is not None], "uniform").pvalue > 0.001


def test_certainty_and_ignorance() -> None:
    apart = np.array([0.0, 100.0]), np.array([100.0, 0.0])
    assert maximum_likelihood(np.array([50.0, 0.0]), *apart).value == pytest.approx(1, abs=0.02)
    assert maximum_likelihood(np.array([0.0, 50.0]), *apart).value == pytest.approx(0, abs=0.02)
    alike = maximum_likelihood(np.array([30.0, 30.0]), np.array([50.0, 50.0]), np.array([50.0, 50.0]))
    assert (alike.lower, alike.upper, alike.gate_p_value) == (0.0, 1.0, None)
    assert black_box(10, 100, np.array([[50.0, 50.0], [50.0, 50.0]])) is None
    assert black_box(0, 0, np.array([[90.0, 10.0], [10.0, 90.0]])) is None
    assert black_box(30, 100, np.array([[1000.0, 0.0], [0.0, 1000.0]])) == pytest.approx((0.3, 0.21, 0.39), abs=0.01)
