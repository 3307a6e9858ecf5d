"""Share of rows in a category that the reference never had."""

from __future__ import annotations

import numpy as np

from detectors.cuts import CategoricalColumn
from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted


def unseen_category_share(sources: Sources) -> Counted:
    """Of every categorical feature.

    A reference never has unseen categories, yet the next rows of the same source may: about as many as the reference
    has categories seen once (Good 1953). Rare categories are taken for such: identifiers do not alarm for being new.
    """
    names = [name for name in sources.categorical if not sources.is_embedding(name) and _levels(sources, name).levels]
    once = np.array([_seen_once(sources, name) for name in names], dtype=np.float64)
    return count("unseen_category_share", sources, names, ["unseen"], allowance=once)


def _levels(sources: Sources, name: str) -> CategoricalColumn:
    column = sources.binning.by_name[name]
    if not isinstance(column, CategoricalColumn):
        raise TypeError(f"{name} is not categorical")
    return column


def _seen_once(sources: Sources, name: str) -> int:
    counts = sources.reference.total[sources.binning.slots(name)]
    return len(_levels(sources, name).rare) + int(np.count_nonzero((counts > 0) & (counts <= 1)))
