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
    np.testing.assert_array_equal(Grid.over(cuts).find(with_odd), np.searchsorted(cuts, with_odd))


def test_a_nan_has_some_bin():
    cuts = np.array([0.0, 1.0])
    found = Grid.over(cuts).find(np.full(1000, np.nan))
    assert ((found >= 0) & (found <= 2)).all()
