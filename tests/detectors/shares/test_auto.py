"""The share engine on small, readable cases."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.measurement import NO_REFERENCE, TOO_FEW_ROWS
from detectors.profile import mix
from detectors.shares.auto import measure_drift
from detectors.shares.prediction import measure_prediction_drift
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of, window_of

HOURS = 24 * 12


def reference(seed=0, rows=6000, **more):
    rng = np.random.default_rng(seed)
    columns = {
        "feature.x": column(rng.normal(size=rows)),
        "feature.c": column(rng.choice(list("abc"), rows, p=[0.6, 0.3, 0.1])),
        **more,
    }
    binning = binning_of(columns)
    hours = np.arange(rows) % HOURS
    return binning, columns, profile_of(binning, hours, columns), profile_of(binning, hours, columns, timed=False)


def current(binning, rows=800, shift=0.0, p=(0.6, 0.3, 0.1), seed=9, start=240):
    rng = np.random.default_rng(seed)
    columns = {
        "feature.x": column(rng.normal(shift, 1, rows)),
        "feature.c": column(rng.choice(list("abc"), rows, p=p)),
    }
    return columns, window_of(binning, columns, start=start)


def measure(binning, window, profile, names=("feature.x", "feature.c"), alpha=1e-3, tolerance=0.02):
    return measure_drift(binning, names, window, profile, length_hours=24, tolerance=tolerance, alpha=alpha)


def test_values_are_what_scipy_finds_within_the_bound():
    binning, columns, profile, _ = reference()
    now, window = current(binning, shift=0.3)
    x, c = measure(binning, window, profile)
    exact = stats.ks_2samp(columns["feature.x"].values.to_numpy(), now["feature.x"].values.to_numpy()).statistic
    assert (x.metric, x.feature, c.metric, c.feature) == ("ks", "x", "l_infinity", "c")
    assert x.value <= exact <= x.value + x.details["error_bound"]
    assert (x.n_reference, x.n_current) == (6000, 800)
    assert x.details["direction"] == "higher"
    assert x.details["edges"] == binning.by_name["feature.x"].cuts.tolist()
    assert "edges" not in c.details
    assert x.details["share_current"] < x.details["share_reference"]
    assert x.details["reference_windows"] == 12
    json.dumps([dict(one.details) for one in (x, c)])


def test_the_category_that_moved_is_named():
    binning, _, profile, _ = reference()
    _, window = current(binning, p=(0.3, 0.3, 0.4), rows=3000)
    _, c = measure(binning, window, profile)
    assert c.details["category"] in {"a", "c"}
    assert c.effect_lower > 0.2
    assert c.p_value < 1e-3
    assert c.effect == c.value
    assert (c.lower, c.upper) == (c.effect_lower, c.effect_upper)


def test_a_new_category_is_a_change_like_any_other():
    binning, _, profile, _ = reference()
    columns = {"feature.x": column(np.zeros(100)), "feature.c": column(["new"] * 100)}
    _, c = measure(binning, window_of(binning, columns, start=240), profile)
    assert c.value == 1.0
    assert c.details["category"] == "__unseen__"


def test_a_constant_that_moves_at_all_is_found():
    binning, _, profile, _ = reference(**{"feature.k": column(np.full(6000, 0.0035))})
    for other in (0.0034, 0.0036):
        columns = {"feature.k": column(np.full(500, other))}
        (k,) = measure(binning, window_of(binning, columns, start=240), profile, ["feature.k"])
        assert k.value == 1.0
        assert k.p_value < 1e-10
    columns = {"feature.k": column(np.full(500, 0.0035))}
    (k,) = measure(binning, window_of(binning, columns, start=240), profile, ["feature.k"])
    assert k.value == 0.0
    assert k.p_value == 1.0


@settings(deadline=None, max_examples=40)
@given(
    st.floats(-0.6, 0.6),
    st.integers(30, 2000),
    st.sampled_from([0.01, 1e-4]),
    st.booleans(),
    st.floats(0, 0.5),
)
def test_p_value_and_lower_bound_agree(shift, rows, alpha, timed, moved):
    binning, _, with_times, without = CASE
    _, window = current(binning, rows=rows, shift=shift, p=(0.6 - moved, 0.3, 0.1 + moved))
    for one in measure(binning, window, with_times if timed else without, alpha=alpha):
        bound = one.details["tolerance"]
        assert 0 <= one.effect_lower <= one.effect <= one.effect_upper <= 1
        if abs(one.effect_lower - bound) > 1e-6:
            assert (one.p_value <= alpha) == (one.effect_lower > bound)


CASE = reference()


def test_without_times_or_windows_the_reference_is_short():
    binning, _, profile, untimed = reference()
    _, window = current(binning)
    for one in measure(binning, window, untimed):
        assert one.details["short_reference"] is True
        assert one.details["tolerance"] == 0.05
    long = measure_drift(binning, ["feature.x"], window, profile, length_hours=168, tolerance=0.02, alpha=0.01)
    assert long[0].details["short_reference"] is True
    assert "short_reference" not in measure(binning, window, profile)[0].details
    wide = measure(binning, window, untimed, tolerance=0.2)
    assert wide[0].details["tolerance"] == 0.2


def test_reasons_leave_values_where_there_are_any():
    empty = {"feature.e": column([None] * 6000), "feature.f": column(np.full(6000, 1.0))}
    binning, _, profile, _ = reference(**empty)
    _, window = current(binning, rows=29)
    x, c, e, f = measure(binning, window, profile, ["feature.x", "feature.c", "feature.e", "feature.f"])
    assert x.reason == c.reason == TOO_FEW_ROWS
    assert x.value is not None
    assert (e.reason, e.value) == (NO_REFERENCE, None)
    assert (f.reason, f.value, f.n_current) == (TOO_FEW_ROWS, None, 0)


def test_answers_do_not_depend_on_company():
    binning, _, profile, _ = reference()
    _, window = current(binning, shift=0.2)
    together = measure(binning, window, profile, ["feature.c", "feature.x"])
    alone = [measure(binning, window, profile, [name])[0] for name in ("feature.c", "feature.x")]
    assert together == alone


def test_a_mixture_of_a_reference_with_itself_is_the_same_reference():
    binning, _, profile, _ = reference()
    _, window = current(binning, shift=0.2)
    mixed = mix([profile, profile], [1, 1])
    for one, other in zip(measure(binning, window, profile), measure(binning, window, mixed), strict=True):
        assert one.value == pytest.approx(other.value)
        assert (
            one.details["cut" if one.metric == "ks" else "category"]
            == other.details["cut" if one.metric == "ks" else "category"]
        )


def test_prediction_drift_of_a_classifier_and_of_a_regression():
    rng = np.random.default_rng(4)
    then = {"prediction": column(rng.choice(["0", "1"], 5000)), "score": column(rng.random(5000))}
    binning = binning_of(then)
    profile = profile_of(binning, np.arange(5000) % HOURS, then)
    now = {"prediction": column(["1"] * 400), "score": column(rng.random(400))}
    settings = {"length_hours": 24, "tolerance": 0.02, "alpha": 1e-3}
    window = window_of(binning, now, start=240)
    shares, scores = measure_prediction_drift(binning, "binary", window, profile, **settings)
    assert (shares.metric, scores.metric, shares.feature) == ("class_share", "score_ks", None)
    classes = shares.details["classes"]
    assert set(classes) == {"0", "1"}
    assert classes["1"]["window"] == 1.0
    assert classes["1"]["change"] == pytest.approx(shares.value)
    assert scores.p_value > 0.05
    unscored = {"prediction": then["prediction"], "score": column(np.full(5000, np.nan))}
    binning = binning_of(unscored)
    profile = profile_of(binning, np.arange(5000) % HOURS, unscored)
    window = window_of(binning, {"prediction": now["prediction"]}, start=240)
    assert len(measure_prediction_drift(binning, "binary", window, profile, **settings)) == 1
    numbers = {"prediction": column(rng.normal(size=5000))}
    binning = binning_of(numbers)
    profile = profile_of(binning, np.arange(5000) % HOURS, numbers)
    window = window_of(binning, {"prediction": column(rng.normal(2, 1, 400))}, start=240)
    (one,) = measure_prediction_drift(binning, "regression", window, profile, **settings)
    assert one.metric == "prediction_ks"
    assert one.effect_lower > 0.3


def test_a_mixed_reference_says_the_same_to_the_bit_whoever_is_asked_with_it():
    """Its counts are no whole numbers, and sums of those depend on where they begin."""
    rng = np.random.default_rng(3)

    def drawn(rows):
        return {f"feature.f{place}": column(rng.normal(size=rows)) for place in range(6)}

    columns = drawn(5000)
    binning = binning_of(columns)
    parts = [profile_of(binning, np.sort(rng.integers(0, HOURS, rows)), drawn(rows)) for rows in (2011, 713)]
    mixed, now = mix(parts, [0.31, 0.69]), window_of(binning, drawn(301), start=HOURS)
    names = list(columns)
    asked = [
        measure_drift(binning, some, now, mixed, length_hours=24, tolerance=0.05, alpha=1e-3)
        for some in (names, names[3:])
    ]
    assert asked[0][3:] == asked[1]


@pytest.mark.parametrize(
    ("days", "length", "replayed"), [(20, 24, False), (21, 24, True), (70, 168, True), (70, 192, False)]
)
def test_only_what_three_weeks_can_replay_is_said_to_need_no_calibration(days, length, replayed):
    rng = np.random.default_rng(2)
    hours = np.repeat(np.arange(24 * days), 4)
    columns = {"feature.x": column(rng.normal(size=len(hours)))}
    binning = binning_of(columns)
    now = window_of(binning, {"feature.x": column(rng.normal(size=200))}, start=24 * 80, length=length)
    profile = profile_of(binning, hours, columns)
    for reference in (profile, mix([profile, profile], [1, 1])):
        (x,) = measure_drift(binning, ["feature.x"], now, reference, length_hours=length, tolerance=0.02, alpha=1e-3)
        assert x.details.get("replayed", True) is replayed


def weekly(rng, hours):
    """A number and a category of which two thirds are others at weekends."""
    weekend = (hours // 24 + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    odd = weekend & (rng.random(len(hours)) < 2 / 3)
    return {"feature.x": column(rng.normal(np.where(odd, 3.0, 0.0))), "feature.c": column(np.where(odd, "b", "a"))}


@pytest.mark.parametrize("as_ever", [True, False])
def test_the_interval_of_a_seasonal_value_holds_the_distance_from_the_whole_reference(as_ever):
    """Sundays drawn as the reference as a whole have moved, for Sundays, and are at no distance from it; Sundays as
    ever are at the distance at which they always were."""
    rng = np.random.default_rng(5)
    hours = np.repeat(np.arange(24 * 7 * 8), 40)
    columns = weekly(rng, hours)
    binning = binning_of(columns)
    profile = profile_of(binning, hours, columns)
    names = list(columns)
    sunday = 24 * (7 * 10 + 3) + np.repeat(np.arange(24), 40)
    far = weekly(rng, np.repeat(sunday, 50))
    truth = [one.value for one in measure(binning, spread(binning, far, np.repeat(sunday, 50)), profile)]
    held = 0
    for _ in range(40):
        if as_ever:
            now = weekly(rng, sunday)
        else:
            drawn = rng.choice(len(hours), len(sunday))
            now = {name: column(one.values.to_numpy(False)[drawn]) for name, one in columns.items()}
        for one, distance in zip(measure(binning, spread(binning, now, sunday), profile, names), truth, strict=True):
            assert one.details["season"] == "day and week"
            assert 0 <= one.lower <= one.value <= one.upper <= 1
            held += one.lower <= (distance if as_ever else 0.0) <= one.upper
            assert one.upper - one.lower < 0.45  # it says something
            if not as_ever:
                assert one.effect_lower > 0
    assert held == 80


def spread(binning, columns, hours):
    start = int(hours[0])
    return window(summarise(binning, hours, columns), start, start + 24)


@pytest.mark.parametrize(("weeks", "short"), [(8, False), (7, True)])
def test_eight_weeks_of_business_hours_are_eight_windows_of_7_d(weeks, short):
    rng = np.random.default_rng(6)
    week = [4 * 24 + day * 24 + hour for day in range(5) for hour in range(8, 18)]
    hours = np.repeat(np.concatenate([np.array(week) + 168 * one for one in range(weeks)]), 10)
    columns = {"feature.x": column(rng.normal(size=len(hours)))}
    binning = binning_of(columns)
    now = window_of(binning, {"feature.x": column(rng.normal(size=500))}, start=4 * 24 + 168 * weeks, length=168)
    given = {"length_hours": 168, "tolerance": 0.02, "alpha": 1e-3}
    (x,) = measure_drift(binning, ["feature.x"], now, profile_of(binning, hours, columns), **given)
    assert (x.details["reference_windows"], x.details.get("short_reference", False)) == (weeks, short)
