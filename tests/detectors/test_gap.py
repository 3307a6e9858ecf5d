"""The distance of two distribution functions without a merge, held against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.gap import largest_gap

FEW = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=60)
MANY = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=60)


def check(first, second, expected):
    first, second = np.sort(first), np.sort(second)
    found = largest_gap(first, second)
    assert found.distance == expected
    below = [np.searchsorted(part, found.place, side="right") / len(part) for part in (first, second)]
    assert abs(below[0] - below[1]) == found.distance


@given(FEW | MANY, FEW | MANY)
@settings(max_examples=200, deadline=None)
def test_small_samples_with_and_without_ties(first, second):
    first, second = np.array(first), np.array(second)
    everywhere = np.concatenate([first, second])
    shares = [(part[None, :] <= everywhere[:, None]).sum(axis=1) / len(part) for part in (first, second)]
    check(first, second, np.abs(shares[0] - shares[1]).max())


SHAPES = {
    "the same law": lambda rng, n: rng.normal(size=n),
    "shifted": lambda rng, n: rng.normal(0.3, size=n),
    "far away": lambda rng, n: rng.normal(50.0, size=n),
    "few values": lambda rng, n: rng.poisson(5, n).astype(float),
    "a third zeros": lambda rng, n: np.where(rng.random(n) < 0.3, 0.0, rng.normal(size=n)),
    "heavy tail": lambda rng, n: np.exp(3 * rng.normal(size=n)),
    "a narrow spike": lambda rng, n: np.where(rng.random(n) < 0.2, 0.1 + 1e-9 * rng.random(n), rng.normal(size=n)),
    "a ladder": lambda rng, n: np.arange(n, dtype=float),
    "constant": lambda rng, n: np.zeros(n),
}


@pytest.mark.parametrize("sizes", [(30_000, 30_000), (40_000, 700), (5, 20_000)])
@pytest.mark.parametrize("shape", SHAPES)
def test_large_samples_are_split_and_still_exact(shape, sizes):
    rng = np.random.default_rng(3)
    usual = rng.normal(size=sizes[0])
    first, second = (SHAPES[shape](rng, size) for size in sizes)
    for other in (usual, first):
        check(other, second, stats.ks_2samp(other, second, method="asymp").statistic)
