"""What a test cannot compare, it refuses with a reason, and it never raises for what a column may hold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.measurement import NO_REFERENCE, NO_VARIATION, NOT_TWO_LEVELS, TOO_FEW_ROWS
from detectors.registry import TWO_SAMPLE
from detectors.sample import Binned, Levels, Values
from detectors.two_frames import compare_frames

NUMERIC = [name for name, test in TWO_SAMPLE.items() if "numeric" in test.kinds]
CUTS = np.array([0.0, 1.0, 2.0])
MOST = {"z_test": NO_VARIATION, "t_test": NO_VARIATION, "anderson_darling": NO_VARIATION}
ONE_VALUE = {**MOST, "epps_singleton": NO_VARIATION}


def binned(*counts, **ends):
    return Binned(CUTS, np.array(counts), **ends)


@pytest.mark.parametrize("name", NUMERIC)
def test_one_value(name):
    same = np.full(40, 0.1)
    for pair in ((Values(same), Values(same[:30])), (binned(0, 40, 0, 0), binned(0, 30, 0, 0))):
        found = TWO_SAMPLE[name].compare(*pair)
        assert found.reason == ONE_VALUE.get(name)
        if found.reason is not None:
            assert np.isnan(found.value)
        else:
            assert found.p_value in (None, 1.0)


@pytest.mark.parametrize("name", ["z_test", "t_test", "epps_singleton"])
def test_two_constants_apart(name):
    """There is no deviation to measure the distance with."""
    for pair in ((Values(np.full(40, 0.1)), Values(np.full(30, 0.7))), (binned(0, 40, 0, 0), binned(0, 0, 30, 0))):
        assert TWO_SAMPLE[name].compare(*pair).reason == NO_VARIATION


@pytest.mark.parametrize("name", ["mann_whitney", "cramer_von_mises", "anderson_darling"])
def test_ranks_see_two_constants_apart(name):
    for pair in ((Values(np.full(40, 0.1)), Values(np.full(30, 0.7))), (binned(0, 40, 0, 0), binned(0, 0, 30, 0))):
        found = TWO_SAMPLE[name].compare(*pair)
        assert found.reason is None
        assert found.p_value < 1e-6


@pytest.mark.parametrize("name", NUMERIC)
def test_few_rows(name):
    for sizes in ((1, 1), (1, 2), (2, 1), (3, 4), (4, 40)):
        parts = [Values(np.arange(size) + 0.5 * place) for place, size in enumerate(sizes)]
        counts = [binned(0, 0, 0, size) for size in sizes]
        for pair in (parts, counts):
            found = TWO_SAMPLE[name].compare(*pair)
            assert found.reason in (None, TOO_FEW_ROWS, NO_VARIATION)
            assert (found.reason is None) == np.isfinite(found.value)


@pytest.mark.parametrize("name", ["fisher_exact", "z_test"])
def test_not_two_levels(name):
    def levels(*counts):
        return Levels(tuple("abc"), np.array(counts))

    test = TWO_SAMPLE[name]
    for pair in (
        (levels(40, 0, 0), levels(30, 0, 0)),
        (levels(4, 4, 0), levels(3, 3, 3)),
        (levels(4, 4, 9), levels(3, 3, 3)),
    ):
        assert test.compare(*pair).reason == NOT_TWO_LEVELS
    assert test.compare(levels(4, 4, 0), levels(0, 3, 0)).reason is None
    assert test.compare(levels(40.4, 3.7, 0.0), levels(0.0, 35.2, 0.0)).p_value < 1e-6


def test_fisher_on_counts_that_round_to_nothing():
    found = TWO_SAMPLE["fisher_exact"].compare(Levels(("a", "b"), np.array([40.0, 0.4])), Levels(("a",), np.array([9])))
    assert found.reason == NOT_TWO_LEVELS


def test_fisher_on_many_rows():
    many = Levels(("a", "b"), np.array([6_000_000, 4_000_000]))
    found = TWO_SAMPLE["fisher_exact"].compare(many, Levels(("a", "b"), np.array([59_000, 41_000])))
    assert found.p_value < 1e-9


@pytest.mark.parametrize("name", ["t_test", "z_test", "energy"])
def test_no_bound_where_the_ends_are_not_known(name):
    open_ended = [binned(5, 20, 30, 4), binned(7, 30, 20, 9)]
    found = TWO_SAMPLE[name].compare(*open_ended)
    assert np.isfinite(found.value)
    assert found.details["error_bound"] is None


def test_moments_that_lost_their_digits_are_not_used():
    values = 1e9 + np.arange(60) / 60
    moments = float(values.sum()), float((values**2).sum())
    sample = Binned(np.array([1e9 + 0.5]), np.array([31, 29]), 1e9, 1e9 + 1, moments)
    other = Binned(np.array([1e9 + 0.5]), np.array([20, 40]), 1e9, 1e9 + 1, moments)
    found = TWO_SAMPLE["t_test"].compare(sample, other)
    assert -3 < found.value < -1
    assert found.details["error_bound"] != 0


def test_nan_and_missing_are_left_out():
    rng = np.random.default_rng(0)
    holes = np.where(rng.random(200) < 0.3, np.nan, rng.normal(size=200))
    reference = pa.table(
        {"x": holes, "none": np.full(200, np.nan), "gone": rng.normal(size=200), "y": ["a", None] * 100}
    )
    current = pa.table({"x": holes[::-1], "none": holes, "gone": np.full(200, np.nan), "y": ["a", "b"] * 100})
    found = compare_frames(reference, current, methods=list(TWO_SAMPLE))
    for one in found:
        if one.feature in ("none", "gone"):
            assert (one.reason, one.value) == (NO_REFERENCE if one.feature == "none" else TOO_FEW_ROWS, None)
        else:
            assert one.reason is None, one
            assert np.isfinite(one.value)
    assert {one.metric for one in found} == set(TWO_SAMPLE)
    x = {one.metric: one for one in found if one.feature == "x"}
    assert x["t_test"].n_reference == np.isfinite(holes).sum()


def test_a_test_that_does_not_fit_says_why_and_decides_nothing():
    three = pa.table({"c": ["a", "b", "c"] * 40, "k": [0.5] * 120})
    (fisher,) = compare_frames(three.select(["c"]), three.select(["c"]), methods=["fisher_exact"])
    (welch,) = compare_frames(three.select(["k"]), three.select(["k"]), methods=["t_test"])
    assert (fisher.reason, fisher.value, fisher.p_value) == (NOT_TWO_LEVELS, None, None)
    assert (welch.reason, welch.value, welch.p_value) == (NO_VARIATION, None, None)
