"""Share of rows whose value was of the wrong type, such as text where numbers are expected."""

from __future__ import annotations

from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted


def type_mismatch_share(sources: Sources) -> Counted:
    """Of every feature."""
    return count("type_mismatch_share", sources, (*sources.numeric, *sources.categorical), ["mismatch"])
