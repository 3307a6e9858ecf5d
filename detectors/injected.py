"""Drift of a known kind and size put into rows: what a rule would have to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["shift", "unit_change", "missing", "concept"]

# The size that is put in unless another is asked for, and what it is of.
SIZES: Mapping[Kind, tuple[float, str]] = {
    "shift": (0.5, "standard deviations that a number moves; a category takes a fifth of it of all rows"),
    "unit_change": (100.0, "times what a number was"),
    "missing": (0.1, "of the values are gone"),
    "concept": (0.15, "of the labels turn out otherwise; numbers rise by 10/3 times so many standard deviations"),
}
SHARES = ("missing", "concept")  # sizes of these are shares of rows
_RISE = 0.5 / 0.15  # standard deviations that a label that is a number rises, of a concept of size 1
_OF_ROWS = 0.2  # a shift of one standard deviation as a share of rows of a category: the KS distance is .38


@dataclass(frozen=True)
class Injection:
    """``size`` in the unit of ``SIZES``; ``feature`` None for a concept, which is about labels."""

    kind: Kind
    size: float
    feature: str | None = None


def yardstick_of(values: pa.Array, least: int = 1) -> float | str | None:
    """What a shift of such values is measured by: a standard deviation of numbers, the rarest category; None where all
    are the same, or fewer than ``least`` are there."""
    if len(values) - values.null_count < least or pc.count_distinct(values).as_py() < 2:
        return None
    if pa.types.is_floating(values.type):
        return float(pc.stddev(values).as_py())
    counted = pc.value_counts(values.drop_null()).to_pylist()
    return str(min(counted, key=lambda one: (one["counts"], one["values"]))["values"])


def changed_values(
    values: pa.Array, injection: Injection, rng: np.random.Generator, yardstick: float | str | None = None
) -> pa.Array:
    """The values [n] of the feature (float64 or string) as they would have come. Which rows are struck is ``rng``'s.
    ``yardstick``: of a stretch before, so that a size means the same in this one; else of these."""
    if injection.kind == "missing":
        gone = pa.array(rng.random(len(values)) < injection.size)
        return pc.if_else(gone, pa.scalar(None, values.type), values)
    by = yardstick_of(values) if yardstick is None else yardstick
    if pa.types.is_floating(values.type):
        if injection.kind == "unit_change":
            return pc.multiply(values, injection.size)
        return pc.add(values, injection.size * float(by or 1.0))
    struck = pa.array(rng.random(len(values)) < min(1.0, injection.size * _OF_ROWS))
    return values if by is None else pc.if_else(pc.and_(struck, values.is_valid()), pa.scalar(by, values.type), values)


def changed_labels(
    values: pa.Array, injection: Injection, rng: np.random.Generator, yardstick: float | str | None = None
) -> pa.Array:
    """Labels [n] (texts, or float64) of which a share is another: a class's another class that there is; numbers all
    rise, by half a standard deviation at 0.15, and in proportion. ``yardstick`` as in ``changed_values``."""
    if pa.types.is_floating(values.type):
        by = yardstick_of(values) if yardstick is None else yardstick
        return pc.add(values, injection.size * _RISE * float(by or 1.0))
    classes = sorted(one for one in pc.unique(values).to_pylist() if one is not None)
    if len(classes) < 2:
        return values
    place = pc.index_in(values, value_set=pa.array(classes, values.type))
    step = rng.integers(1, len(classes), len(values))
    other = (place.fill_null(0).to_numpy(zero_copy_only=False) + step) % len(classes)
    struck = pa.array(rng.random(len(values)) < injection.size)
    return pc.if_else(pc.and_(struck, values.is_valid()), pa.array(classes, values.type).take(pa.array(other)), values)
