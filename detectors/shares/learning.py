"""A reference that cannot tell its own unrest borrows it: its shares, with the habits of the model's first weeks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.profile import ReferenceProfile
from detectors.shares.baseline import Baseline
from detectors.shares.cells import Cells
from detectors.shares.horizons import Horizon
from detectors.shares.seasons import terms

Array = NDArray[np.float64]


def about_reference(cells: Cells, profile: ReferenceProfile, habits: ReferenceProfile, known: Horizon) -> Horizon:
    """What the ``habits`` know, about the shares of ``profile``: ups and downs, memory and variance are those of the
    habits, the level is the reference's."""
    inside, rows = cells.count_reference(profile.total)
    most = np.maximum(rows, 1)[cells.owner]
    q = inside / most
    bounded = np.clip(q, 0.5 / most, 1 - 0.5 / most)
    baseline = moved_baseline(cells, profile, habits, known.baseline)
    learned = np.ones(len(rows), dtype=bool)
    return replace(known, baseline=baseline, q=q, row=bounded * (1 - bounded), learned=learned)


def moved_baseline(cells: Cells, profile: ReferenceProfile, habits: ReferenceProfile, baseline: Baseline) -> Baseline:
    """The baseline of the habits, moved so that it says of the reference's hours (without times: of all hours) what the
    reference has there; with the error of the reference's own level on top."""
    inside, rows = cells.count_reference(profile.total)
    offset = inside / np.maximum(rows, 1)[cells.owner] - _expected(cells, profile, habits, baseline)
    coefficients, inverse = baseline.coefficients.copy(), baseline.inverse.copy()
    coefficients[0] += offset
    inverse[:, 0, 0] += 1 / np.maximum(rows, 1)
    return Baseline(coefficients, inverse, baseline.sizes)


def _expected(cells: Cells, profile: ReferenceProfile, habits: ReferenceProfile, baseline: Baseline) -> Array:
    timed = profile if profile.hours is not None else habits
    hours = timed.hours if timed.hours is not None else np.empty(0, dtype=np.int64)
    _, rows = cells.count(timed.counts)
    design = np.einsum("tf,tp->fp", rows, terms(hours)) / np.maximum(rows.sum(axis=0), 1)[:, None]
    return baseline.mean(cells, design)
