"""Why did the model get worse? The parts of the rise, the slices it is in, and whether retraining would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detectors.density_ratio import DensityRatio, density_ratio
from detectors.explain.decomposition import Decomposition, decompose
from detectors.explain.labelled import Labelled
from detectors.explain.retraining import Retraining, retraining
from detectors.explain.slices import Slices, slices_that_got_worse

MOST_ROWS = 20_000  # of either side


@dataclass(frozen=True)
class Explanation:
    """``ratio``: how alike the two sides' rows are, which other estimates may rest on."""

    parts: Decomposition
    slices: Slices
    retraining: Retraining | None
    ratio: DensityRatio


def explain(
    importance: Mapping[str, float], reference: Labelled, current: Labelled, *, classes: bool
) -> Explanation | None:
    """``importance``: of the features to look at. ``classes``: the truth is one of several, not a quantity. None where
    a side has fewer than 200 labelled rows or two blocks of time, or there is no feature. The same rows in the same
    order give the same answer."""
    features = list(importance)
    ratio = density_ratio(features, reference.rows, current.rows, current.weight)
    if ratio is None:
        return None
    return Explanation(
        decompose(features, reference, current, ratio),
        slices_that_got_worse(features, reference, current, list(importance.values())),
        retraining(features, reference, current, classes=classes),
        ratio,
    )
