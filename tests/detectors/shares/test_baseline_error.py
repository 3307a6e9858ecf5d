"""The baseline's own error, of hours that wander: what new weeks show is what was said."""

from __future__ import annotations

import numpy as np

from detectors.shares.baseline_error import coefficient_covariance, step_error
from detectors.shares.cells import Cells
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.memory import Memory
from detectors.shares.seasons import WEEKLY, terms
from detectors.shares.unrest import Hours, contrast

COLUMNS, REFERENCE, AFTER, ROWS = 150, 28 * 24, 60 * 24, 500
START = 480_000
DECAY, WANDER = 0.8, 0.05  # of a share of a half


def wandering() -> tuple[Cells, Hours, Hours]:
    """Columns with one cell each, whose share has a day and a week and wanders like an AR(1); the reference and what
    follows it."""
    random = np.random.default_rng(11)
    noise = WANDER * np.sqrt(1 - DECAY**2) * random.standard_normal((REFERENCE + AFTER, COLUMNS))
    share = np.zeros_like(noise)
    share[0] = WANDER * random.standard_normal(COLUMNS)
    for hour in range(1, len(share)):
        share[hour] = DECAY * share[hour - 1] + noise[hour]
    seasons = terms(START + np.arange(len(share))) @ np.tile(0.02, WEEKLY)
    inside = random.binomial(ROWS, np.clip(0.45 + share + seasons[:, None], 0, 1)).astype(np.float64)
    rows = np.full(inside.shape, float(ROWS))
    cells = Cells.of([(np.array([2 * one + 1]), np.array([2 * one + 2]), 1, 3) for one in range(COLUMNS)])
    first, second = slice(0, REFERENCE), slice(REFERENCE, None)
    return cells, Hours(START, inside[first], rows[first]), Hours(START + REFERENCE, inside[second], rows[second])


def test_steps_of_new_weeks_vary_as_the_reference_says() -> None:
    cells, reference, after = wandering()
    fitted = fit_reference(cells, reference)
    assert (fitted.baseline.sizes == WEEKLY).all()
    for length in (1, 6, 24):
        known = horizon(fitted, length)
        shares = after.residuals(cells, fitted.baseline) / ROWS
        steps = contrast(shares, known.weights.T, np.arange(known.weights.shape[1], AFTER + 1))
        seen = (steps**2).mean()
        said = (known.step.excess + (known.weights**2).sum(axis=1) / ROWS * known.row).mean()
        assert 0.92 < said / seen < 1.08, length  # without the baseline's error 0.72 at 24 hours


def test_without_memory_it_is_that_of_independent_rows() -> None:
    cells, reference, _ = wandering()
    fitted = fit_reference(cells, reference)
    none = Memory(np.zeros(COLUMNS), np.zeros(COLUMNS))
    found = coefficient_covariance(reference, fitted.baseline, none)
    np.testing.assert_allclose(found, fitted.baseline.inverse * ROWS, rtol=1e-6, atol=1e-12)


def test_hours_that_go_together_make_it_larger() -> None:
    cells, reference, _ = wandering()
    fitted = fit_reference(cells, reference)
    weights = fitted.memory.step_weights(24)
    none = Memory(np.zeros(COLUMNS), np.zeros(COLUMNS))
    wandering_, independent = (
        step_error(coefficient_covariance(reference, fitted.baseline, memory), weights)
        for memory in (fitted.memory, none)
    )
    assert (wandering_ > 2 * independent).all()
