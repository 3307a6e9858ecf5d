"""What every detector returns: numbers and how sure they are, never a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOO_FEW_ROWS = "too_few_rows"
NO_REFERENCE = "no_reference"
UNKNOWN_FEATURE = "unknown_feature"
NO_HISTORY = "no_history"
NO_LABELS = "no_labels"
IMMATURE_LABELS = "immature_labels"
NO_VARIATION = "no_variation"
TOO_LARGE = "too_large"
NO_ERRORS = "no_errors"
NO_POSITIVES = "no_positives"
NO_COLUMN = "no_column"
NO_COMMON_VALUE = "no_common_value"
NOT_TWO_LEVELS = "not_two_levels"
NOT_CLASSES = "not_classes"
NOT_COUNTED = "not_counted"
MISSING_EXTRA = "missing_extra"
BEFORE_REFERENCE = "before_reference"

MINIMUM_ROWS = 30


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number with its uncertainty.

    ``value`` is the statistic named by ``metric`` (as scipy defines it where scipy has it) and ``lower`` and ``upper``
    bound it. ``effect`` is what may be judged: a distance, a rise or a loss, in the unit of its bound. ``mde`` is the
    smallest effect that this window and reference would have shown with 90 % power. Anything that could not be
    measured is ``None``, and ``reason`` then says why.
    """

    metric: str
    value: float | None
    n_reference: int
    n_current: int
    feature: str | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    effect: float | None = None
    effect_lower: float | None = None
    effect_upper: float | None = None
    mde: float | None = None
    alpha: float | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
