"""The test of a window beside the chance with which such windows come."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.shares.cells import Cells
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.horizons import answer
from detectors.shares.unrest import Hours

WEEKS, WEEK, ROWS, COLUMNS = 8, 168, 30, 5
EACH = np.arange(COLUMNS)
CELLS = Cells(EACH, EACH + 1, EACH, EACH, EACH + 1)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.8, 0.9])
@pytest.mark.parametrize("tolerance", [0.0, 0.05])
def test_of_independent_rows_no_more_is_certain_than_the_binomial_says(share, tolerance):
    """Also far beyond the middle, where a normal tail falls faster: 23 of 30 rows, of a fifth."""
    random, alpha = np.random.default_rng(3), 1e-9
    far = np.arange(15, ROWS + 1)
    seen = np.repeat((far if share < 0.5 else ROWS - far)[:, None], COLUMNS, axis=1)
    inside = np.concatenate([random.binomial(ROWS, share, (WEEKS * WEEK, COLUMNS)), seen]).astype(float)
    hours = Hours(0, inside, np.full(inside.shape, float(ROWS)))
    known = horizon(fit_reference(CELLS, hours.part(0, WEEKS * WEEK)), 1)
    ends = WEEKS * WEEK + 1 + np.arange(len(seen))
    found = answer(CELLS, known, hours, ends, np.full(COLUMNS, tolerance), alpha)
    # the side that is away from the reference, counted as rows that are common now
    usual = (known.q if share < 0.5 else 1 - known.q) + tolerance
    chance = stats.binom.sf(far[:, None] - 1, ROWS, usual)
    assert (found.p_value >= np.minimum(1, chance)).all()
    least = stats.beta.ppf(alpha / 2, far, ROWS + 1 - far)[:, None]  # Clopper and Pearson (1934)
    assert (found.lower <= np.maximum(least - usual + tolerance, 0) + 0.01).all()
    assert found.p_value[-1].max() < 1e-12  # and yet much is certain
