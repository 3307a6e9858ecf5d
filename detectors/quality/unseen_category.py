"""Share of rows in a category that the reference never had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectors.binning import MOST_RARE
from detectors.cuts import CategoricalColumn
from detectors.quality.counting import Sources, count
from detectors.quality.rise import Array, Counted
from detectors.rise import design_effect


def unseen_category_share(sources: Sources) -> Counted:
    """Of every categorical feature.

    A reference never has unseen categories, yet the next rows of the same source may: about as many as the reference
    has categories seen once (Good 1953). They are taken to wander by as much as the reference's rows of rare values do.
    Where no category is common, none is counted: identifiers do not alarm for being new.
    """
    names = [name for name in sources.categorical if not sources.is_embedding(name) and _levels(sources, name).levels]
    expected = np.array([_expected(sources, name) for name in names], dtype=np.float64)
    unseen = count("unseen_category_share", sources, names, ["unseen"], allowance=expected, expects=True)
    rare = count("rare_category_share", sources, names, ["other", "unseen"])
    ratio = unseen.allowed / np.maximum(rare.reference_bad, 1)
    windows, days = _wandering(rare.windows_bad, rare.windows_rows, ratio), rare.days_bad
    if days is not None and rare.days_rows is not None:
        days = _wandering(days, rare.days_rows, ratio)
    return replace(unseen, windows_bad=windows, days_bad=days)


def _wandering(bad: Array, rows: Array, ratio: Array) -> Array:
    """Rows of rare values, [K, F], made to differ as unseen ones do: the chance of ``ratio`` times as many, and all
    that they differ by beyond chance (their design effect less one, Kish 1965)."""
    beyond = design_effect(bad, rows) - 1
    return bad * np.sqrt((ratio + beyond) / (1 + beyond))


def _levels(sources: Sources, name: str) -> CategoricalColumn:
    column = sources.binning.by_name[name]
    if not isinstance(column, CategoricalColumn):
        raise TypeError(f"{name} is not categorical")
    return column


def _expected(sources: Sources, name: str) -> float:
    """How many of the reference's rows would be unseen in others like them.

    How often each rare value was seen is not kept, but which share of the rows was of those seen once (and a standard
    error of it). Of a segment it is not known: there every rare value may have been seen once, which is a bound. Of a
    column with so many values that not all are kept the others come on top.
    """
    column, counts = _levels(sources, name), sources.reference.total
    levels = counts[sources.binning.slots(name)]
    most = min(len(column.rare), float(counts[sources.binning.extra(name, "other")]))
    most += int(np.count_nonzero((levels > 0) & (levels <= 1)))
    left_out = float(counts[sources.binning.extra(name, "unseen")]) if len(column.rare) >= MOST_RARE else 0.0
    if column.unseen is None or not sources.whole:
        return most + left_out
    known = column.unseen * float(counts[sources.binning.named_or_not(name)].sum())
    return known + left_out if left_out else min(most, known)
