"""What the baseline's own error adds to a step that is foretold by the hours before it."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detectors.shares.baseline import Baseline
from detectors.shares.memory import PAST, Memory
from detectors.shares.seasons import WEEK, terms
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]

_EVERY = 7  # hours between the windows of a week that are looked at: each hour of the day is among them


def coefficient_covariance(reference: Hours, baseline: Baseline, memory: Memory) -> Array:
    """Of the baseline's coefficients [F, 18, 18], in units of one hour's variance: least squares whose errors go
    together, (X'X)^-1 X'RX (X'X)^-1 with the memory's autocorrelations R (Anderson 1971)."""
    known: NDArray[np.bool_] = np.any(reference.rows > 0, axis=1, keepdims=True)
    design = terms(reference.hours) * known
    lags = np.arange(1, min(PAST, len(design)))
    shifted = [design[lag:].T @ design[:-lag] for lag in lags]
    products = np.stack([design.T @ design, *(part + part.T for part in shifted)])
    correlations = np.concatenate([np.ones((1, len(memory.first))), memory.correlations(lags[:, None])])
    inverse = baseline.inverse * (reference.rows.sum(axis=0) / max(known.sum(), 1))[:, None, None]
    found: Array = inverse @ np.einsum("lpq,lf->fpq", products, correlations) @ inverse
    return found


def step_error(covariance: Array, weights: Array) -> Array:
    """Variance of the baseline's part in a step by ``weights`` [F, 48 + length], of the ``covariance`` of its
    coefficients and in its units: the mean over the week, [F]."""
    span = weights.shape[1]
    windows = sliding_window_view(terms(np.arange(WEEK + span)), span, axis=0)[::_EVERY]
    of_step = np.moveaxis(windows @ weights.T, 2, 0)  # [F, windows, 18]
    found: Array = ((of_step @ covariance) * of_step).sum(axis=-1).mean(axis=-1)
    return found
