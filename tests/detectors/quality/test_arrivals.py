"""Since when a feature is sent that the reference does not have."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.quality.arrivals import Arrival, told

RATE, HOURS = 20, 48


def arrival(share, *, rate=RATE, seed=1, follows=None):
    """A feature that rows have at an hour's ``share`` [T]."""
    random = np.random.default_rng(seed)
    hours = np.arange(100, 100 + len(share))
    rows = np.full(len(share), rate)
    present = random.binomial(rows, share)
    return Arrival("f", hours, rows, present, np.ones(len(share), bool) if follows is None else follows)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_the_hour_is_found(share):
    """Of a share of a tenth within an hour: of 20 rows a few have none."""
    found = [arrival(np.where(np.arange(HOURS) >= 30, share, 0.0), seed=seed).since for seed in range(200)]
    near = np.array([one is not None and abs(one - 130) <= (share < 0.5) for one in found])
    assert near.mean() >= (0.995 if share >= 0.5 else 0.9)


def test_an_hour_in_which_it_came_is_the_hour():
    share = np.where(np.arange(HOURS) >= 30, 1.0, 0.0)
    share[29] = 0.4
    assert arrival(share).since == 129


def test_a_row_that_tries_it_out_is_not_when_it_came():
    share = np.where(np.arange(HOURS) >= 30, 1.0, 0.0)
    share[3] = 0.05
    assert arrival(share, seed=2).since == 130


@pytest.mark.parametrize("share", [1.0, 0.5, 0.02])
def test_what_was_there_all_the_time_came_at_no_hour(share):
    """Rare ones, too: of 480 rows by chance the first dozens have none."""
    found = [arrival(np.full(HOURS, share), rate=10, seed=seed).since for seed in range(500)]
    assert np.mean([one is not None for one in found]) <= 0.002


def test_where_the_hour_before_was_not_looked_at_it_is_not_known():
    follows = np.ones(HOURS, bool)
    follows[30] = False
    found = arrival(np.where(np.arange(HOURS) >= 30, 1.0, 0.0), follows=follows)
    assert (found.came, found.since) == (30, None)


def test_only_rows_of_the_window_count():
    one = arrival(np.where(np.arange(HOURS) >= 30, 1.0, 0.0))
    (found,) = told([one], 124, 1000)
    assert (found.value, found.n_current, found.n_reference) == (18 / 24, 24 * RATE, 1000)
    assert found.lower < found.value < found.upper
    assert found.details == {"since": "1970-01-06T10:00:00Z", "since_share": 1.0}
    (found,) = told([one], 140, 1000)
    assert (found.value, found.upper) == (1.0, 1.0)
    assert not told([arrival(np.where(np.arange(HOURS) < 10, 1.0, 0.0))], 124, 1000)
