"""Performance without labels where the inputs moved: the reference weighted to look like the window.

PAPE (probabilistic adaptive performance estimation, after NannyML): what a score is worth is learned from the
reference's labelled rows again, each weighted by how much commoner its features are in the window (importance
weighting; Shimodaira 2000). Where inputs moved to rows on which the scores are differently honest, CBPE is off and this
is not. It cannot see concept drift either.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.density_ratio import COVERED, DensityRatio
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration, calibrate
from detectors.estimation.measure import estimates_of_binary, shown_estimates
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.profile import Reference
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

LEAST_AREA = 0.6  # of the domain classifier: below, inputs have not moved far enough for weights to pay


def estimate_where_inputs_moved(
    binning: Binning, current: WindowCounts, reference: Reference, truth: Array, score: Array, ratio: DensityRatio
) -> list[Measurement]:
    """``estimated_<metric>`` of all predictions of a binary model's window, with 95 % limits; ``truth`` (0 or 1) and
    ``score`` [n] of the labelled rows of the reference that ``ratio`` is about. Nothing where the trees tell the sides
    apart by an area of 0.6 or less, the reference has the like of under half of the window's rows, or the weights leave
    fewer than 30."""
    bins = SharedBins.of(binning)
    if bins is None or binning.scores.task != "binary" or ratio.area <= LEAST_AREA:
        return []
    if ratio.covered < COVERED:
        return []
    calibration = _weighted(bins, truth, score, ratio.weights)
    rows = bins.rows(current.counts).sum()
    if calibration is None or rows < MINIMUM_ROWS:
        return []
    found = estimates_of_binary(binning, bins, current, reference, calibration)
    shared = {"estimator": "pape", "domain_auc": ratio.area, "effective_rows": calibration.rows}
    made = shown_estimates(binning, found, reference, shared, round(float(rows)))
    return [replace(one, n_reference=len(truth)) for one in made]


def _weighted(bins: SharedBins, truth: Array, score: Array, weights: Array) -> Calibration | None:
    """Rows count by their weights, together as many as the weights leave (Kish 1965)."""
    known = np.flatnonzero(np.isfinite(score))
    weights = weights[known]
    if not len(known) or (effective := float(weights.sum() ** 2 / (weights**2).sum())) < MINIMUM_ROWS:
        return None
    places = np.searchsorted(bins.cuts, score[known])
    scaled = weights * effective / weights.sum()
    misses, hits = np.zeros((2, bins.size))
    np.add.at(misses, places, scaled * (truth[known] == 0))
    np.add.at(hits, places, scaled * (truth[known] == 1))
    return calibrate(misses, hits)
