"""Even bins, single values and quantiles from counts on uneven cuts, against numpy on the rows themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards import rebin
from detectors.binning import make_binning
from detectors.cuts import NumericColumn, ScoreLayout
from detectors.summary import ColumnValues


def counted(values: np.ndarray, reference: np.ndarray) -> tuple[NumericColumn, np.ndarray]:
    import pyarrow as pa

    none = np.empty(0, np.int64), np.empty(0, np.uint8)
    binning = make_binning({"x": ColumnValues(pa.array(reference), *none)}, {"x": "numeric"}, ScoreLayout("regression"))
    column = binning.columns[0]
    assert isinstance(column, NumericColumn)
    slots = np.searchsorted(column.cuts, values)
    return column, np.bincount(slots, minlength=len(column.cuts) + 1).astype(float)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 1e6), shift=st.floats(-1e5, 1e5))
def test_quantiles_are_those_of_the_rows_to_the_width_of_a_bin(seed: int, scale: float, shift: float) -> None:
    values = np.random.default_rng(seed).normal(shift, scale, 3000)
    column, counts = counted(values, values)
    ends = rebin.ends(column.cuts, column.minimum, column.maximum)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    found = rebin.quantiles(ends, counts[None, :], levels)[0]
    width = np.max(np.diff(ends)[np.searchsorted(column.cuts, np.quantile(values, levels))])
    np.testing.assert_allclose(found, np.quantile(values, levels), atol=1.01 * width)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_even_bins_hold_the_middle_of_the_rows_and_sum_to_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, window = rng.gamma(2, 3, 4000), rng.gamma(2, 4, 500)
    column, before = counted(reference, reference)
    _, now = counted(window, reference)
    edges, shares = rebin.even_shares(rebin.ends(column.cuts, column.minimum, column.maximum), [before, now])
    assert len(edges) == rebin.EVEN_BINS + 1
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0])
    assert all(0.985 <= share.sum() <= 1 + 1e-9 for share in shares)
    truth = np.histogram(reference, edges)[0] / len(reference)
    assert np.abs(truth - shares[0]).max() < 1 / 64


def test_a_column_of_few_values_is_shown_at_its_values() -> None:
    values = np.random.default_rng(1).choice([0.0, 1.0, 2.0, 5.0], 2000, p=[0.4, 0.3, 0.2, 0.1])
    column, counts = counted(values, values)
    found = rebin.single_values(column.cuts, column.maximum, [counts])
    assert found is not None
    assert dict(zip(found[0].tolist(), found[1][0].tolist(), strict=True)) == {
        value: float(np.mean(values == value)) for value in (0.0, 1.0, 2.0, 5.0)
    }


def test_a_column_of_many_values_is_not() -> None:
    values = np.random.default_rng(1).normal(size=2000)
    column, counts = counted(values, values)
    assert rebin.single_values(column.cuts, column.maximum, [counts]) is None


def test_a_day_without_rows_has_no_quantiles() -> None:
    assert np.isnan(rebin.quantiles(np.array([0.0, 1.0, 2.0]), np.zeros((1, 2)), [0.5])).all()
