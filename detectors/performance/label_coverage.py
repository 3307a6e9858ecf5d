"""Share of predictions whose label is known."""

from __future__ import annotations

from detectors.performance.estimate import Estimate, share


def label_coverage(labelled: int, predictions: int) -> Estimate | None:
    """Wilson interval; not defined without predictions."""
    return share(min(labelled, predictions), predictions)
