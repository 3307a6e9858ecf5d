"""From a measurement and its bounds to a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from alerting.bounds import Bounds
from alerting.words import Verdict

NOT_MEASURED = "not_measured"
RESTLESS_REFERENCE = "restless_reference"
ENOUGH_ROWS = 25  # times the square of a change of their share: independent rows tell it by five standard deviations


class Measured(Protocol):
    """What a detector measured; any object with these attributes will do."""

    @property
    def metric(self) -> str: ...
    @property
    def feature(self) -> str | None: ...
    @property
    def value(self) -> float | None: ...
    @property
    def lower(self) -> float | None: ...
    @property
    def upper(self) -> float | None: ...
    @property
    def p_value(self) -> float | None: ...
    @property
    def effect(self) -> float | None: ...
    @property
    def effect_lower(self) -> float | None: ...
    @property
    def effect_upper(self) -> float | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def n_reference(self) -> int: ...
    @property
    def n_current(self) -> int: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what it was judged by; ``verdict`` is None where there is nothing to judge by."""

    verdict: Verdict | None
    reason: str | None = None
    threshold: float | None = None
    critical: float | None = None


def judge(measured: Measured, bounds: Bounds | None) -> Judged:
    """The verdict on one measurement. What could not be measured is ``cannot_tell`` with its reason."""
    if bounds is None:
        return Judged(None, measured.reason)
    if measured.reason is not None:
        return Judged("cannot_tell", measured.reason, bounds.warning, bounds.critical)
    verdict = _ratio(measured, bounds) if bounds.quantity == "ratio" else _one_sided(measured, bounds)
    if verdict == "ok" and _is_blind(measured, bounds):
        return Judged("cannot_tell", RESTLESS_REFERENCE, bounds.warning, bounds.critical)
    reason = NOT_MEASURED if verdict == "cannot_tell" else None
    return Judged(verdict, reason, bounds.warning, bounds.critical)


def _is_blind(measured: Measured, bounds: Bounds) -> bool:
    """Whether much seems to have moved, of rows enough to tell, and the reference differs so much by itself that it may
    be nothing or all."""
    effect, limits = measured.effect, (measured.effect_lower, measured.effect_upper)
    if bounds.blind is None or bounds.critical is None or effect is None or limits[1] is None:
        return False
    by_rows = min(measured.n_current, measured.n_reference) * effect**2 >= ENOUGH_ROWS
    return effect > bounds.critical and by_rows and (limits[0] or 0) <= 0 and limits[1] >= bounds.blind


def _one_sided(measured: Measured, bounds: Bounds) -> Verdict:
    number: float | None = getattr(measured, "value" if bounds.quantity == "floor" else bounds.quantity)
    if number is None or number != number:
        return "cannot_tell"
    if bounds.quantity == "p_value":
        return "warning" if number <= bounds.warning else "ok"
    if bounds.sure is not None and not (measured.lower is not None and measured.lower > bounds.sure):
        return "ok"
    sign = -1 if bounds.quantity == "floor" else 1
    if bounds.critical is not None and sign * number > sign * bounds.critical:
        return "critical"
    return "warning" if sign * number > sign * bounds.warning else "ok"


def _ratio(measured: Measured, bounds: Bounds) -> Verdict:
    if measured.value == 0:
        return "critical"
    if measured.effect_lower is None or measured.effect_upper is None:
        return "cannot_tell"
    too_low = bounds.below is not None and measured.effect_upper < bounds.below
    return "warning" if too_low or measured.effect_lower > bounds.warning else "ok"
