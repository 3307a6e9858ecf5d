"""A made-up world whose model goes wrong when the world moves. Used here and by the jobs that retrain: numpy alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

PER_HOUR = 20
MOVED = 2.5  # standard deviations


def rows(
    start: datetime, hours: int, *, seed: int, moved: float = 0.0, cut: float = 0.0, version: str = "v1"
) -> list[dict[str, Any]]:
    """Predictions with their ``label``, evenly spaced. The truth is whether x, and some noise, is above where the world
    is (``moved``); the model says whether x is above its ``cut``."""
    rng = np.random.default_rng(seed)
    n = hours * PER_HOUR
    x = rng.normal(moved, 1, n)
    truth = x + rng.normal(0, 0.3, n) > moved
    step = timedelta(hours=1) / PER_HOUR
    return [
        {
            "id": f"{version}-{seed}-{i}",
            "timestamp": (start + i * step + timedelta(seconds=7)).isoformat(),
            "version": version,
            "features": {"x": round(float(x[i]), 6)},
            "prediction": int(x[i] > cut),
            "label": int(truth[i]),
        }
        for i in range(n)
    ]


def predictions(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records without their truth."""
    return [{name: value for name, value in one.items() if name != "label"} for one in records]


def labels(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The truths, each known as soon as its prediction."""
    return [{name: one[name] for name in ("id", "label", "timestamp")} for one in records]
