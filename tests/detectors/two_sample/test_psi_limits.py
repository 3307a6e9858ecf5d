"""The limits of the population stability index hold it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.sample import Levels
from detectors.two_sample import psi

NAMES = tuple("abcdefgh")
BEFORE = np.full(8, 1 / 8)


def moved(by: float) -> np.ndarray:
    shares = BEFORE * np.exp(by * np.linspace(-1, 1, 8))
    return shares / shares.sum()


@pytest.mark.parametrize(("by", "rows"), [(0.0, 300), (0.3, 300), (0.3, 20_000), (1.2, 1000), (1.2, 1_000_000)])
def test_they_hold_it_as_often_as_they_say(by: float, rows: int) -> None:
    random, after = np.random.default_rng(1), moved(by)
    truth = float(np.sum((BEFORE - after) * np.log(BEFORE / after)))
    sides = [(Levels(NAMES, random.multinomial(rows, p)) for p in (BEFORE, after)) for _ in range(600)]
    found = [psi.compare(*pair) for pair in sides]
    assert 0.93 <= np.mean([one.lower <= truth <= one.upper for one in found]) <= 0.99
    assert all(0 <= one.lower <= one.value <= one.upper for one in found)


def test_one_cell_has_none() -> None:
    found = psi.compare(Levels(("a",), np.array([50])), Levels(("a",), np.array([70])))
    assert (found.value, found.lower, found.upper) == (0.0, None, None)
