"""What scores are worth where only the share of positives changed: the calibration of another base rate.

Under label shift the scores of each class stay distributed as they were, so the odds of every score change by one
factor, that of the base rates' odds (Saerens, Latinne and Decaestecker 2002). Rows of one score then turn out otherwise
than in the reference although the relation of inputs to each class is what it was: no concept drift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detectors.cuts import Binning
from detectors.estimation.calibration import Calibration
from detectors.estimation.label_shift import GATE, shift_of
from detectors.profile import Reference
from detectors.summary import WindowCounts

_LEAST = 1e-6


@dataclass(frozen=True)
class Prior:
    """The ``calibration`` at the window's base rate, and the error of the log odds that all its shares have in common,
    ``odds_error``; ``told`` is what details say of it."""

    calibration: Calibration
    odds_error: float
    told: dict[str, Any]


def prior_of(
    binning: Binning, current: WindowCounts, reference: Reference, calibration: Calibration, level: float = GATE
) -> Prior | None:
    """Of a binary window whose scores another base rate explains; None where the gate rejects that at ``level``, or
    there are too few rows to know."""
    shift = shift_of(binning, current, reference, level)
    if shift is None:
        return None
    now, then = (float(np.clip(rate, _LEAST, 1 - _LEAST)) for rate in (shift.found.value, shift.before))
    told = {"base_rate": shift.found.value, "reference_value": shift.before, "gate_p_value": shift.found.gate_p_value}
    factor = now / (1 - now) * (1 - then) / then
    return Prior(_at(calibration, factor), shift.found.error / (now * (1 - now)), told)


def _at(calibration: Calibration, factor: float) -> Calibration:
    """With all odds times ``factor``; variances by the delta method."""
    share = calibration.share
    scale = 1 - share + share * factor
    return replace(calibration, share=share * factor / scale, variance=calibration.variance * (factor / scale**2) ** 2)
