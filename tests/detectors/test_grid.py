"""The table of cells finds exactly the bins that a search finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.grid import BLOCK, Grid

FLOATS = st.floats(allow_nan=False, width=64)


@given(st.sets(FLOATS, max_size=40), st.lists(FLOATS, min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_cuts_and_any_numbers(cuts, numbers):
    ordered = np.unique(np.array(sorted(cuts), dtype=np.float64))
    ordered = ordered[np.isfinite(ordered)]
    with np.errstate(over="ignore"):
        near = np.concatenate([ordered, np.nextafter(ordered, -np.inf), np.nextafter(ordered, np.inf), numbers])
    many = np.resize(near, max(300, len(near)))
    np.testing.assert_array_equal(Grid.over(ordered).find(many), np.searchsorted(ordered, many))


LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tail": lambda rng, n: np.exp(4 * rng.normal(size=n)),
    "few values": lambda rng, n: rng.poisson(3, n).astype(float),
    "a third zeros": lambda rng, n: np.where(rng.random(n) < 0.3, 0.0, rng.normal(size=n)),
    "far from zero": lambda rng, n: 1.7e9 + rng.normal(size=n),
}


@pytest.mark.parametrize("law", LAWS)
def test_several_blocks(law):
    rng = np.random.default_rng(5)
    numbers = LAWS[law](rng, 2 * BLOCK + 77)
    cuts = np.unique(np.quantile(numbers, np.arange(1, 80) / 80))
    with_odd = np.concatenate([numbers, [np.inf, -np.inf, 1e308, -1e308]])
    grid, bins = Grid.over(cuts), np.searchsorted(cuts, with_odd)
    np.testing.assert_array_equal(grid.find(with_odd), bins)
    np.testing.assert_array_equal(grid.count(with_odd), np.bincount(bins, minlength=len(cuts) + 1))


def test_a_heavy_value_and_its_neighbours():
    """A cut at a value and one just below, as binning makes them: both in one cell, compared and not searched."""
    rng = np.random.default_rng(6)
    numbers = np.where(rng.random(BLOCK + 500) < 0.3, 0.0, rng.normal(size=BLOCK + 500))
    cuts = np.unique(
        [*np.quantile(numbers, np.arange(1, 60) / 60), np.nextafter(0.0, -1), 0.0, 1.0, np.nextafter(1, 0)]
    )
    near = np.concatenate([numbers, np.nextafter(cuts, -np.inf), cuts, np.nextafter(cuts, np.inf)])
    grid = Grid.over(cuts)
    assert grid.inside is not None
    np.testing.assert_array_equal(grid.find(near), np.searchsorted(cuts, near))
    np.testing.assert_array_equal(grid.count(near), np.bincount(np.searchsorted(cuts, near), minlength=len(cuts) + 1))


def test_a_nan_has_some_bin():
    cuts = np.array([0.0, 1.0])
    found = Grid.over(cuts).find(np.full(1000, np.nan))
    assert ((found >= 0) & (found <= 2)).all()
