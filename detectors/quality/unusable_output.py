"""Share of rows whose prediction or score is of no use: null, absent, not a number, infinite, of the wrong type."""

from __future__ import annotations

from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted

OUTPUTS = ("prediction", "score")
SLOTS = ("missing", "nan", "mismatch", "pos_inf", "neg_inf")


def unusable_output_share(sources: Sources) -> Counted:
    """Of what the model says, by column; ``details`` count what is wrong with it."""
    names = [name for name in OUTPUTS if name in sources.binning.by_name]
    counts = sources.current.counts
    details = [{which: sources.slot(counts, name, which) for which in SLOTS} for name in names]
    return count("unusable_output_share", sources, names, SLOTS, details=details)
