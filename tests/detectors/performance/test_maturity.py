"""Arrival curves of labels: against scipy's product limit, and against the truth where delays are made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.performance.maturity import arrivals, completeness, kaplan_meier


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=200).filter(
        lambda rows: any(seen for _, seen in rows)
    )
)
def test_kaplan_meier_is_scipys(rows):
    times, seen = (np.array(part) for part in zip(*rows, strict=True))
    censored = stats.CensoredData.right_censored(times, ~seen)
    expected = stats.ecdf(censored).cdf.evaluate(np.arange(31))
    found = kaplan_meier(np.bincount(times[seen], minlength=31), np.bincount(times[~seen], minlength=31))
    assert found == pytest.approx(expected, abs=1e-12)


def test_censoring_is_not_absence():
    """Half of all labels come after 10 hours, the others never; cohorts of every age from 1 to 20."""
    ages = np.arange(1, 21)
    events, censored = np.zeros(21), np.zeros(21)
    events[10] = 50 * np.count_nonzero(ages >= 10)
    censored[ages] = np.where(ages >= 10, 50, 100)
    known = kaplan_meier(events, censored)
    assert known[9] == 0
    assert known[-1] == pytest.approx(0.5)
    assert events.sum() / 2000 == pytest.approx(0.275)  # what is labelled so far


def seen(delay, age):
    """What a look at the cohorts shows: ages and delays of the labels that are there, one stratum."""
    there = delay <= age
    return age[there], delay[there], np.ones((np.count_nonzero(there), 1))


def test_completeness_is_known_although_late_labels_are_not_seen():
    rng = np.random.default_rng(5)
    age, delay = rng.integers(0, 400, 60_000), np.floor(rng.exponential(40, 60_000)).astype(np.int64)
    (share,), (error,) = completeness(*seen(delay, age), 300)
    at = np.array([5, 20, 60, 150])
    truth = stats.expon.cdf((at + 1) / 40) / stats.expon.cdf(301 / 40)
    assert share[at] == pytest.approx(truth, abs=0.01)
    assert np.abs(np.log(share[at] / truth)).max() < 4 * error[at].max()
    so_far = np.array([np.mean(delay[delay <= age] <= one) for one in at])
    assert (so_far > truth + 0.005)[:3].all()  # the labels that are there are the early ones


def test_the_error_of_completeness_is_its_spread_between_samples():
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        age, delay = rng.integers(0, 60, 2000), rng.geometric(0.1, 2000) - 1
        share, error = completeness(*seen(delay, age), 45)
        found.append((np.log(share[0, [2, 8, 20]]), error[0, [2, 8, 20]]))
    shares, errors = (np.array(part) for part in zip(*found, strict=True))
    assert errors.mean(axis=0) == pytest.approx(shares.std(axis=0), rel=0.3)


def test_a_correction_moves_a_row_from_one_stratum_to_the_other():
    """Every label first says no after 1 hour; a tenth are corrected to yes after 10 hours."""
    ages, delays, counts = [], [], []
    for age in range(40):
        ages += [age] if age >= 1 else []
        delays += [1] if age >= 1 else []
        counts += [[100, 0]] if age >= 1 else []
        if age >= 10:
            ages.append(age)
            delays.append(10)
            counts.append([-10, 10])
    share, _ = completeness(np.array(ages), np.array(delays), np.array(counts, float), 30)
    assert share[0, [0, 5, 20]] == pytest.approx([0, 100 / 90, 1])
    assert share[1, [5, 20]] == pytest.approx([0, 1])


def test_completeness_of_a_window_is_that_of_its_hours():
    rng = np.random.default_rng(3)
    age, delay = rng.integers(0, 200, 40_000), np.floor(rng.exponential(10, 40_000)).astype(np.int64)
    ages, delays, counts = seen(delay, age)
    cohorts = np.arange(200), np.bincount(age, minlength=200)
    curve = arrivals(ages, delays, counts, np.array([0]), cohorts)
    mine = (age >= 3) & (age < 27)
    share, error = curve.complete(np.arange(3, 27), cohorts[1][3:27])
    assert share[0] == pytest.approx(np.mean(delay[mine] <= age[mine]), abs=0.03)
    assert 0 < error[0] < 0.02
    assert curve.plateau == pytest.approx(1, abs=0.01)
    assert curve.reached(0.8) == pytest.approx(stats.expon(scale=10).ppf(0.8), abs=1)


def test_nothing_is_said_before_delays_have_shown_themselves():
    rng = np.random.default_rng(4)
    for oldest, mean, known in ((100, 5, True), (100, 60, False), (2, 0.1, False)):
        age = rng.integers(0, oldest, 5000)
        delay = np.floor(rng.exponential(mean, 5000)).astype(np.int64)
        cohorts = np.arange(oldest), np.bincount(age, minlength=oldest)
        assert (arrivals(*seen(delay, age), np.array([0]), cohorts) is not None) == known


def test_nothing_stands_in_for_rows_of_several_classes():
    delays, ages = np.zeros(100, dtype=np.int64), np.full(100, 40)
    counts = np.ones((100, 3))
    counts[20:, 2] = 0
    found = arrivals(ages, delays, counts, np.array([0, 0, -1]), (np.arange(60), np.full(60, 10)))
    assert found.usable.tolist() == [True, True, False]
    assert found.mass.tolist() == [1.0, 1.0, 0.2]


def test_a_stratum_with_few_rows_is_like_its_class():
    rng = np.random.default_rng(6)
    age, delay = rng.integers(0, 100, 3000), rng.geometric(0.2, 3000) - 1
    rare = rng.random(3000) < 0.004
    ages, delays, _ = seen(delay, age)
    part = rare[delay <= age]
    counts = np.stack([np.ones(len(ages)), part, ~part], axis=1).astype(float)
    curve = arrivals(ages, delays, counts, np.array([0, 0, 0]), (np.arange(100), np.bincount(age, minlength=100)))
    assert curve.usable.all()
    assert (curve.share[1] == curve.share[0]).all()
    assert not (curve.share[2] == curve.share[0]).all()
    assert curve.mass[1] < 0.01
