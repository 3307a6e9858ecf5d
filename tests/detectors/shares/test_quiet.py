"""Quiet weeks after a reference tell how much windows of a week differ, and nothing of its level."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.shares.calibrate import calibrated
from detectors.shares.cells import Cells
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.horizons import Horizon, answer
from detectors.shares.quiet import fit_with, taught, windows_of_columns
from detectors.shares.unrest import ENOUGH, Hours
from tests.detectors.build import binning_of, column, profile_of

COLUMNS, WEEK, ALPHA, TOLERANCE, SHORT = 20, 168, 1e-3, 0.02, 0.05
CELLS = Cells(np.arange(COLUMNS), np.arange(COLUMNS) + 1, *[np.arange(COLUMNS)] * 2, np.arange(COLUMNS) + 1)


def counted(weeks: int, seed: int, share: float = 0.3, wander: float = 0.0, start: int = 0) -> Hours:
    """300 rows an hour; weeks wander by so much."""
    random = np.random.default_rng(seed)
    shares = share + wander * np.repeat(random.standard_normal((weeks, COLUMNS)), WEEK, axis=0)
    inside = random.binomial(300, np.clip(shares, 0, 1)).astype(np.float64)
    return Hours(start, inside, np.full(inside.shape, 300.0))


def of(reference: Hours, quiet: Hours | None, alpha: float = ALPHA) -> Horizon:
    fitted = fit_reference(CELLS, reference)
    known = calibrated(fitted, horizon(fitted, WEEK), np.full(COLUMNS, SHORT), alpha)
    return known if quiet is None else taught(CELLS, fit_with(CELLS, reference, quiet), known, TOLERANCE, alpha)


def told(known: Horizon, window: Hours) -> NDArray[np.bool_]:
    allowed = np.where(known.windows >= ENOUGH, TOLERANCE, SHORT)
    return (answer(CELLS, known, window, np.array([WEEK]), allowed, ALPHA).lower > allowed)[0]


def test_what_a_log_is_off_by_is_told_and_no_unrest():
    """A log that is 0.04 beside its reference all along, by less than a short reference can tell."""
    reference, quiet, window = counted(4, 1), counted(8, 2, 0.34, start=4 * WEEK), counted(1, 3, 0.34)
    alone, known = of(reference, None), of(reference, quiet)
    assert not told(alone, window).any()
    assert told(known, window).all()
    assert known.windows == pytest.approx(12)
    assert known.learned.all()
    np.testing.assert_array_equal(known.q, alone.q)
    np.testing.assert_array_equal(known.baseline.coefficients, alone.baseline.coefficients)
    level = of(reference, counted(8, 2, start=4 * WEEK)).level.excess
    np.testing.assert_allclose(known.level.excess, level, atol=2e-5)


def test_weeks_that_differ_are_no_drift():
    """Reference weeks happened to be alike; those of the log are not."""
    reference, window = counted(4, 1), counted(1, 3, 0.36)
    calm, wild = (of(reference, counted(8, 2, wander=size, start=4 * WEEK)) for size in (0.0, 0.03))
    assert told(calm, window).all()
    assert not told(wild, window).any()


def test_hours_of_the_week_keep_their_place():
    """A reference that ends in the middle of a week, and a log that begins at another hour of one."""
    by_hour = 0.3 + 0.2 * np.sin(2 * np.pi * np.arange(20 * WEEK) / WEEK)[:, None]
    random = np.random.default_rng(5)
    inside = random.binomial(300, by_hour * np.ones(COLUMNS)).astype(np.float64)
    hours = Hours(0, inside, np.full(inside.shape, 300.0))
    reference, quiet = hours.part(0, 4 * WEEK + 77), hours.part(6 * WEEK + 24, 14 * WEEK + 24)
    longer = fit_with(CELLS, reference, Hours(quiet.start, quiet.inside, quiet.rows))
    small = fit_reference(CELLS, hours.part(0, 12 * WEEK))
    assert np.abs(longer.residuals).mean() == pytest.approx(np.abs(small.residuals).mean(), rel=0.1)


def test_columns_without_weeks_enough_stay_short():
    reference, quiet = counted(4, 1), counted(8, 2, start=4 * WEEK)
    gone = quiet.rows.copy()
    gone[3 * WEEK :, :5] = 0
    known = of(reference, Hours(quiet.start, np.where(gone > 0, quiet.inside, 0.0), gone))
    assert (known.windows[:5] < ENOUGH).all()
    assert not known.learned[:5].any()
    assert known.learned[5:].all()


def test_a_week_of_the_log_that_the_others_would_call_drifted_calibrates():
    quiet = counted(8, 2, start=4 * WEEK)
    quiet.inside[3 * WEEK : 4 * WEEK] = np.random.default_rng(9).binomial(300, 0.36, (WEEK, COLUMNS))
    plain, odd = (of(counted(4, 1), one, 0.2) for one in (counted(8, 2, start=4 * WEEK), quiet))
    assert (plain.factor == 1).all()
    assert (odd.factor > 1.2).all()


def test_windows_are_counted_by_column():
    """40 hours: windows are counted back from the last one."""
    values = {
        "feature.x": column(np.ones(40)),
        "feature.late": column([None] * 25 + [1.0] * 15),
        "feature.kind": column([None] * 39 + ["new"]),
        "feature.never": column(np.full(40, np.nan)),
    }
    binning, hours = binning_of(values), np.arange(1000, 1040)
    profile = profile_of(binning, hours, values)
    assert windows_of_columns(binning, profile, 10).tolist() == [4, 2, 1, 0]
    assert windows_of_columns(binning, profile, 13).tolist() == [3, 2, 1, 0]
    assert windows_of_columns(binning, profile, 41).tolist() == [0, 0, 0, 0]
