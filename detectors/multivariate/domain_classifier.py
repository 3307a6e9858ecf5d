"""Can window and reference be told apart? A classifier tries; how well it does is the distance.

Boosted trees see what no test on single columns can: a correlation that changed while every column stayed as it was
(Lopez-Paz and Oquab 2017, classifier two-sample tests). Days wander, and a week can be told from others by that alone:
what counts is how much better it is told from the reference than the reference's own weeks are (``replay``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from numpy.typing import NDArray

from detectors.domain.cross_fit import FOLDS, LEAST_IN_HALF, Try, can_halve, cross_fit, placements
from detectors.embedding.components import components
from detectors.levels import dictionary
from detectors.measurement import NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.shares.bounds import POWER

if TYPE_CHECKING:
    from detectors.domain.replay import Replay

METRIC = "domain_classifier"
CHANCE = 0.5  # the area where both sides are alike
MOST_ROWS = 20_000  # of either side
LEAST_ROWS = 200
MOST_LEVELS = 200  # the trees take at most 255
TOLD = 5  # features named
DAY = 24

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Rows of one side, in order of time: ``columns`` pyarrow arrays (float64, string, or binary: vectors) [n] by
    feature, and ``blocks`` int64 [n]: rows of one block (a day) are never apart. ``hours`` int64 [n] since 1970, None
    where rows have no times."""

    columns: Mapping[str, Any]
    blocks: NDArray[np.int64]
    hours: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.blocks)


def time_blocks(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Blocks of rows by their hours, int64 [n]: days, or where they span fewer than four, quarters of that span."""
    if len(hours) == 0:
        return hours
    first = int(hours.min())
    span = int(hours.max()) - first + 1
    return (hours - first) // min(DAY, max(1, -(-span // 4)))


def measure_domain(
    features: Sequence[str], reference: Rows, current: Rows, replayed: Replay | None = None
) -> Measurement:
    """``domain_classifier``: area under the ROC curve of window against reference, less what it is above 1/2 where
    nothing changed; 1/2 where they are no farther apart than stretches of the reference are.

    Trees fitted on the earlier days of both sides are judged on the later ones, and the other way round;
    ``details.auc`` is the mean of both areas. ``replayed`` says what it is without drift (``details.replayed_auc``);
    the 95 % interval and ``p_value`` of H0: no drift (Student) have what the replay scatters, DeLong's (1988) error or
    what the two areas differ by, whichever is most; ``mde`` is the area that would have been told from chance. Without
    a replay (``details.replayed`` false) the area itself is the value, and days are the units of its interval.
    ``details.features``: what the area loses when one feature is shuffled, the most telling first. Vectors are their
    principal components, shuffled together. The same rows in the
    same order give the same numbers. Reasons: ``no_reference``, ``too_few_rows`` (under 200 on a side, or under 20
    in either half of its time).
    """
    sizes = len(reference), len(current)
    if sizes[0] == 0 or not features:
        return Measurement(METRIC, None, *sizes, reason=NO_REFERENCE)
    blocks = [side.blocks for side in (reference, current)]
    if min(sizes) < LEAST_ROWS:
        return Measurement(METRIC, None, *sizes, reason=TOO_FEW_ROWS, details={"needed": LEAST_ROWS})
    if not all(can_halve(side) for side in blocks):
        return Measurement(METRIC, None, *sizes, reason=TOO_FEW_ROWS, details={"needed_in_half": LEAST_IN_HALF})
    matrix, categorical, owner = matrix_of(features, reference, current)
    if matrix.shape[1] == 0:
        return Measurement(METRIC, None, *sizes, reason=NO_REFERENCE)
    tries = cross_fit(matrix, categorical, np.repeat([0, 1], sizes), blocks)
    telling = np.mean([one.losses(owner, len(features)) for one in tries], axis=0)
    order = np.argsort(-telling, kind="stable")[:TOLD]
    seen = _judged(tries, np.concatenate(blocks), current, replayed)
    quantile, power = (float(scipy.special.stdtrit(seen.degrees, level)) for level in (0.975, POWER))
    width = quantile * seen.error
    return Measurement(
        METRIC,
        seen.value,
        *sizes,
        lower=max(0.0, seen.value - width),
        upper=min(1.0, seen.value + width),
        p_value=float(scipy.special.stdtr(seen.degrees, (CHANCE - seen.value) / seen.error)),
        mde=min(1.0, CHANCE + width + power * seen.error),
        details={
            "auc": seen.area,
            **seen.details,
            "features": {features[place]: float(telling[place]) for place in order if telling[place] > 0},
            "blocks": [len(np.unique(side)) for side in blocks],
        },
    )


@dataclass(frozen=True)
class _Seen:
    """The ``area``, what of it counts (``value``), its standard error and Student's degrees of freedom."""

    area: float
    value: float
    error: float
    degrees: float
    details: Mapping[str, Any]


def _judged(tries: Sequence[Try], blocks: NDArray[np.int64], current: Rows, replayed: Replay | None) -> _Seen:
    area = float(np.mean([one.area for one in tries]))
    apart = float(np.std([one.area for one in tries], ddof=1)) / np.sqrt(FOLDS)
    chance = float(np.mean([np.sqrt(one.null_variance) for one in tries]))
    error = max(float(np.mean([one.error for one in tries])), apart, chance)  # the two areas are not independent
    if replayed is None or current.hours is None:
        by_day, degrees = _by_block(tries, blocks)
        return _Seen(area, area, max(error, by_day), degrees, {"replayed": False, "short_reference": True})
    null = replayed.null(np.unique(current.hours // DAY).astype(np.float64))
    details: dict[str, Any] = {
        "replayed": True,
        "replayed_auc": null.mean,
        "replayed_error": null.error,
        "replays": len(replayed.areas),
        **({"short_reference": True} if replayed.short else {}),
    }
    value = float(np.clip(CHANCE + area - null.mean, 0, 1))
    return _Seen(area, value, max(error, null.error), null.degrees, details)


def _by_block(tries: Sequence[Try], blocks: NDArray[np.int64]) -> tuple[float, float]:
    """The area's standard error where blocks of time are what was drawn, not rows (Obuchowski 1997), and its degrees of
    freedom."""
    sides: list[list[float]] = [[], []]
    for one in tries:
        above, below = placements(one.truth, one.score)
        for side, placed in enumerate((below, above)):
            of_side = np.unique(blocks[one.held][one.truth == side], return_inverse=True)[1]
            sides[side] += (np.bincount(of_side, weights=placed) / np.bincount(of_side)).tolist()
    error = np.sqrt(sum(np.var(side, ddof=1) / len(side) for side in sides))
    return float(error), float(min(map(len, sides)) - 1)


def matrix_of(
    features: Sequence[str], reference: Rows, current: Rows
) -> tuple[Array, NDArray[np.bool_], NDArray[np.int64]]:
    """float64 [rows of both, columns], NaN where there is no value; which columns are categories, and of which feature
    each is (a vector has several)."""
    columns: list[Array] = []
    categorical, owner = [], []
    for place, name in enumerate(features):
        found, are_codes = _columns(reference.columns[name], current.columns[name])
        columns.append(found)
        categorical += [are_codes] * found.shape[1]
        owner += [place] * found.shape[1]
    return np.concatenate(columns, axis=1), np.array(categorical, dtype=bool), np.array(owner, dtype=np.int64)


def _columns(reference: Any, current: Any) -> tuple[Array, bool]:
    """One feature as columns of numbers, and whether they are codes of categories."""
    if pa.types.is_binary(reference.type):
        then, now = components(reference, current)
        if now.shape[1] != then.shape[1]:  # no vector in the window
            now = np.full((len(now), then.shape[1]), np.nan)
        return np.concatenate([then, now]), False
    both = pa.chunked_array([reference, current]).combine_chunks()
    if pa.types.is_floating(both.type):
        return both.to_numpy(zero_copy_only=False)[:, None], False
    return _codes(both)[:, None], True


def _codes(values: Any) -> Array:
    """Categories by how common they are; the rare ones share a code, null is NaN."""
    codes, distinct = dictionary(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    order = np.lexsort((pc.fill_null(distinct, "").to_numpy(zero_copy_only=False).astype(str), -counts))
    rank = np.empty(len(distinct) + 1)
    rank[order] = np.minimum(np.arange(len(distinct)), MOST_LEVELS)
    rank[-1] = np.nan
    return rank[codes]
