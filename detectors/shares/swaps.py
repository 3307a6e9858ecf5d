"""Two categorical columns that were swapped: each has the other's shares. Words for people, no verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.cuts import Binning, CategoricalColumn
from detectors.profile import Reference
from detectors.summary import WindowCounts

_CLOSE = 0.02  # agreement of a share with the other column's, beside the sampling error
_ERRORS = 4  # standard errors that chance may take
_VAGUE = 0.1  # of the rows: where chance may take more, nothing is told
_APART = 0.1  # that shares of the two columns differ by at least: else nothing could be told
_COMMON = 3  # categories that both have: two that agree may be chance
_COUNTS = 0.02  # share from which on a category is one of them
_KNOWN = 0.5  # of the rows of each, in categories that both have
_MOST_COLUMNS = 50  # that are compared with each other


@dataclass(frozen=True)
class _Shares:
    """Of one column: ``rows`` and shares by category, in the reference and ``now``; ``rare`` ones share no number."""

    column: CategoricalColumn
    rows: tuple[float, float]
    then: Mapping[str, float]
    now: Mapping[str, float]


def swapped_categories(
    names: Sequence[str], effects: Sequence[float], binning: Binning, current: WindowCounts, reference: Reference
) -> dict[str, str]:
    """Of categorical columns that moved by ``effects``, those that look swapped, by name, each with the other."""
    order = sorted(range(len(names)), key=lambda place: -effects[place])[:_MOST_COLUMNS]
    shares = {names[place]: _of(binning, names[place], current, reference) for place in order}
    size = dict(zip(names, effects, strict=True))
    found: dict[str, str] = {}
    known = list(shares)
    for place, one in enumerate(known):
        for other in known[place + 1 :]:
            large = min(size[one], size[other]) >= 0.5
            if one not in found and other not in found and _swapped(shares[one], shares[other], large=large):
                found |= {one: other, other: one}
    return found


def _of(binning: Binning, name: str, current: WindowCounts, reference: Reference) -> _Shares:
    column = binning.by_name[name]
    if not isinstance(column, CategoricalColumn):
        raise TypeError(f"{name} is not categorical")
    cells = binning.named_or_not(name)
    then, now = (np.asarray(counts[cells], dtype=np.float64) for counts in (reference.total, current.counts))
    rows = max(float(then.sum()), 1.0), max(float(now.sum()), 1.0)
    shares = (dict(zip(column.levels, part.tolist(), strict=False)) for part in (then / rows[0], now / rows[1]))
    return _Shares(column, rows, *shares)


def _swapped(one: _Shares, other: _Shares, *, large: bool) -> bool:
    common = one.then.keys() & other.then.keys()
    if not common or min(sum(each.then[level] for level in common) for each in (one, other)) < _KNOWN:
        return False
    if max(abs(one.then[level] - other.then[level]) for level in common) < _APART:
        return False
    if sum(max(one.then[level], other.then[level]) >= _COUNTS for level in common) < _COMMON and not large:
        return False
    return _fits(one, other) and _fits(other, one)


def _fits(now: _Shares, then: _Shares) -> bool:
    """Whether the one column's window has the shares of the other's reference, as far as its categories are counted
    apart; all others together are what remains."""
    levels = [level for level in now.column.levels if level not in then.column.rare]
    seen = np.array([now.now[level] for level in levels])
    expected = np.array([then.then.get(level, 0.0) for level in levels])
    seen, expected = (np.append(part, 1 - part.sum()) for part in (seen, expected))
    noise = _ERRORS * np.sqrt(np.maximum(expected * (1 - expected), 0) * (1 / now.rows[1] + 1 / then.rows[0]))
    return bool(noise.max() <= _VAGUE and (np.abs(seen - expected) <= _CLOSE + noise).all())
