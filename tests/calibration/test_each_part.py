"""Each part of the share engine is there for hours of some kind: without it they would alarm, or be seen too late.

Columns of a single share, counted by the hour; how often windows without drift are rejected is set beside the level.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.shares.calibrate import calibrated, held_out
from detectors.shares.cells import Cells
from detectors.shares.fitting import Fit, fit_reference, horizon
from detectors.shares.horizons import Horizon, answer
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]

COLUMNS, WEEK, DAY = 100, 168, 24
EACH = np.arange(COLUMNS)
CELLS = Cells(EACH, EACH + 1, EACH, EACH, EACH + 1)
NOTHING = np.zeros(COLUMNS)


def counted(random: np.random.Generator, shares: Array, rows: int) -> Hours:
    """``shares`` [H, COLUMNS] of so many rows in each hour."""
    inside = random.binomial(rows, np.clip(shares, 0, 1)).astype(np.float64)
    return Hours(0, inside, np.full(inside.shape, float(rows)))


def fitted(hours: Hours, weeks: int) -> tuple[Fit, Hours]:
    """What the first weeks tell, and all hours (whose later ones are to be judged)."""
    return fit_reference(CELLS, hours.part(0, weeks * WEEK)), hours


def rejected(known: Horizon, hours: Hours, ends: NDArray[np.int64], alpha: float) -> NDArray[np.bool_]:
    """Whether each window is, at a tolerance of nothing, [W, COLUMNS]."""
    found: NDArray[np.bool_] = answer(CELLS, known, hours, ends, NOTHING, alpha).p_value <= alpha
    return found


def later(hours: Hours, weeks: int, length: int, every: int = 1) -> NDArray[np.int64]:
    """Ends of the windows after the reference."""
    return np.arange(weeks * WEEK + length, len(hours.rows) + 1, every)


def wander(random: np.random.Generator, hours: int, size: float, memory: float = 0.8) -> Array:
    """First-order autoregression, [hours, COLUMNS]."""
    steps = random.standard_normal((hours, COLUMNS)) * size
    steps[1:] *= np.sqrt(1 - memory**2)
    for hour in range(1, hours):
        steps[hour] += memory * steps[hour - 1]
    return steps


def without(known: Horizon, **part: Array) -> Horizon:
    """As if a part of what is known of the unrest were not."""
    return replace(known, level=replace(known.level, **part))  # type: ignore[arg-type]


def test_nights_that_are_restless_have_their_own_variance():
    random, alpha = np.random.default_rng(1), 0.002
    night = (np.arange(11 * WEEK) % DAY < 6)[:, None]
    share = 0.3 + np.where(night, 0.06, 0.01) * random.standard_normal((11 * WEEK, COLUMNS))
    fit, hours = fitted(counted(random, share, 500), 8)
    known, ends = horizon(fit, 1), later(hours, 8, 1)
    ends = ends[(ends - 1) % DAY < 6]
    found = rejected(known, hours, ends, alpha).mean()
    assert found <= 3 * alpha
    assert rejected(without(known, by_hour=np.ones((DAY, COLUMNS))), hours, ends, alpha).mean() >= 10 * found


def test_a_season_learned_from_few_weeks_is_in_doubt():
    random, alpha = np.random.default_rng(2), 0.002
    clock = np.arange(7 * WEEK)[:, None]
    share = 0.4 + 0.1 * np.sin(2 * np.pi * clock / DAY) + 0.1 * ((clock // DAY) % 7 >= 5)
    found = []
    for _ in range(3):
        fit, hours = fitted(counted(random, share + np.zeros((1, COLUMNS)), 500), 3)
        found.append(rejected(horizon(fit, DAY), hours, later(hours, 3, DAY, 4), alpha).mean())
    assert np.mean(found) <= 1.5 * alpha


def test_a_rare_share_is_skewed():
    random, alpha = np.random.default_rng(3), 1e-4
    fit, hours = fitted(counted(random, np.full((20 * WEEK, COLUMNS), 0.01), 300), 8)
    assert rejected(horizon(fit, 1), hours, later(hours, 8, 1), alpha).mean() <= 1.5 * alpha


def test_hours_that_are_far_off_now_and_then_have_a_heavy_tail():
    random, alpha = np.random.default_rng(4), 2e-4
    noise = 0.02 * random.standard_t(3, (16 * WEEK, COLUMNS))
    fit, hours = fitted(counted(random, 0.5 + noise, 2000), 8)
    known, ends = horizon(fit, 1), later(hours, 8, 1)
    found = rejected(known, hours, ends, alpha).mean()
    assert found <= 6 * alpha
    assert rejected(without(known, degrees=np.full(COLUMNS, 1e9)), hours, ends, alpha).mean() >= 6 * found


def test_what_hours_remember_foretells_weeks_that_are_too_few_to_tell():
    random, alpha = np.random.default_rng(5), 0.002
    fit, hours = fitted(counted(random, 0.4 + wander(random, 12 * WEEK, 0.04), 500), 4)
    known, ends = horizon(fit, WEEK), later(hours, 4, WEEK, DAY)
    found = rejected(known, hours, ends, alpha).mean()
    assert found <= 3 * alpha
    assert rejected(without(known, excess=np.zeros(COLUMNS)), hours, ends, alpha).mean() >= 10 * found


def test_a_share_varies_more_where_it_is_larger():
    random, alpha = np.random.default_rng(6), 0.002
    weekend = (np.arange(20 * WEEK) // DAY % 7 >= 5)[:, None]
    fit, hours = fitted(counted(random, np.where(weekend, 0.3, 0.005) + np.zeros((1, COLUMNS)), 300), 10)
    days = later(hours, 10, DAY, DAY)
    assert rejected(horizon(fit, DAY), hours, days[(days // DAY - 1) % 7 >= 5], alpha).mean() <= 1.5 * alpha


def test_a_share_that_wanders_away_from_0_wanders_more():
    """Around 1 %, to 10 % and more for some hours: most hours are alike, and do not tell how far the others go."""
    random, alpha = np.random.default_rng(10), 1e-5
    fit, hours = fitted(counted(random, 0.01 * np.exp(wander(random, 20 * WEEK, 1.0, memory=0.5) - 0.5), 300), 8)
    assert rejected(horizon(fit, DAY), hours, later(hours, 8, DAY, 4), alpha).mean() <= 1.5 * alpha


def test_a_step_is_seen_sooner_by_what_came_before():
    random, alpha, weeks = np.random.default_rng(7), 1e-4, 8
    share = 0.4 + wander(random, 10 * WEEK, 0.04, memory=0.9)
    onset = 9 * WEEK
    share[onset:] += 0.15
    fit, hours = fitted(counted(random, share, 2000), weeks)
    known = horizon(fit, 1)
    first = np.arange(onset + 1, onset + 3)
    with_steps = answer(CELLS, known, hours, first, NOTHING, alpha)
    alone = rejected(replace(known, worthwhile=np.zeros(COLUMNS, dtype=bool)), hours, first, alpha)
    assert known.worthwhile.mean() > 0.9
    assert (with_steps.p_value <= alpha).any(axis=0).mean() > alone.any(axis=0).mean() + 0.3
    assert with_steps.sudden.any()
    before = np.arange(weeks * WEEK + 1, onset)
    assert rejected(known, hours, before, 0.002).mean() <= 1.5 * 0.002


def test_the_end_of_a_drift_is_no_drift():
    random, alpha = np.random.default_rng(8), 1e-4
    share = 0.4 + wander(random, 10 * WEEK, 0.04)
    share[9 * WEEK : 9 * WEEK + 3 * DAY] += 0.15
    fit, hours = fitted(counted(random, share, 2000), 8)
    after = np.arange(9 * WEEK + 3 * DAY + 1, 9 * WEEK + 3 * DAY + 4)
    assert rejected(horizon(fit, 1), hours, after, alpha).mean() <= 0.02


def test_replay_silences_what_the_reference_itself_would_have_alarmed():
    random, alpha = np.random.default_rng(9), 1e-4
    share = 0.4 + wander(random, 8 * WEEK, 0.01)
    share[20 * DAY : 21 * DAY] += 0.03  # one odd day
    fit, _ = fitted(counted(random, share, 2000), 8)
    known = horizon(fit, DAY)
    silenced = calibrated(fit, known, NOTHING, alpha)
    assert 0.1 < (silenced.factor > 1).mean() < 0.9

    def alarms(one: Horizon) -> int:
        weeks = held_out(fit, DAY)
        return sum(
            int(rejected(replace(one, baseline=week.others), week.stretch, week.ends, alpha).sum()) for week in weeks
        )

    assert alarms(known) > 0
    assert alarms(replace(silenced, factor=silenced.factor * (1 + 1e-9))) == 0
