"""The loss of single labelled rows: what the mean of a metric is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import class_codes, same_text

Array = NDArray[np.float64]

WRONG, SQUARED, ABSOLUTE = "wrong_share", "brier", "absolute_error"
OF_SCORES = ("roc_auc", "log_loss", "brier")


def loss_name(layout: ScoreLayout, metric: str) -> str:
    """Which loss stands for a metric: the squared error of the probability for metrics of a binary model's scores, else
    whether the row is wrong; a regression's absolute error. Areas, precisions and logarithms are no means of a bounded
    loss of single rows."""
    if layout.task == "regression":
        return ABSOLUTE
    return SQUARED if layout.task == "binary" and metric in OF_SCORES else WRONG


def row_loss(layout: ScoreLayout, loss: str, truth: Any, predicted: Any, score: Array) -> tuple[Array, Array]:
    """Loss and truth of labelled rows, float64 [n] each, NaN where there is none.

    ``truth`` and ``predicted``: pyarrow arrays, canonical strings (float64 for regression); ``score`` [n]: probability
    of the positive class (binary). The truth of classes is their place in ``layout.classes``, one more for any other.
    """
    if layout.task == "regression":
        actual, claimed = (one.to_numpy(zero_copy_only=False) for one in (truth, predicted))
        usable = np.isfinite(actual) & np.isfinite(claimed)
        return np.where(usable, np.abs(claimed - actual), np.nan), np.where(usable, actual, np.nan)
    known = pc.and_(pc.is_valid(truth), pc.is_valid(predicted)).to_numpy(zero_copy_only=False)
    actual = class_codes(layout, truth)
    found = (score - (actual == 1)) ** 2 if loss == SQUARED else (~same_text(truth, predicted)).astype(np.float64)
    known &= (actual < len(layout.classes)) | (loss != SQUARED)
    return np.where(known, found, np.nan), np.where(known, actual, np.nan)
