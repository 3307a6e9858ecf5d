"""A window of the reference counts though hours at its ends have no traffic."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.covered import covered
from detectors.shares.quiet import windows_of_columns
from tests.detectors.build import binning_of, column, profile_of

WEEK = 168
MONDAY = 4 * 24  # hours since 1970, a Thursday
ALL = MONDAY + np.arange(8 * WEEK)
BUSINESS = ALL[(ALL - MONDAY) % WEEK // 24 < 5]
BUSINESS = BUSINESS[(BUSINESS % 24 >= 8) & (BUSINESS % 24 < 18)]
NIGHTS = ALL[ALL % 24 == 2]
MORNINGS = ALL[(ALL - MONDAY) % WEEK == 5]


@pytest.mark.parametrize(
    ("hours", "weeks"),
    [
        (ALL, 8),
        (ALL[1:-1], 8),  # its first row comes at 01:56
        (BUSINESS, 8),
        (BUSINESS[3:], 8),
        (NIGHTS, 8),
        (MORNINGS, 8),
        (ALL[12:-11], 8),
        (ALL[24:], 8 - 1 / 7),
        (ALL[12:-12], 8 - 1 / 7),
        (BUSINESS[10:], 8 - 1 / 7),  # it began on a Tuesday
        (NIGHTS[:20], 20 / 7),
        (NIGHTS[:8], 8 / 7),  # days alone are known
        (ALL[:40], 40 / WEEK),
        (ALL[:1], 1 / WEEK),
    ],
)
def test_what_a_reference_covers(hours, weeks):
    assert covered(hours) == round(weeks * WEEK)


@pytest.mark.parametrize("hours", [ALL[1:], BUSINESS, NIGHTS, MORNINGS])
def test_eight_weeks_are_eight_windows_of_a_week(hours):
    values = {"feature.x": column(np.arange(len(hours) * 3) % 7.0)}
    binning = binning_of(values)
    assert windows_of_columns(binning, profile_of(binning, hours.repeat(3), values), WEEK).tolist() == [8]
