"""Expected against realised on labelled rows: what is concept drift, and what other inputs or another base rate say."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.estimation.calibration import Calibration
from detectors.estimation.concept import Otherwise, gap_of, measure_concept
from detectors.estimation.judging import Judging, beyond_range
from detectors.estimation.measure import calibration_of
from detectors.estimation.prior import prior_of
from detectors.performance.estimate import Estimate
from detectors.performance.weighting import ALL_KNOWN
from tests.detectors.estimation.test_measure import SHARED, Rows, binary, multiclass, regression, world_of

ALPHA = 1e-4


def gap_in(world, rows, **more):
    return measured_in(world, rows, **more)[0]


def measured_in(
    world, rows, *, tolerance=None, alpha=ALPHA, predictions=None, of_rows=lambda: None, classes=lambda: None
):
    usual = 0.05 if world.task == "regression" else 0.02
    windows = world.reference.label_windows(24, 0)
    judging = Judging(alpha, usual if tolerance is None else tolerance, len(windows))
    given = world.binning, world.labels(rows), world.reference, windows, ALL_KNOWN, SHARED
    return measure_concept(*given, Otherwise(judging, predictions, of_rows, classes))


@pytest.fixture(scope="module")
def worlds():
    return {make.__name__: world_of(make.__name__, make(30_000, seed=1)) for make in (binary, multiclass, regression)}


def worse(n, seed, factor):
    rows = regression(n, seed)
    return Rows(rows.said + factor * (rows.truth - rows.said), rows.said, rows.said)


def rarer(n, seed, share):
    """Rows of each class as they were, in other shares."""
    rows = binary(20 * n, seed)
    positive = rows.truth == "1"
    count = int(share * n)
    kept = np.concatenate([np.flatnonzero(positive)[:count], np.flatnonzero(~positive)[: n - count]])
    return Rows(rows.truth[kept], rows.said[kept], rows.score[kept])


def test_the_error_gap_is_realised_over_expected(worlds):
    world = worlds["regression"]
    found = gap_in(world, worse(5_000, 2, 1.5))
    assert found.value == pytest.approx(0.5, abs=0.06)
    assert found.value == pytest.approx(found.details["realised"] / found.details["expected"] - 1)
    assert found.lower < found.value < found.upper
    assert found.effect_lower < found.lower  # at a stricter level
    assert found.details["concept_drift"] is True
    cohort = found.details["cohort"]
    assert (cohort["expected"], cohort["realised"]) == (found.details["expected"], found.details["realised"])
    assert cohort["lower"] < cohort["difference"] < cohort["upper"]


def test_an_error_too_large_to_square_is_left_out(worlds):
    rows = regression(30_000, seed=1)
    truth = rows.truth.copy()
    truth[5] = 1e200
    world = world_of("regression", Rows(truth, rows.said, rows.score))
    found = gap_in(world, worse(5_000, 2, 1.5))
    assert found.value == pytest.approx(0.5, abs=0.1)
    lost = worse(5_000, 2, 1.5)
    lost.truth[7] = 1e200
    assert all(one.metric != "error_gap" for one in measured_in(worlds["regression"], lost))


@pytest.mark.parametrize("moved", [0.5, 1.5, 4.0])
def test_larger_errors_of_larger_predictions_are_expected(worlds, moved):
    found = gap_in(worlds["regression"], regression(20_000, 3, moved=moved))
    assert found.effect_lower < 0 < found.effect_upper
    assert found.details["concept_drift"] is False


def test_a_level_is_met_where_the_limit_meets_the_tolerance(worlds):
    for rows in (worse(2_000, 4, 1.4), worse(2_000, 4, 1.2)):
        found = gap_in(worlds["regression"], rows)
        at = gap_in(worlds["regression"], rows, alpha=found.p_value)
        assert at.effect_lower == pytest.approx(0.05, abs=1e-6)
    found = gap_in(worlds["binary"], binary(5_000, 4, other=1.0), tolerance=0.02)
    at = gap_in(worlds["binary"], binary(5_000, 4, other=1.0), alpha=found.p_value)
    assert at.effect_lower == pytest.approx(0.02, abs=1e-3)


def test_features_may_explain_a_larger_error(worlds):
    rows = worse(5_000, 2, 1.5)
    realised = gap_in(worlds["regression"], rows).details["realised"]
    expected = Estimate(realised, 0.0, 9.0, 5_000, 0.01, {"estimator": "dle"})
    found = gap_in(worlds["regression"], rows, of_rows=lambda: expected)
    assert found.details["estimator"] == "dle"
    assert found.effect_lower < 0.05
    less = Estimate(realised / 3, 0.0, 9.0, 5_000, 0.01, {"estimator": "dle"})
    assert gap_in(worlds["regression"], rows, of_rows=lambda: less).details["estimator"] == "dle_of_prediction"


def test_another_base_rate_explains_a_prior_shift_and_no_concept_drift(worlds):
    world = worlds["binary"]
    shifted, drifted = rarer(8_000, 5, 0.5), binary(8_000, 5, other=-1.2)
    plain = gap_in(world, shifted)
    assert plain.effect_lower > 0.05
    found = gap_in(world, shifted, predictions=world.window(shifted))
    assert found.effect_lower < 0.02
    assert found.details["concept_drift"] is False
    shift = found.details["label_shift"]
    assert shift["explains"] is True
    assert shift["base_rate"] == pytest.approx(0.5, abs=0.03)
    kept = gap_in(world, drifted, predictions=world.window(drifted), alpha=0.01)
    assert kept.effect_lower > 0.02
    assert kept.details["label_shift"]["explains"] is False


def test_odds_change_by_the_odds_of_the_base_rate(worlds):
    world, rows = worlds["binary"], rarer(8_000, 6, 0.5)
    calibration = calibration_of(world.binning, _bins(world), world.reference)
    found = prior_of(world.binning, world.window(rows), world.reference, calibration)
    rate, before = found.told["base_rate"], found.told["reference_value"]
    inside = (calibration.share > 0) & (calibration.share < 1)
    odds = [share[inside] / (1 - share[inside]) for share in (calibration.share, found.calibration.share)]
    assert odds[1] / odds[0] == pytest.approx(rate / (1 - rate) * (1 - before) / before)
    assert isinstance(found.calibration, Calibration)


def test_the_cohort_is_the_accuracy_beside_its_estimate(worlds):
    for name, rows in (("binary", binary(6_000, 7, other=1.5)), ("multiclass", multiclass(6_000, 7))):
        world = worlds[name]
        cohort = gap_in(world, rows).details["cohort"]
        assert cohort["realised"] == pytest.approx(world.realised(rows)["accuracy"], abs=1e-9)
        assert cohort["expected"] == pytest.approx(world.estimated(rows)["accuracy"].value, abs=0.003)
        assert (cohort["upper"] < 0) is (name == "binary")


def test_rows_beyond_the_reference_are_left_out(worlds):
    assert beyond_range(np.array([1.0, 9, 9, 9]), np.array([1.0, 9, 9, 1])).tolist() == [False, False, False, True]
    assert [gap_of(world.binning) for world in worlds.values()] == ["calibration_gap"] * 2 + ["error_gap"]


def _bins(world):
    from detectors.estimation.bins import SharedBins

    return SharedBins.of(world.binning)
