"""Numbers that others have published, with their sources."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from detectors.registry import TWO_SAMPLE
from detectors.sample import Levels, Values


def on_values(name, reference, current):
    return TWO_SAMPLE[name].compare(Values(np.array(reference, float)), Values(np.array(current, float)))


def on_counts(name, reference, current):
    names = tuple("zyxw")[: len(reference)]  # the first one is the last in sorted order
    return TWO_SAMPLE[name].compare(Levels(names, np.array(reference)), Levels(names, np.array(current)))


def test_fisher_the_lady_tasting_tea():
    # Fisher, The Design of Experiments, 1935; R's help of fisher.test has p = 0.4857 (exactly 34 / 70)
    found = on_counts("fisher_exact", [3, 1], [1, 3])
    assert found.value == pytest.approx(9)
    assert found.p_value == pytest.approx(34 / 70, rel=1e-12)
    # all eight cups right: 2 / 70; the odds ratio is infinite, so the categories change places
    found = on_counts("fisher_exact", [4, 0], [0, 4])
    assert (found.value, found.details["categories"]) == (0.0, ["y", "z"])
    assert found.p_value == pytest.approx(2 / 70, rel=1e-12)


def test_g_test_example_of_scipy():
    # scipy's documentation of chi2_contingency: G = 2.7688587616781319, p = 0.25046668010954165
    found = on_counts("g_test", [10, 10, 20], [20, 20, 20])
    assert found.value == pytest.approx(2.7688587616781319, rel=1e-12)
    assert found.p_value == pytest.approx(0.25046668010954165, rel=1e-12)


def test_kullback_leibler_example_of_kullback():
    # Kullback, Information Theory and Statistics, 1959, example 2.1: of a binomial (2, 0.4) from the uniform
    # distribution (32 ln 2 + 55 ln 3 - 50 ln 5) / 25 = 0.0852996
    binomial, uniform = [36_000_000, 48_000_000, 16_000_000], [33_333_333, 33_333_333, 33_333_333]
    found = on_counts("kullback_leibler", uniform, binomial)
    assert found.value == pytest.approx((32 * np.log(2) + 55 * np.log(3) - 50 * np.log(5)) / 25, abs=1e-6)
    assert found.value == pytest.approx(0.0852996, abs=1e-6)


def of_poisson(name, before, now):
    """The distance of two Poisson distributions, each of 10^15 rows."""
    values = np.arange(60)
    names = tuple(f"{value:02}" for value in reversed(values))
    counts = [np.round(1e15 * scipy.stats.poisson.pmf(values[::-1], mean)).astype(np.int64) for mean in (before, now)]
    return TWO_SAMPLE[name].compare(*(Levels(names, one) for one in counts)).value


def test_hellinger_of_two_poisson_distributions():
    # Pardo, Statistical Inference Based on Divergence Measures, 2006: H² = 1 - exp(-(√a - √b)² / 2)
    assert of_poisson("hellinger", 3, 5) == pytest.approx((1 - np.exp(-((3**0.5 - 5**0.5) ** 2) / 2)) ** 0.5, abs=1e-6)


def test_total_variation_of_two_poisson_distributions():
    # Adell and Jodrá, Exact Kolmogorov and total variation distances between some familiar discrete distributions,
    # 2006: of means t and t + x the integral from t to t + x of P(Poisson(u) = l - 1), l = ⌈x / ln(1 + x / t)⌉
    most = int(np.ceil(2 / np.log(1 + 2 / 3)))
    expected, _ = scipy.integrate.quad(lambda mean: scipy.stats.poisson.pmf(most - 1, mean), 3, 5)
    assert of_poisson("total_variation", 3, 5) == pytest.approx(expected, abs=1e-6)


def test_z_test_of_shares_example_of_statsmodels():
    # statsmodels' documentation of proportions_ztest: 5 of 83 and 12 of 99, p = 0.159
    assert on_counts("z_test", [5, 78], [12, 87]).p_value == pytest.approx(0.159, abs=5e-4)
    # by hand: 15 and 25 of 50: z² = 0.2² / (0.4 · 0.6 · (1 / 50 + 1 / 50)) = 25 / 6
    assert on_counts("z_test", [15, 35], [25, 25]).value == pytest.approx(-((25 / 6) ** 0.5), rel=1e-12)


SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def test_welch_students_sleep_data():
    # Student 1908; R: t.test(extra ~ group, data = sleep): t = -1.8608, df = 17.776, p-value = 0.07939
    found = on_values("t_test", *SLEEP)
    assert found.value == pytest.approx(-1.8608, abs=5e-5)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert (found.details["mean_reference"], found.details["mean_current"]) == pytest.approx((0.75, 2.33))
    z = on_values("z_test", *SLEEP)
    assert z.value == found.value
    assert z.p_value < found.p_value


def test_mann_whitney_permeability_of_membranes():
    # Hollander and Wolfe 1973, p. 69; R's help of wilcox.test: W = 35, one-sided p-value = 0.1272
    x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    found = on_values("mann_whitney", x, [1.15, 0.88, 0.90, 0.74, 1.21])
    assert found.value == 35
    assert found.p_value == pytest.approx(2 * 0.1272, abs=1e-4)
    assert found.details["window_larger"] == pytest.approx(0.3)


def test_cramer_von_mises_example_of_conover():
    # Conover, Practical Nonparametric Statistics, 1971, section 6.2, example 2: T = 0.262, p = 0.18
    x = [7.6, 8.4, 8.6, 8.7, 9.3, 9.9, 10.1, 10.6, 11.2]
    y = [5.2, 5.7, 5.9, 6.5, 6.8, 8.2, 9.1, 9.8, 10.8, 11.3, 11.5, 12.3, 12.5, 13.4, 14.6]
    found = on_values("cramer_von_mises", x, y)
    assert found.value == pytest.approx(0.262, abs=1e-3)
    assert found.p_value == pytest.approx(0.18, abs=0.01)


@pytest.mark.parametrize(
    ("shift", "statistic", "p_value"), [(0.5, -1.2944, None), (6, 0.63892, 0.17981), (40.5, 41.235, None)]
)
def test_anderson_darling_of_r_ksamples(shift, statistic, p_value):
    # R's kSamples 1.2-6, ad.test(1:100, 1:100 + shift), version 2 (midranks), as cited in scipy's own tests
    x = np.arange(1, 101)
    found = on_values("anderson_darling", x, x + shift)
    assert found.value == pytest.approx(statistic, abs=5e-4)
    assert p_value is None or found.p_value == pytest.approx(p_value, abs=5e-4)


def test_epps_singleton_examples_of_goerg_and_kaiser():
    # Goerg and Kaiser, The Stata Journal 9(3), 2009; their quartiles are not quite numpy's, hence the tolerance
    x = [-0.35, 2.55, 1.73, 0.73, 0.35, 2.69, 0.46, -0.94, -0.37, 12.07]
    y = [-1.15, -0.15, 2.48, 3.25, 3.71, 4.29, 5.00, 7.74, 8.38, 8.60]
    found = on_values("epps_singleton", x, y)
    assert found.value == pytest.approx(15.14, abs=0.03)
    assert found.p_value == pytest.approx(0.00442, abs=1e-4)
    whole = [0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 5, 5, 5, 5, 6, 10, 10, 10, 10]
    found = on_values("epps_singleton", whole, [10, 4, 0, 5, 10, 10, 0, 5, 6, 7, 10, 3, 1, 7, 0, 8, 1, 5, 8, 10])
    assert (found.value, found.p_value) == pytest.approx((8.900, 0.06364), abs=1e-3)


def test_energy_examples_of_scipy():
    # scipy's documentation of energy_distance; the first is √(2 · 2) by hand
    assert on_values("energy", [0], [2]).value == pytest.approx(2)
    assert on_values("energy", [0, 0, 0, 8], [0, 0, 8, 8]).value == pytest.approx(1)
