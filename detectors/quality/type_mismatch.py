"""Share of rows whose value was of the wrong type, such as text where numbers are expected."""

from __future__ import annotations

from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted


def type_mismatch_share(sources: Sources) -> Counted:
    """Of every feature; ``details.expected`` is what its values should be."""
    names = (*sources.numeric, *sources.categorical)
    numeric = len(sources.numeric)
    details = [
        {"expected": "numbers" if place < numeric else sources.kind_of_vectors(name) or "categories"}
        for place, name in enumerate(names)
    ]
    return count("type_mismatch_share", sources, names, ["mismatch"], details=details)
