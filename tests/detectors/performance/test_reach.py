"""Intervals of metrics whose rows go together: as wide as their hours and the reference's windows say."""

from __future__ import annotations

import numpy as np
import pytest

from bench.restless import DRAWN, LAYOUTS, factors, held, truth, windows
from detectors.intervals import Z95
from detectors.performance.blocks import Drawings
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import METRICS, measure_performance
from detectors.performance.reach import Unrest
from detectors.performance.scored import LabelCounts, LabelWindows, label_size, sum_size
from detectors.performance.strata import Strata
from detectors.performance.weighting import Known, Weighting

TASKS = ("binary", "regression")
TOLERANCES = {"accuracy": 0.02, "roc_auc": 0.02, "mae": 0.05}


def hours_of(task, wander, *, hours=72, rows=100, seed=1):
    random = np.random.default_rng(seed)
    return LabelHours.of_arrays(seed, *DRAWN[task](random, factors(random, 1, hours, wander)[0], rows))


def arrays(labels):
    layout = LAYOUTS["binary"]
    return labels.arrays(np.arange(label_size(layout)), sum_size(layout))


def measured(task, labels, **more):
    given = {"reference_windows": [], "alpha": 0.001, "tolerances": TOLERANCES, "mature": True}
    reference = hours_of(task, 0.0, hours=300, seed=9).total
    found = measure_performance(
        LAYOUTS[task], labels.total, labels.total.rows, reference, reference.rows, **{**given, **more}
    )
    return {one.metric: one for one in found if one.metric != "label_coverage"}


@pytest.mark.parametrize("task", TASKS)
def test_the_truth_is_held_although_errors_wander(task):
    """100 windows of three days, errors that wander by a fifth: nominal is 0.95, and rows alone hold it 0.7 at most."""
    inside, width = held(task, 72, 100, 0.2, 100)
    assert (inside[0] <= 0.85).all()
    assert (inside[1] >= 0.85).all()
    assert (inside[2] >= 0.93).all()
    assert (width[2] > 1.5 * width[0]).all()


@pytest.mark.parametrize("task", TASKS)
def test_independent_rows_cost_little(task):
    inside, width = held(task, 24, 100, 0.0, 100)
    assert (inside[2] >= 0.93).all()
    assert (width[2] < 1.25 * width[0]).all()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("wander", [0.0, 0.3])
def test_never_narrower_than_rows_alone_and_nothing_else_moves(task, wander):
    for seed in range(8):
        labels = hours_of(task, wander, seed=seed, hours=(3, 6, 24, 72)[seed % 4])
        plain, found = measured(task, labels), measured(task, labels, hours=labels)
        for metric, one in found.items():
            before = plain[metric]
            assert one.lower <= before.lower
            assert one.upper >= before.upper
            said = {name: part for name, part in one.details.items() if name != "widened"}
            assert said == dict(before.details)
            for name in ("value", "effect", "effect_lower", "effect_upper", "p_value", "mde", "reason", "n_current"):
                assert getattr(one, name) == getattr(before, name), (metric, name)


def test_widened_says_by_how_much():
    """A Wilson interval at twice the distance is that of a quarter of the rows."""
    labels = hours_of("binary", 0.5)
    one = measured("binary", labels, hours=labels)["accuracy"]
    times = one.details["widened"]
    assert times > 2
    fewer = LabelCounts(labels.total.counts / times**2, labels.total.sums)
    expected = METRICS["binary"]["accuracy"](LAYOUTS["binary"], fewer)
    assert (one.lower, one.upper) == pytest.approx((expected.lower, expected.upper), abs=1e-12)
    assert "widened" not in measured("binary", labels)["accuracy"].details


def test_the_references_windows_widen_too():
    """Of this length, or of shorter ones; fewer than 8 say nothing."""
    task, labels = "regression", hours_of("regression", 0.0)
    random = np.random.default_rng(2)
    before = DRAWN[task](random, factors(random, 1, 28 * 24, 0.3)[0], 100)
    plain = measured(task, labels)["mae"]
    own = measured(task, labels, reference_windows=windows(*before, 72))["mae"]
    shorter = measured(task, labels, shorter_windows=windows(*before, 24), shorter_part=1 / 3)["mae"]
    few = measured(task, labels, reference_windows=windows(*before, 168), shorter_windows=windows(*before, 96))["mae"]
    assert own.upper - own.lower > 3 * (plain.upper - plain.lower)
    assert shorter.upper - shorter.lower > 3 * (plain.upper - plain.lower)
    assert (few.lower, few.upper) == (plain.lower, plain.upper)


def test_a_metric_without_spread_stays_as_it_is():
    """Nothing wrong in any hour: no drawing differs, and Wilson's limits hold."""
    counts, sums = arrays(hours_of("binary", 0.0))
    counts[:, [2, 4]] = 0
    counts[:, 0] = counts[:, 1:10].sum(axis=1)
    labels = LabelHours.of_arrays(0, counts.astype(np.int64), sums)
    plain, found = (measured("binary", labels, hours=one)["accuracy"] for one in (None, labels))
    assert found.value == 1.0
    assert (found.lower, found.upper) == (plain.lower, plain.upper)


def test_weighted_windows_are_drawn_with_their_weights():
    """A stratum that counts for nothing does not matter, however restless; and weights of one change nothing."""
    layout, labels = LAYOUTS["binary"], hours_of("binary", 0.3)
    strata = Strata.of(layout)
    ones = Weighting(layout, strata, np.ones(len(strata.parents)), np.zeros(len(strata.parents)))
    drawings = Drawings.of(layout, labels)
    for metric in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        assert drawings.error(metric, ones) == pytest.approx(drawings.error(metric))
    right = np.ones(len(strata.parents))
    right[strata.cells[[0, 1], [1, 0]]] = 0  # wrong rows
    none_wrong = Weighting(layout, strata, right, np.zeros(len(right)))
    assert drawings.error("accuracy", none_wrong) == 0
    counts, sums = arrays(labels)
    doubled = np.where(np.arange(len(right)) == strata.cells[1, 0], 2.0, 1.0)
    twice = Weighting(layout, strata, doubled, np.zeros(len(right)))
    counts[:, 1 + 3] *= 2  # truth 1, predicted 0
    counts[:, 0] = counts[:, 1:10].sum(axis=1)
    by_hand = Drawings.of(layout, LabelHours.of_arrays(labels.start, counts.astype(np.int64), sums))
    assert drawings.error("recall", twice) == pytest.approx(by_hand.error("recall"))


def test_the_weighted_number_is_widened_like_the_plain_one():
    layout, labels = LAYOUTS["binary"], hours_of("binary", 0.5)
    strata = Strata.of(layout)
    weight = np.where(np.arange(len(strata.parents)) % 2, 1.3, 1.0)
    known = Known(Weighting(layout, strata, weight, np.zeros(len(weight))))
    plain = measured("binary", labels, known=known)["accuracy"].details["weighted"]
    found = measured("binary", labels, known=known, hours=labels)["accuracy"].details["weighted"]
    assert found["value"] == plain["value"]
    assert found["upper"] - found["lower"] > 1.4 * (plain["upper"] - plain["lower"])


def test_rows_alone_reach_as_far_as_they_did():
    layout, labels = LAYOUTS["binary"], hours_of("binary", 0.0).total
    for metric, score in METRICS["binary"].items():
        assert Unrest().limits(layout, metric, score, labels) == score(layout, labels, Z95) == score(layout, labels)


def held_beside(rows, before_rows, rhythm, wander, runs=60):
    """Share of intervals of a day's mean absolute error that hold it, and how many times as wide they are."""
    random, inside, wide = np.random.default_rng(5), [], []
    daily = 1 + rhythm * np.sin(2 * np.pi * np.arange(24) / 24)
    for _ in range(runs):
        reference = DRAWN["regression"](
            random, factors(random, 1, 28 * 24, wander)[0] * np.tile(daily, 28), before_rows
        )
        day = LabelHours.of_arrays(0, *DRAWN["regression"](random, factors(random, 1, 24, wander)[0] * daily, rows))
        one = measured("regression", day, hours=day, reference_windows=windows(*reference, 24))["mae"]
        inside.append(one.lower <= truth("regression", 0.0)["mae"] <= one.upper)
        wide.append(one.details.get("widened", 1.0))
    return np.mean(inside), np.mean(wide)


@pytest.mark.parametrize(("rows", "before_rows"), [(20, 1000), (1000, 20)])
def test_a_window_with_other_traffic_than_the_reference_had(rows, before_rows):
    """What hours share is the same, however many rows there are: it adds to the error of the window's own rows."""
    inside, wide = held_beside(rows, before_rows, 0.0, 0.3)
    assert inside >= 0.88
    assert wide < 8 if rows == 20 else wide > 10


def test_a_rhythm_that_the_reference_knows_is_no_unrest():
    inside, wide = held_beside(200, 200, 0.6, 0.0)
    assert inside >= 0.9
    assert wide < 1.3


def test_weeks_say_how_far_days_may_widen_them():
    """Errors of weekends are four times those of other days, and weeks are alike."""
    random = np.random.default_rng(8)
    weekly = np.repeat([1.0, 1, 1, 1, 1, 4, 4], 24) / 2
    reference = DRAWN["regression"](random, np.tile(weekly, 12), 50)
    week = LabelHours.of_arrays(0, *DRAWN["regression"](random, weekly, 50))
    days = {"shorter_windows": windows(*reference, 24), "shorter_part": 1 / 7}
    only_days = measured("regression", week, **days)["mae"].details["widened"]
    both = measured("regression", week, reference_windows=windows(*reference, 168), **days)["mae"]
    assert only_days > 5
    assert both.details["widened"] < 2.5


def test_a_reference_without_the_metric_says_nothing_of_it():
    """No positives in any of its windows: recall is not defined there, and the window's own hours have to do."""
    labels = hours_of("binary", 0.5, hours=24)
    none = LabelWindows(
        tuple(LabelCounts(np.zeros(len(labels.total.counts)), labels.total.sums * 0) for _ in range(10))
    )
    alone = measured("binary", labels, hours=labels)["recall"]
    beside = measured("binary", labels, hours=labels, reference_windows=none)["recall"]
    assert (beside.lower, beside.upper) == (alone.lower, alone.upper)
