"""Second moments of pairs of coded columns, within hours: what moves both columns from hour to hour is no part of them.

Levels that rise and fall with the day move the codes of many columns together, and a correlation of all rows with them.
Sums of squares and products around the means of each hour do not know it. Where hours hold too few rows, blocks of
6 hours, days or weeks stand for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.profile import ReferenceProfile

Array = NDArray[np.float64]

MOST = 0.999  # beyond it, Fisher's z tells no more
FEWEST_HOURS = 48  # with rows, below which an hour's unrest is anybody's guess
UNITS = (1, 6, 24, 168)  # hours
_LEAST_DEGREES = 0.5  # of a row: in blocks of two rows half of what there is to know goes into their means


@dataclass(frozen=True)
class Moments:
    """``rows``, ``degrees`` [..., P]; ``means`` of the codes [..., P, 2]; ``centred`` [..., P, 3]: sums of squares of
    the first and second column and of their products around the means."""

    rows: Array
    degrees: Array
    means: Array
    centred: Array

    @classmethod
    def of(cls, products: NDArray[Any]) -> Moments:
        """From sums of codes [..., P, 6], see ``detectors.pairs.counting``."""
        rows, sums, raw = products[..., 0].astype(np.float64), products[..., 1:3], products[..., 3:6]
        safe = np.maximum(rows, 1)[..., None]
        ends = np.stack([sums[..., 0], sums[..., 1], sums[..., 0]], axis=-1).astype(np.float64)
        others = np.stack([sums[..., 0], sums[..., 1], sums[..., 1]], axis=-1)
        return cls(rows, np.maximum(rows - 1, 0), sums / safe, raw - ends * others / safe)

    def total(self) -> Moments:
        """The sums over hours, [P], around the means of each."""
        rows = self.rows.sum(axis=0)
        means = (self.means * self.rows[..., None]).sum(axis=0) / np.maximum(rows, 1)[:, None]
        return Moments(rows, self.degrees.sum(axis=0), means, self.centred.sum(axis=0))

    @property
    def varies(self) -> NDArray[np.bool_]:
        """Where both columns vary, [P]."""
        found: NDArray[np.bool_] = (self.centred[..., 0] > 0) & (self.centred[..., 1] > 0)
        return found

    @property
    def correlation(self) -> Array:
        """Rank correlations, 0 where a column does not vary, kept inside -0.999 and 0.999, [P]."""
        scale = np.sqrt(self.centred[..., 0] * self.centred[..., 1])
        found = np.divide(self.centred[..., 2], scale, out=np.zeros_like(scale), where=scale > 0)
        return np.clip(found, -MOST, MOST)


def blocks(hours: NDArray[np.int64], products: NDArray[Any], unit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The last hour of each block of ``unit`` hours that has any, [K], and the sums of its hours, [K, P, 6]; hours
    increasing [T], products [T, P, 6]."""
    if unit == 1 or len(hours) == 0:
        return hours, products.astype(np.int64)
    starts = np.flatnonzero(np.diff(hours // unit, prepend=hours[0] // unit - 1))
    ends = np.append(starts[1:], len(hours)) - 1
    return hours[ends], np.add.reduceat(products.astype(np.int64), starts, axis=0)


def together(products: NDArray[Any]) -> Moments:
    """Of all rows of the hours, around the means of all; products [T, P, 6]."""
    return Moments.of(products.sum(axis=0, dtype=np.int64))


def unit_of(profile: ReferenceProfile, chosen: NDArray[np.int64]) -> int | None:
    """The shortest blocks that hold rows enough for their own means; None for a reference without times, or with few
    hours or rows."""
    if profile.hours is None or len(profile.hours) < FEWEST_HOURS:
        return None
    for unit in UNITS:
        rows = blocks(profile.hours, profile.products[:, chosen], unit)[1][..., 0]
        if np.maximum(rows - 1, 0).sum() >= _LEAST_DEGREES * rows.sum() > 0:
            return unit
    return None


def mixed(parts: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """Of rows of several references in these shares (summing to 1). Degrees are those with the sampling variance of the
    weighted mean; references whose means differ are correlated by that, too."""
    if len(parts) == 1:
        return parts[0]
    share = np.array(weights)[:, None]
    rows = np.stack([part.rows for part in parts])
    degrees = 1 / (share**2 / np.maximum([part.degrees for part in parts], 1)).sum(axis=0)
    each = np.stack([part.centred / np.maximum(part.degrees, 1)[:, None] for part in parts])
    means = np.stack([part.means for part in parts])
    mean = (means * share[..., None]).sum(axis=0)
    apart = means - mean
    between = np.stack([apart[..., 0] ** 2, apart[..., 1] ** 2, apart[..., 0] * apart[..., 1]], axis=-1)
    covariance = ((each + between) * share[..., None]).sum(axis=0)
    return Moments(rows.sum(axis=0), degrees, mean, covariance * degrees[:, None])


def influence(hours: Moments, total: Moments) -> Array:
    """What each hour adds to the correlation, [T, P]: summed and divided by degrees, a window's is about the change of
    its correlation (the influence function of Devlin, Gnanadesikan and Kettenring 1975)."""
    correlation = total.correlation
    scale = total.centred / np.maximum(total.degrees, 1)[:, None]
    first, second = np.maximum(scale[:, 0], 1e-12), np.maximum(scale[:, 1], 1e-12)
    both = hours.centred[..., 2] / np.sqrt(first * second)
    found: Array = both - correlation / 2 * (hours.centred[..., 0] / first + hours.centred[..., 1] / second)
    return found


def one_row(correlation: Array) -> Array:
    """Variance of a rank correlation times its degrees, [P] (Bonett and Wright 2000)."""
    found: Array = (1 - correlation**2) ** 2 * (1 + correlation**2 / 2)
    return found
