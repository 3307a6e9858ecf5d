"""Share of rows without a value: null, absent, or not a number."""

from __future__ import annotations

from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted


def missing_share(sources: Sources) -> Counted:
    """Of every feature; ``details`` tell nulls and NaN apart."""
    names = (*sources.numeric, *sources.categorical)
    counts = sources.current.counts
    details = [
        {"null": sources.slot(counts, name, "missing"), "nan": sources.slot(counts, name, "nan")} for name in names
    ]
    return count("missing_share", sources, names, ["missing", "nan"], details=details)
