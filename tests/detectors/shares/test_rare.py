"""Shares that were next to nothing: what becomes of them is told, and their own bursts are not."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.auto import measure_drift
from detectors.summary import ColumnValues, summarise, window
from tests.detectors.build import binning_of, column, profile_of

START, HOURS, DAY, ALPHA = 480_168, 672, 24, 2.3e-4


def told(before: dict[str, ColumnValues], now: dict[str, ColumnValues], tolerance: float, alpha: float = ALPHA) -> list:
    """Of a day after four weeks, as many rows in each hour."""
    rows, live = (len(next(iter(side.values())).values) for side in (before, now))
    end = START + HOURS + DAY
    binning = binning_of(before)
    reference = profile_of(binning, START + np.arange(rows) * HOURS // rows, before)
    day = window(summarise(binning, START + HOURS + np.arange(live) * DAY // live, now), end - DAY, end)
    return measure_drift(binning, list(before), day, reference, length_hours=DAY, tolerance=tolerance, alpha=alpha)


def categories(random: np.random.Generator, rows: int, share: float, burst: int = 1) -> ColumnValues:
    """Some rows are of a rare one, so many together."""
    rare = np.repeat(random.random(-(-rows // burst)) < share, burst)[:rows]
    return column(np.where(rare, "rare", random.choice(["a", "b", "c"], rows)).tolist())


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.002, 0.01])
def test_a_tenth_of_the_rows_in_a_category_that_was_rare_is_told(share):
    random = np.random.default_rng(3)
    names = [f"feature.{place}" for place in range(10)]
    before, now = (
        {name: categories(random, rows, one) for name in names} for rows, one in ((33_600, share), (2_400, share + 0.1))
    )
    found = told(before, now, 0.02)
    assert np.sum([one.p_value <= ALPHA for one in found]) >= 9  # mde is what nine in ten are told of
    assert all(0.01 < one.effect_lower < 0.1 and one.mde < 0.1 for one in found)


@pytest.mark.parametrize("usual", [0.0, 1.0])
def test_a_number_that_was_always_the_same_is_told_when_a_tenth_is_another(usual):
    before = {"feature.x": column(np.full(33_600, usual))}
    for other in (usual - 1, usual + 1):
        (found,) = told(before, {"feature.x": column(np.where(np.arange(2_400) % 10 == 0, other, usual))}, 0.02)
        assert found.p_value <= ALPHA
        assert 0.02 < found.effect_lower < 0.1


def test_rare_categories_that_come_in_bursts_are_no_drift():
    random, hits = np.random.default_rng(8), []
    for draw in range(6):
        shares = {f"feature.{place}": (2e-5, 2e-4, 1e-3, 3e-3)[place % 4] for place in range(40)}
        size = (2, 10, 40)[draw % 3] * HOURS, (10, 100)[draw % 2] * DAY
        before, now = ({name: categories(random, rows, one, 10) for name, one in shares.items()} for rows in size)
        hits += [found.p_value is not None and found.p_value <= 0.05 for found in told(before, now, 0.0, 0.05)]
    assert np.mean(hits) <= 0.05
