"""A feature that is not sent any more, and one that came in its place with like values. Words for people, no verdict.

Told by two things together: the hour, and the values. The new feature's values are counted on the old one's cuts, and
their shares set beside what the reference has at these hours of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn, Column, EmbeddingColumn, NumericColumn, ScoreLayout
from detectors.measurement import Measurement
from detectors.profile import Reference
from detectors.quality.arrivals import Arrival, Seen
from detectors.shares import cells
from detectors.summary import HourlySummaries

Array = NDArray[np.float64]

GONE = 0.95  # of an hour's rows without it: all but not sent
_NEAR = 1  # hours with rows between the last of the one and the first of the other: either may be mixed
_CLOSE = 0.1  # distance that a feature may have from its own reference without being another
_VAGUE = 0.2  # where chance alone may take the distance so far, nothing is told
_SMIRNOV = 1.36  # of two samples' largest distance at 0.05, in sqrt(1/n + 1/m) (Smirnov 1948)
_CLEARLY = 0.05  # nearer than another: then it is the better one, whatever it is called
_NAMED, _NAMED_ALIKE = 0.2, 0.6  # by so much, and at least so much, a name is more alike than others
MOST_NAMED = 3
DAY = 24


@dataclass(frozen=True)
class Gone:
    """A feature that is (all but) not sent any more: ``place`` in ``hours`` int64 [T], those with rows, of the first
    hour without it; 0 where none of them has it."""

    name: str
    hours: NDArray[np.int64]
    place: int

    def meets(self, arrival: Arrival) -> bool:
        """Whether a feature came when this one went."""
        if self.place == 0 or arrival.came is None:
            return False
        return abs(int(np.searchsorted(self.hours, arrival.hours[arrival.came])) - self.place) <= _NEAR


def gone(seen: Seen, name: str) -> Gone | None:
    """Since when a column is not sent, up to the last hour known; None where it is."""
    there = np.flatnonzero(seen.without(name) < GONE * seen.rows)
    if len(seen.hours) == 0 or (len(there) and there[-1] == len(seen.hours) - 1):
        return None
    return Gone(name, seen.hours, int(there[-1]) + 1 if len(there) else 0)


def on_cuts_of(column: Column) -> Binning:
    """Cuts that hold this column alone: what another feature's values are counted on."""
    return Binning((column,), ScoreLayout("regression"))


def can_be_told(column: Column) -> bool:
    """Whether a column has shares that another may be like."""
    if isinstance(column, EmbeddingColumn):
        return False
    return len(column.levels) > 0 if isinstance(column, CategoricalColumn) else len(column.cuts) > 0


@dataclass(frozen=True)
class Pair:
    """A feature that is gone and one that came when it went, with the values of that one on this one's cuts
    (``hourly``, on ``on_cuts_of``)."""

    old: Gone
    new: Arrival
    hourly: HourlySummaries

    @cached_property
    def alike(self) -> float:
        """How alike the names are."""
        return alike(self.old.name, self.new.name)

    def fit(self, binning: Binning, reference: Reference) -> Fit | None:
        """How far the new one's values are from the old one's reference, in shares of rows: numbers by the largest
        distance of shares below a cut, categories by half the sum of differences. None where they do not fit, or
        where rows are too few to say."""
        column = binning.by_name[self.old.name]
        single = on_cuts_of(column)
        make = cells.every_cut if isinstance(column, NumericColumn) else cells.named_or_not
        found = make(single, [self.old.name])
        now, n = found.count(self.hourly.counts)
        then, m, sent = _at_these_hours(binning, self.old.name, reference, found, self.hourly.hours, n[:, 0])
        rows, of = float(n.sum()), float(self.hourly.counts[:, 0].sum())
        if rows == 0 or m == 0:
            return None
        noise = float(np.sqrt(1 / rows + 1 / m))
        change = now.sum(axis=0) / rows - then
        if isinstance(column, NumericColumn):
            distance, chance = float(np.abs(change).max()), _SMIRNOV * noise
        else:
            errors = noise * np.sqrt(then * (1 - then))
            distance, chance = float(np.abs(change).sum() / 2), float(errors.sum() / 2 + 2 * errors.max())
        missing = abs(rows / of - sent) - _SMIRNOV * noise
        if chance > _VAGUE or max(distance - chance, missing) > _CLOSE:
            return None
        return Fit(self, distance, chance)


@dataclass(frozen=True)
class Fit:
    """A pair that may be one feature: its ``distance``, and how much of it ``chance`` may take."""

    pair: Pair
    distance: float
    chance: float


def _at_these_hours(
    binning: Binning, name: str, reference: Reference, found: cells.Cells, hours: NDArray[np.int64], weights: Array
) -> tuple[Array, float, float]:
    """The reference's shares [B] at the hours of the day of ``hours``, in their ``weights`` [T]; of the whole where it
    has no times, or none of these. How many usable rows they are of; and the share of all rows that are usable."""
    start, size = binning.offsets[name], binning.by_name[name].size
    own = np.bincount(hours % DAY, weights, DAY)
    shares, rows, usable, total = [], 0.0, 0.0, 0.0
    for profile, weight in reference.parts:
        counts = np.concatenate([profile.counts[:, :1], profile.counts[:, start : start + size]], axis=1)
        then, m = found.count(counts.astype(np.int64))
        of_day = np.zeros(1, np.int64) if profile.hours is None else profile.hours % DAY
        by_day = np.zeros((DAY, then.shape[1])), np.zeros(DAY)
        np.add.at(by_day[0], of_day, then)
        np.add.at(by_day[1], of_day, m[:, 0])
        there = (own > 0) & (by_day[1] > 0)
        if profile.hours is None or own[there].sum() < own.sum():
            expected, count = then.sum(axis=0) / max(m.sum(), 1.0), float(m.sum())
        else:
            each = by_day[0][there] / by_day[1][there, None]
            expected, count = own[there] @ each / own.sum(), float(by_day[1][there].sum())
        shares.append(weight * expected)
        rows, usable, total = rows + count, usable + weight * m.sum(), total + weight * counts[:, 0].sum()
    return np.sum(shares, axis=0) / sum(weight for _, weight in reference.parts), rows, usable / max(total, 1.0)


def with_renames(
    found: Sequence[Measurement], pairs: Sequence[Pair], binning: Binning, reference: Reference
) -> list[Measurement]:
    """Measurements of data quality, with ``details.diagnosis`` and ``details.renamed_to`` where a feature that is not
    sent any more has, it seems, another name."""
    said = {name.removeprefix("feature."): ours for name, ours in chosen(pairs, binning, reference).items()}
    return [_told(one, said[one.feature]) if _is_missing(one, said) and one.feature else one for one in found]


def _is_missing(one: Measurement, said: Mapping[str, object]) -> bool:
    return one.metric == "missing_share" and one.feature in said and (one.effect_lower or 0) > 0


def _told(one: Measurement, pairs: Sequence[Pair]) -> Measurement:
    names = [pair.new.name for pair in pairs][:MOST_NAMED]
    details = {**one.details, "diagnosis": _words(names, pairs[0].new.since is not None), "renamed_to": names}
    return replace(one, details=details)


def _words(names: Sequence[str], at_once: bool) -> str:
    *first, last = names
    who = f"{', '.join(first)} and {last}" if first else last
    when = "at the same time" if at_once else "since then"
    return f"{who} came new {when} with like values: renamed{' to one of them' if first else ''}?"


def chosen(pairs: Sequence[Pair], binning: Binning, reference: Reference) -> dict[str, list[Pair]]:
    """Of each feature that is gone, those that it may be called now, the likeliest first: each is among the best for
    the other. Features with none are left out."""
    fits = [fit for pair in pairs if (fit := pair.fit(binning, reference)) is not None]
    for_old = _best(fits, lambda pair: pair.old.name)
    for_new = _best(fits, lambda pair: pair.new.name)
    both = {
        name: [pair for pair in ours if any(pair is one for one in for_new[pair.new.name])]
        for name, ours in for_old.items()
    }
    return {name: ours for name, ours in both.items() if ours}


def _best(fits: Sequence[Fit], key: Callable[[Pair], str]) -> dict[str, list[Pair]]:
    """By name, the pair that is clearly nearest, else clearly named most alike; where none is, all that are near."""
    groups: dict[str, list[Fit]] = {}
    for one in fits:
        groups.setdefault(key(one.pair), []).append(one)
    return {name: _near(group) for name, group in groups.items()}


def _near(group: Sequence[Fit]) -> list[Pair]:
    least = min(one.distance for one in group)
    near = [one.pair for one in group if one.distance <= least + max(_CLEARLY, one.chance / 2)]
    near.sort(key=lambda pair: (-pair.alike, pair.new.name))
    if len(near) > 1 and near[0].alike >= max(_NAMED_ALIKE, near[1].alike + _NAMED):
        return near[:1]
    return near


def alike(old: str, new: str) -> float:
    """How alike two names are, 0 to 1: letters and digits alone, whatever their case."""
    first, second = ("".join(filter(str.isalnum, name.removeprefix("feature.").casefold())) for name in (old, new))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
