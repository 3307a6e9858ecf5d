"""Detectors that look at labelled rows one after the other, in the order in which their labels became known.

Each is a function ``step(state, errors, usual) -> (state, measurement)``; the first state is ``START``. The errors of a
stream may come in any portions: the state after them is the same.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import normal_quantile, wilson
from detectors.measurement import Measurement

Array = NDArray[np.float64]

ONCE_IN_A_THOUSAND = float(normal_quantile(0.001))
NO_GUARANTEE = "no guarantee on false alarms"


@dataclass(frozen=True)
class Usual:
    """``share`` of wrong rows in the reference and what it may rise by (``tolerance``); ``bound``: how large the
    statistic of a detector with a guarantee must be for an alarm."""

    share: float
    tolerance: float
    bound: float

    @classmethod
    def of(cls, wrong: float, rows: float, tolerance: float, bound: float) -> Usual:
        """Of a reference with so many ``wrong`` among its labelled ``rows``. What it may rise by is no less than what
        the reference may be off by: a sum of evidence finds every error of one reference in the end, so that one with
        few rows would break the promise. Its upper limit (Wilson 1927) is exceeded once in 1,000 references."""
        _, highest = wilson(wrong, rows, ONCE_IN_A_THOUSAND)
        return cls(wrong / rows, max(tolerance, float(highest) - wrong / rows), bound)


@dataclass(frozen=True)
class State:
    """``rows`` seen; row numbers (from 0) of the ``alarms``; ``peak``: the largest statistic; ``inner``: what the
    detector itself keeps."""

    rows: int = 0
    alarms: tuple[int, ...] = ()
    peak: float = -np.inf
    inner: Any = None


START = State()
Step = Callable[[State, Array, Usual], tuple[State, Measurement]]


def has_river() -> bool:
    """Whether the extra ``river`` is installed."""
    return importlib.util.find_spec("river") is not None


def river_step(
    name: str, state: State, errors: Array, place: tuple[str, str], **given: Any
) -> tuple[State, Measurement]:
    """One of river's detectors with its own defaults: ``place`` is its module and class.

    Raises ImportError without the extra ``river``.
    """
    module, member = place
    detector = state.inner
    if detector is None:
        detector = getattr(importlib.import_module(module), member)(**given)
    alarms = list(state.alarms)
    # river's detectors take one value at a time.
    for number, error in enumerate(errors.tolist(), start=state.rows):
        detector.update(error)
        if detector.drift_detected:
            alarms.append(number)
    after = replace(state, rows=state.rows + len(errors), alarms=tuple(alarms), inner=detector)
    return after, report(name, after, float(len(alarms)), {"guarantee": NO_GUARANTEE})


def report(name: str, state: State, value: float, details: Mapping[str, Any]) -> Measurement:
    """The measurement of a stream so far; ``details.alarms`` and the row of the first."""
    first = state.alarms[0] if state.alarms else None
    more = {**details, "alarms": len(state.alarms), "first_alarm_row": first}
    return Measurement(name, value, 0, state.rows, details=more)
