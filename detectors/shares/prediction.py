"""Drift of what the model says: shares of predicted classes, scores, or predicted numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from detectors.cuts import Binning, CategoricalColumn
from detectors.measurement import Measurement
from detectors.profile import Reference
from detectors.shares import cells
from detectors.shares.auto import measure_drift
from detectors.summary import WindowCounts

MARGIN = "margin_ks"


def measure_prediction_drift(
    binning: Binning,
    task: str,
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    tolerance: float,
    alpha: float,
    alpha_of_margins: float | None = None,
    widened: Mapping[str, float] | None = None,
) -> list[Measurement]:
    """``measure_drift`` of the model's output. Regression: ``prediction_ks``. Classification: ``class_share`` (the
    class that moved most; all of them in ``details.classes`` as {class: {reference, window, change}}), and
    ``score_ks`` and, with several classes, ``margin_ks`` (at a level of its own) where there are scores.
    ``widened``: as there, by metric."""
    wanted = {"prediction": "prediction_ks" if task == "regression" else "class_share"}
    if task != "regression":
        wanted |= {"score": "score_ks", "margin": MARGIN}
    names = [name for name in wanted if name in binning.by_name and not _empty(binning, name, current, reference)]
    factors = {name: (widened or {}).get(wanted[name], 1.0) for name in names}
    found = []
    for apart, level in ((False, alpha), (True, alpha if alpha_of_margins is None else alpha_of_margins)):
        some = [name for name in names if (name == "margin") is apart]
        found += measure_drift(
            binning,
            some,
            current,
            reference,
            length_hours=length_hours,
            tolerance=tolerance,
            alpha=level,
            widened=factors,
        )
    named = [replace(one, metric=wanted[name]) for name, one in zip(names, found, strict=True)]
    return [_with_classes(binning, one, current, reference) if one.metric == "class_share" else one for one in named]


def _empty(binning: Binning, name: str, current: WindowCounts, reference: Reference) -> bool:
    """A model without scores has nothing to say about them."""
    slots = binning.slots(name)
    return name in ("score", "margin") and not (current.counts[slots].any() or reference.total[slots].any())


def _with_classes(binning: Binning, one: Measurement, current: WindowCounts, reference: Reference) -> Measurement:
    column = binning.by_name["prediction"]
    if not isinstance(column, CategoricalColumn):
        return one
    slots = binning.named_or_not("prediction")
    now, then = (np.asarray(counts[slots], dtype=np.float64) for counts in (current.counts, reference.total))
    p, q = now / max(now.sum(), 1), then / max(then.sum(), 1)
    classes: dict[str, Any] = {
        name: {"reference": float(q[place]), "window": float(p[place]), "change": float(p[place] - q[place])}
        for place, name in enumerate(cells.category_names(column))
        if place < len(column.levels) or now[place] or then[place]
    }
    return replace(one, details={**one.details, "classes": classes})
