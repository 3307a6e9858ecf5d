"""The tests that compare numbers equal scipy's: on values, on counts as tied values, and within the stated bounds."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, special, stats

from detectors.registry import TWO_SAMPLE
from detectors.sample import Binned, Levels, Values

EXACT = {"rtol": 1e-12, "atol": 1e-12}
CLOSE = {"rtol": 1e-8, "atol": 1e-8}  # where scipy inverts a matrix
FAST = settings(deadline=None, max_examples=60)
CUTS = np.arange(7.0)
MIDRANK = {"variant": "midrank"} if "variant" in inspect.signature(stats.anderson_ksamp).parameters else {}

numbers = st.floats(-100, 100, width=32)
values = hnp.arrays(np.float64, st.integers(5, 60), elements=st.one_of(numbers, st.sampled_from([0.0, 1.0, 2.0])))
untied = hnp.arrays(np.float64, st.integers(12, 80), elements=numbers, unique=True)
counts = hnp.arrays(np.int64, 8, elements=st.integers(0, 40))
two_counts = hnp.arrays(np.int64, 2, elements=st.integers(0, 2000))


def compare(name, reference, current):
    return TWO_SAMPLE[name].compare(reference, current)


def quietly(function, *given, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*given, **options)


def bins(part):
    """Every bin one wide."""
    return Binned(CUTS, part, -1.0, 7.0)


def tied(part):
    """Each bin's rows at its middle."""
    return np.repeat(bins(part).middles, part)


def on_cuts(sample, cuts, low, high):
    binned = np.bincount(np.searchsorted(cuts, sample), minlength=len(cuts) + 1)
    return Binned(cuts, binned, low, high)


def assert_equal(found, expected, p_value=None, close=EXACT):
    wanted = [expected.statistic, expected.pvalue if p_value is None else p_value]
    np.testing.assert_allclose([found.value, found.p_value], wanted, **close)


@FAST
@given(values, values)
def test_means_ranks_and_distances_of_values(reference, current):
    assume(min(np.ptp(reference), np.ptp(current)) > 0)
    pair = Values(reference), Values(current)
    welch = quietly(stats.ttest_ind, reference, current, equal_var=False)
    assert_equal(compare("t_test", *pair), welch)
    assert_equal(compare("z_test", *pair), welch, 2 * stats.norm.sf(abs(welch.statistic)))
    assert_equal(compare("mann_whitney", *pair), stats.mannwhitneyu(reference, current))
    assert compare("energy", *pair).value == stats.energy_distance(reference, current)
    if stats.iqr(np.concatenate([reference, current])) > 0:
        assert_equal(compare("epps_singleton", *pair), quietly(stats.epps_singleton_2samp, reference, current))
    expected = quietly(stats.anderson_ksamp, [reference, current], **MIDRANK)
    found = compare("anderson_darling", *pair)
    assert_equal(found, expected, found.p_value)
    if expected.pvalue > 0.001:
        np.testing.assert_allclose(found.p_value, expected.pvalue, rtol=1e-9)
    else:
        assert found.p_value <= 0.001


@FAST
@given(untied, st.integers(4, 8))
def test_cramer_von_mises_of_values_without_ties(both, split):
    reference, current = both[:split], both[split:]
    found = compare("cramer_von_mises", Values(reference), Values(current))
    assert_equal(found, stats.cramervonmises_2samp(reference, current))


@FAST
@given(untied, st.integers(4, 8))
def test_cramer_von_mises_by_its_definition_is_that_by_ranks(both, split):
    parts = both[:split], both[split:]
    cuts = np.sort(both)
    cells = Binned(cuts, *np.histogram(np.searchsorted(cuts, parts[0]), np.arange(len(cuts) + 2))[:1])
    other = Binned(cuts, *np.histogram(np.searchsorted(cuts, parts[1]), np.arange(len(cuts) + 2))[:1])
    found = compare("cramer_von_mises", cells, other)
    expected = stats.cramervonmises_2samp(*parts, method="asymptotic")
    assert_equal(found, expected, found.p_value)
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-7)  # where scipy ends its series


def test_cramer_von_mises_of_ties_is_not_misled_by_sizes():
    rng = np.random.default_rng(0)
    reference, current = rng.integers(0, 10, 20_000).astype(float), rng.integers(0, 10, 300).astype(float)
    assert stats.cramervonmises_2samp(reference, current).pvalue < 1e-6  # scipy's ranks: one sample is larger, no more
    found = compare("cramer_von_mises", Values(reference), Values(current))
    assert 0.05 < found.p_value < 1
    below = [np.searchsorted(np.sort(part), np.concatenate([reference, current]), side="right") / len(part)
             for part in (reference, current)]  # fmt: skip
    expected = 20_000 * 300 / 20_300**2 * ((below[0] - below[1]) ** 2).sum()
    assert found.value == pytest.approx(expected, rel=1e-12)


@FAST
@given(counts, counts)
def test_counts_are_tied_values(reference, current):
    assume(min(np.count_nonzero(reference), np.count_nonzero(current)) > 1)
    assume(min(reference.sum(), current.sum()) > 1)
    pair, rows = (bins(reference), bins(current)), (tied(reference), tied(current))
    welch = stats.ttest_ind(*rows, equal_var=False)
    assert_equal(compare("t_test", *pair), welch, close=CLOSE)
    assert_equal(compare("z_test", *pair), welch, 2 * stats.norm.sf(abs(welch.statistic)), close=CLOSE)
    ranks = stats.mannwhitneyu(*rows, method="asymptotic")
    assert_equal(compare("mann_whitney", *pair), ranks)
    np.testing.assert_allclose(compare("energy", *pair).value, stats.energy_distance(*rows), **EXACT)
    expected = quietly(stats.anderson_ksamp, rows, **MIDRANK)
    found = compare("anderson_darling", *pair)
    assert_equal(found, expected, found.p_value)
    assert found.details["binned"]
    on_values = compare("cramer_von_mises", *map(Values, rows))
    found = compare("cramer_von_mises", *pair)
    np.testing.assert_allclose([found.value, found.p_value], [on_values.value, on_values.p_value], **EXACT)


@FAST
@given(counts, counts)
def test_epps_singleton_on_counts(reference, current):
    assume(min(reference.sum(), current.sum()) >= 5)
    assume(np.count_nonzero(reference) > 5)  # with few values scipy inverts a matrix that has no inverse
    assume(np.count_nonzero(current) > 5)
    rows = tied(reference), tied(current)
    assume(stats.iqr(np.concatenate(rows)) > 0)
    assert_equal(
        compare("epps_singleton", bins(reference), bins(current)), stats.epps_singleton_2samp(*rows), close=CLOSE
    )


@FAST
@given(values, values)
def test_counts_are_within_the_stated_bound_of_values(reference, current):
    assume(min(np.ptp(reference), np.ptp(current)) > 0)
    cuts = np.unique(np.quantile(reference, np.arange(1, 20) / 20))
    low, high = min(reference.min(), current.min()), max(reference.max(), current.max())
    binned = [on_cuts(part, cuts, low, high) for part in (reference, current)]
    rows = np.concatenate([reference, current])
    below = [np.searchsorted(np.sort(part), rows, side="right") / len(part) for part in (reference, current)]
    size = len(reference) * len(current) / len(rows) ** 2
    exact = {
        "energy": stats.energy_distance(reference, current),
        "mann_whitney": stats.mannwhitneyu(reference, current).statistic,
        "t_test": quietly(stats.ttest_ind, reference, current, equal_var=False).statistic,
        "cramer_von_mises": size * ((below[0] - below[1]) ** 2).sum(),
    }
    for name, number in exact.items():
        found = compare(name, *binned)
        assert found.details["edges"] == cuts.tolist()
        bound = found.details.get("error_bound")
        assert found.reason is not None or bound is None or abs(found.value - number) <= bound + 1e-9, name


def test_the_bounds_are_of_use():
    rng = np.random.default_rng(1)
    parts = rng.normal(size=5000), rng.normal(0.1, 1, size=1000)
    cuts = np.quantile(parts[0], np.arange(1, 200) / 200)
    low, high = np.concatenate(parts).min(), np.concatenate(parts).max()
    binned = [on_cuts(part, cuts, low, high) for part in parts]
    for name, most in (("energy", 0.05), ("mann_whitney", 0.005 * 5000 * 1000), ("t_test", 2.0)):
        assert 0 < compare(name, *binned).details["error_bound"] < most


@FAST
@given(values, values)
def test_moments_make_the_means_exact(reference, current):
    assume(min(reference.var(), current.var()) > 1e-3)
    cuts = np.array([0.0, 50.0])
    parts = [
        Binned(cuts, on_cuts(part, cuts, 0, 0).counts, moments=(float(part.sum()), float((part**2).sum())))
        for part in (reference, current)
    ]
    expected = stats.ttest_ind(reference, current, equal_var=False)
    found = compare("t_test", *parts)
    assert_equal(found, expected, close=CLOSE)
    assert found.details["error_bound"] == 0
    np.testing.assert_allclose(compare("z_test", *parts).value, expected.statistic, **CLOSE)


@FAST
@given(two_counts, two_counts)
@example(np.array([769, 1667]), np.array([1227, 42]))  # p = 1.3e-311
@example(np.array([0, 1]), np.array([1424, 0]))  # p = 7.8e-312
def test_two_categories(reference, current):
    assume(min(reference.sum(), current.sum(), *(reference + current)) > 0)
    pair = Levels(("yes", "no"), reference), Levels(("yes", "no"), current)
    table = np.stack([reference, current])
    expected = stats.fisher_exact(table)
    found = compare("fisher_exact", *pair)
    turned = np.isinf(expected.statistic)
    assert found.details["categories"] == (["no", "yes"] if turned else ["yes", "no"])
    np.testing.assert_allclose(found.value, 0.0 if turned else expected.statistic, **EXACT)
    np.testing.assert_allclose(found.p_value, expected.pvalue, **EXACT)
    squared = stats.chi2_contingency(table, correction=False)
    found = compare("z_test", *pair)
    steps = 4 * np.finfo(float).smallest_subnormal  # below 1e-308 numbers have no nine digits
    np.testing.assert_allclose(found.value**2, squared.statistic, rtol=1e-9)
    p_value = squared.pvalue
    if p_value < np.finfo(float).tiny:  # where scipy's goes to 0 at once
        p_value = np.exp(np.log(2) + special.log_ndtr(-np.sqrt(squared.statistic)))
    np.testing.assert_allclose(found.p_value, p_value, rtol=1e-9, atol=steps)
    assert np.sign(found.value) == np.sign(reference[0] * current[1] - reference[1] * current[0])


@FAST
@given(hnp.arrays(np.int64, (2, 6), elements=st.integers(0, 500)))
def test_g_test(table):
    assume(table.sum(axis=1).min() > 0)
    used = table[:, table.sum(axis=0) > 0]
    names = tuple("abcdef")
    found = compare("g_test", Levels(names, table[0]), Levels(names, table[1]))
    assert_equal(found, stats.chi2_contingency(used, correction=False, lambda_="log-likelihood"))
    assert found.details["degrees_of_freedom"] == used.shape[1] - 1


def limit_tail(x, weights):
    """P(Σ weight χ² > x) by inversion of the characteristic function (Imhof 1961)."""

    def inner(u):
        angle = np.arctan(weights * u).sum() / 2 - x * u / 2
        return np.sin(angle) / (u * np.prod((1 + (weights * u) ** 2) ** 0.25))

    return 0.5 + integrate.quad(inner, 0, 400, limit=2000)[0] / np.pi


def test_the_tail_of_anderson_darling_goes_on_where_scipy_stops():
    rng = np.random.default_rng(2)
    parts = rng.normal(size=4000), rng.normal(0.04, 1, size=4000)
    assert quietly(stats.anderson_ksamp, parts, **MIDRANK).pvalue == 0.001
    found = compare("anderson_darling", *map(Values, parts))
    deviation = np.sqrt(2 * (np.pi**2 / 3 - 3))
    terms = np.arange(1, 2000.0)
    assert 1e-6 < found.p_value < 1e-3
    assert found.p_value == pytest.approx(limit_tail(1 + deviation * found.value, 1 / (terms * (terms + 1))), rel=0.1)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2])
def test_p_of_cramer_von_mises_is_that_of_its_limit(shift):
    rng = np.random.default_rng(3)
    parts = rng.normal(size=2000).round(2), rng.normal(shift, 1, size=1000).round(2)
    found = compare("cramer_von_mises", *map(Values, parts))
    expected = limit_tail(np.pi**2 * found.value, 1 / np.arange(1, 2000.0) ** 2)
    assert found.p_value == pytest.approx(expected, rel=0.02, abs=1e-7)


def test_far_out_p_of_cramer_von_mises_falls_on():
    ladder = [binned_apart(rows) for rows in (60, 70, 80, 100, 1000)]
    assert ladder == sorted(ladder, reverse=True)
    assert 0 < ladder[3] < 1e-12


def binned_apart(rows):
    part = np.array([rows // 2, rows - rows // 2, 0, 0, 0, 0, 0, 0])
    return compare("cramer_von_mises", bins(part), bins(part[::-1])).p_value
