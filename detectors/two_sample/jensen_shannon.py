"""Jensen-Shannon distance, base e (Endres and Schindelin 2003)."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.spatial where it is first needed

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``jensenshannon`` of the shares, on the reference's deciles or per category."""
    counts = table(reference, current)
    found = float(scipy.spatial.distance.jensenshannon(*counts.shares))
    return Comparison(found if np.isfinite(found) else 0.0, details=counts.details)
