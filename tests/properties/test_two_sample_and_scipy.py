"""Each two-sample test equals scipy's on the counts or values that it is given."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from scipy.spatial import distance

from detectors.registry import TWO_SAMPLE
from detectors.sample import Binned, Levels, Values

EXACT = {"rtol": 1e-12, "atol": 1e-12}
FAST = settings(deadline=None, max_examples=60)

values = hnp.arrays(
    np.float64,
    st.integers(2, 200),
    elements=st.one_of(st.floats(-100, 100, width=32), st.sampled_from([0.0, 1.0, 2.0])),
)
counts = hnp.arrays(np.int64, 6, elements=st.integers(0, 500))


def compare(name, reference, current):
    return TWO_SAMPLE[name].compare(reference, current)


def on_edges(sample, edges):
    return np.histogram(np.searchsorted(edges, sample), np.arange(len(edges) + 2))[0]


@FAST
@given(values, values)
def test_ks_and_wasserstein_on_values(reference, current):
    found = compare("ks", Values(reference), Values(current))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = stats.ks_2samp(reference, current)
    np.testing.assert_allclose([found.value, found.p_value], [expected.statistic, expected.pvalue], **EXACT)
    found = compare("wasserstein", Values(reference), Values(current))
    np.testing.assert_allclose(found.value, stats.wasserstein_distance(reference, current), **EXACT)


@FAST
@given(values, values)
def test_binned_ones_on_values_stand_on_their_edges(reference, current):
    found = compare("chi_square", Values(reference), Values(current))
    edges = np.array(found.details["edges"])
    table = np.stack([on_edges(reference, edges), on_edges(current, edges)])
    table = table[:, table.sum(axis=0) > 0]
    expected = stats.chi2_contingency(table, correction=False)
    if table.shape[1] > 1:
        np.testing.assert_allclose([found.value, found.p_value], [expected.statistic, expected.pvalue], **EXACT)
    p, q = table / table.sum(axis=1, keepdims=True)
    smooth = (table + 0.5) / (table + 0.5).sum(axis=1, keepdims=True)
    pairs = (Values(reference), Values(current))
    expected = {
        "psi": np.sum((smooth[0] - smooth[1]) * np.log(smooth[0] / smooth[1])),
        "jensen_shannon": np.nan_to_num(distance.jensenshannon(p, q)),
        "kullback_leibler": stats.entropy(smooth[1], smooth[0]),
        "total_variation": np.abs(p - q).sum() / 2,
        "hellinger": np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2),
    }
    for name, number in expected.items():
        np.testing.assert_allclose(compare(name, *pairs).value, number, err_msg=name, **EXACT)


@FAST
@given(counts, counts)
def test_categories(reference, current):
    assume(reference.sum() > 0)
    assume(current.sum() > 0)
    names = tuple("abcdef")
    pairs = Levels(names, reference), Levels(names[::-1], current[::-1])
    table = np.stack([reference, current])
    used = table[:, table.sum(axis=0) > 0]
    found = compare("chi_square", *pairs)
    expected = stats.chi2_contingency(used, correction=False)
    np.testing.assert_allclose([found.value, found.p_value], [expected.statistic, expected.pvalue], **EXACT)
    p, q = used / used.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(compare("l_infinity", *pairs).value, np.abs(p - q).max(), **EXACT)
    np.testing.assert_allclose(
        compare("jensen_shannon", *pairs).value, np.nan_to_num(distance.jensenshannon(p, q)), **EXACT
    )


@FAST
@given(values, values)
def test_counts_are_within_the_stated_bound_of_values(reference, current):
    cuts = np.unique(np.quantile(reference, np.arange(1, 20) / 20))
    low, high = min(reference.min(), current.min()), max(reference.max(), current.max())
    pairs = [Binned(cuts, on_edges(one, cuts), low, high) for one in (reference, current)]
    ks = compare("ks", *pairs)
    exact = stats.ks_2samp(reference, current, method="asymp").statistic
    assert ks.value <= exact + 1e-12
    assert exact <= ks.value + ks.details["error_bound"] + 1e-12
    moved = compare("wasserstein", *pairs)
    assert moved.details["edges"] == compare("ks", *pairs).details["edges"] == pairs[0].cuts.tolist()
    assert abs(moved.value - stats.wasserstein_distance(reference, current)) <= moved.details["error_bound"] + 1e-9


@FAST
@given(counts, counts)
def test_binned_ks_has_scipys_asymptotic_p_value(reference, current):
    assume(reference.sum() > 0)
    assume(current.sum() > 0)
    cuts = np.arange(5.0)
    at = np.arange(6.0)
    found = compare("ks", Binned(cuts, reference), Binned(cuts, current))
    expected = stats.ks_2samp(np.repeat(at, reference), np.repeat(at, current), method="asymp")
    np.testing.assert_allclose([found.value, found.p_value], [expected.statistic, expected.pvalue], **EXACT)


@FAST
@given(counts)
def test_a_sample_does_not_differ_from_itself(reference):
    assume(reference.sum() > 0)
    equal = {"fisher_exact": 1.0, "mann_whitney": reference.sum() ** 2 / 2}
    for name, test in TWO_SAMPLE.items():
        levels, binned = Levels(tuple("abcdef"), reference), Binned(np.arange(5.0), reference)
        same = levels if "numeric" not in test.kinds else binned
        found = test.compare(same, same)
        if found.reason is not None:
            assert np.isnan(found.value)
            assert found.p_value is None
            continue
        if name == "anderson_darling":  # below its mean, and p is at most 0.25
            assert found.value < 0
            assert found.p_value == 0.25
            continue
        assert found.value == pytest.approx(equal.get(name, 0.0), abs=1e-7)
        assert found.p_value is None or found.p_value == pytest.approx(1)
