"""Limits of shares against scipy, and p-values against their own limits."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.intervals import difference_lower, difference_p_value, wilson


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.2, 0.05, 0.001, 1e-6]))
def test_wilson_equals_scipy(rows, share, alpha):
    successes = round(rows * share)
    test = stats.binomtest(successes, rows)
    ours, theirs = wilson(successes, rows, stats.norm.isf(alpha / 2)), test.proportion_ci(1 - alpha, "wilson")
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@settings(deadline=None, max_examples=100)
@example(rows=(5, 0.75, 3, 0.0), tolerance=0.0, alpha=0.05)  # scipy's betaincinv gives nan at level 1e-300
@given(
    st.tuples(st.integers(1, 3000), st.floats(0, 1), st.integers(1, 3000), st.floats(0, 1)),
    st.sampled_from([0.0, 0.01, 0.05]),
    st.sampled_from([0.05, 1e-3, 1e-5]),
)
def test_p_value_and_lower_limit_agree(rows, tolerance, alpha):
    n, p, m, q = rows
    x, y = round(n * p), round(m * q)
    limit = difference_lower(x, n, y, m, stats.norm.isf(alpha))
    p_value = difference_p_value(x, n, y, m, tolerance)
    if abs(limit - tolerance) > 1e-6:
        assert (p_value < alpha) == (limit > tolerance)


def test_a_known_difference():
    """Newcombe (1998), table II, 56/70 against 48/80 by method 10: .0524 to .3339."""
    z = stats.norm.isf(0.025)
    large = 100  # the same shares with counts past the exact limits give Newcombe's formula itself
    low, high = wilson(56 * large, 70 * large, z)[0], wilson(48 * large, 80 * large, z)[1]
    expected = 0.2 - np.hypot(0.8 - low, high - 0.6)
    np.testing.assert_allclose(difference_lower(56 * large, 70 * large, 48 * large, 80 * large, z), expected)
    # exact limits are a little wider than the paper's .0524
    assert 0.03 < difference_lower(56, 70, 48, 80, z) <= 0.0524
    # Wilson limits as in the paper
    np.testing.assert_allclose(
        0.2 - np.hypot(0.8 - wilson(56, 70, z)[0], wilson(48, 80, z)[1] - 0.6), 0.0524, atol=5e-5
    )


def test_small_counts_keep_their_level():
    """With 3 in 10,000 before, how often does chance alone exceed the limit at level 0.001 in 500 rows?"""
    x = np.arange(40)
    exceeds = difference_lower(x, 500, 3, 10_000, stats.norm.isf(0.001)) > 0
    assert stats.binom.pmf(x[exceeds], 500, 3 / 10_000).sum() < 0.001
