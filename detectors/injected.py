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


def changed_values(values: pa.Array, injection: Injection, rng: np.random.Generator) -> pa.Array:
    """The values [n] of the feature (float64 or string) as they would have come. Which rows are struck is ``rng``'s."""
    if injection.kind == "missing":
        gone = pa.array(rng.random(len(values)) < injection.size)
        return pc.if_else(gone, pa.scalar(None, values.type), values)
    if pa.types.is_floating(values.type):
        if injection.kind == "unit_change":
            return pc.multiply(values, injection.size)
        spread = pc.stddev(values).as_py() or 1.0
        return pc.add(values, injection.size * spread)
    struck = pa.array(rng.random(len(values)) < min(1.0, injection.size * _OF_ROWS))
    counted = sorted(pc.value_counts(values.drop_null()).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    if not counted:
        return values
    return pc.if_else(pc.and_(struck, values.is_valid()), pa.scalar(counted[-1]["values"], values.type), values)


def changed_labels(values: pa.Array, injection: Injection, rng: np.random.Generator) -> pa.Array:
    """Labels [n] (texts, or float64) of which a share is another: a class's another class that there is; numbers all
    rise, by half a standard deviation at 0.15, and in proportion."""
    if pa.types.is_floating(values.type):
        return pc.add(values, injection.size * _RISE * (pc.stddev(values).as_py() or 1.0))
    classes = sorted(one for one in pc.unique(values).to_pylist() if one is not None)
    if len(classes) < 2:
        return values
    place = pc.index_in(values, value_set=pa.array(classes, values.type))
    step = rng.integers(1, len(classes), len(values))
    other = (place.fill_null(0).to_numpy(zero_copy_only=False) + step) % len(classes)
    struck = pa.array(rng.random(len(values)) < injection.size)
    return pc.if_else(pc.and_(struck, values.is_valid()), pa.array(classes, values.type).take(pa.array(other)), values)
