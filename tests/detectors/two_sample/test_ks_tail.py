"""The p-value of Kolmogorov-Smirnov for many rows, held against scipy's own sum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.sample import Binned
from detectors.two_sample import ks


def binned(share_below, rows):
    low = round(share_below * rows)
    return Binned(np.array([0.0]), np.array([low, rows - low]))


@pytest.mark.parametrize("rows", [39_000, 40_100, 300_000])
@pytest.mark.parametrize("squared", [0.02, 0.1, 0.3, 1.0, 2.1, 2.3, 5.0, 20.0, 80.0, 365.0, 380.0])
def test_the_p_value_is_scipys_on_either_side_of_every_limit(rows, squared):
    effective = rows / 2
    found = ks.compare(binned(0.5, rows), binned(0.5 - np.sqrt(squared / effective), rows))
    expected = stats.kstwo.sf(found.value, round(effective))
    if squared < 2.2:
        assert found.p_value == pytest.approx(expected, rel=0, abs=1e-6)
    else:
        assert found.p_value == pytest.approx(expected, rel=1e-4 if expected > 1e-40 else 0.05, abs=0)
