"""Months of hourly counts drawn at once, without rows: the bins of a normal whose mean wanders from hour to hour.

How many of an hour's independent rows fall into each bin is multinomial, so this is what counting the rows of
``bench.detection.streams`` would give, at a hundredth of the cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

import numpy as np
import pandas as pd
from scipy import special

from bench.detection import streams
from detectors.cuts import NUMERIC_EXTRAS, Binning, NumericColumn, ScoreLayout
from detectors.profile import ReferenceProfile
from detectors.shares import cells as cell
from detectors.shares.unrest import Hours

START = int((streams.START - pd.Timestamp(0)) // pd.Timedelta(hours=1))  # hours since 1970
REFERENCE = streams.REFERENCE_HOURS
FEATURES = 50  # that are drawn together; a model of 1000 is 20 such groups


class Months:
    """Fifty features of one seed: ``reference`` as the service keeps it, ``cells`` that may trigger, and the traffic
    ``after`` it as a stretch. ``rows`` an hour; ``shift`` float64 [hours] is added to every feature, in sd."""

    def __init__(self, random: np.random.Generator, base: str, rows: int, shift: np.ndarray) -> None:
        self.rows, hours = rows, REFERENCE + len(shift)
        level = streams.levels(random, base, FEATURES, hours)
        scale = np.sqrt(1 + level[:REFERENCE].var(axis=0))
        cuts = level[:REFERENCE].mean(axis=0) + special.ndtri(cell.TRIGGER_LEVELS)[:, None] * scale
        level[REFERENCE:] += shift[:, None]
        below = special.ndtr(cuts.T - level[:, :, None])
        shares = np.diff(below, axis=-1, prepend=0.0, append=1.0)
        counts = random.multinomial(rows, shares / shares.sum(axis=-1, keepdims=True))
        names = [f"feature.f{place:02}" for place in range(FEATURES)]
        columns = (
            NumericColumn(name, cuts[:, place], cell.TRIGGER_LEVELS, -9.0, 9.0) for place, name in enumerate(names)
        )
        self.binning = Binning(tuple(columns), ScoreLayout("binary"))
        self.cells = cell.trigger_cuts(self.binning, names)
        extras = np.zeros((*counts.shape[:2], len(NUMERIC_EXTRAS)), dtype=counts.dtype)
        flat = np.concatenate([counts, extras], axis=-1).reshape(hours, -1)
        stack = np.concatenate([np.full((hours, 1), rows), flat], axis=1)
        self.reference = _profile(stack[:REFERENCE])
        self.after = Hours(START, *self.cells.count(stack[REFERENCE:]))

    def in_parts(self, columns: int) -> Iterator[Months]:
        """So many of the features at a time: what a processor's cache holds."""
        for first in range(0, FEATURES, columns):
            chosen = slice(first, first + columns)
            part = copy(self)
            part.cells = self.cells.part(chosen)
            mine = (self.cells.owner >= first) & (self.cells.owner < first + columns)
            part.after = Hours(self.after.start, self.after.inside[:, mine], self.after.rows[:, chosen])
            yield part


def _profile(counts: np.ndarray) -> ReferenceProfile:
    return ReferenceProfile(
        hours=np.arange(START - len(counts), START),
        counts=counts,
        moments=np.zeros((FEATURES, 2)),
        extremes=np.zeros((FEATURES, 2)),
        label_hours=None,
        label_counts=np.empty((0, 0), np.int64),
        label_sums=np.empty((0, 0)),
    )
