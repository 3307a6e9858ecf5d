"""Labels of a regression that are no numbers: no metric can use them, and whoever sends them should know."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.store.models import Model
from monitor.store.observations.base import LabelBatch

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def without_number(model: Model, batch: LabelBatch) -> NDArray[np.bool_]:
    """Labels that say something, and no number, of a model that is known to be, or configured as, a regression: bool
    [n]."""
    if (model.task or model.settings.get("task")) != "regression":
        return np.zeros(len(batch.ids), np.bool_)
    numbers = pc.fill_null(pc.match_substring_regex(batch.labels, NUMBER), True)
    found: NDArray[np.bool_] = ~numbers.to_numpy(zero_copy_only=False)
    return found


def said_of_them(count: int) -> list[str]:
    """What there is to say of so many of them."""
    words = "labels are no numbers, and the model is a regression: its metrics take them as not known"
    return [f"label: {count} {words}"] if count else []
