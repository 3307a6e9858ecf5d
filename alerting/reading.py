"""One stored, judged number: what rules look at and what messages show as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from alerting.words import HOUR, Verdict, finite, rank, rfc3339

Series = tuple[str, str | None]
LONG = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """A measurement of one series in one window, with its verdict. Times are microseconds since 1970 UTC.

    ``version`` and ``segment`` are None for the whole; ``verdict`` is None where the number is shown and not judged.
    """

    check: str
    kind: str
    metric: str
    feature: str | None
    segment: str | None
    version: str | None
    start: int
    end: int
    as_of: int
    revision: int
    value: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    threshold: float | None
    alpha: float | None
    verdict: Verdict | None
    reason: str | None
    n_reference: int
    n_current: int
    mde: float | None
    reference_name: str | None
    reference_version: int | None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def series(self) -> Series:
        """What stays the same from window to window: the metric and the feature."""
        return (self.metric, self.feature)

    @property
    def length_hours(self) -> int:
        """The window's length in whole hours."""
        return (self.end - self.start) // HOUR

    @property
    def summary(self) -> str:
        """The sentence for people."""
        return str(self.details.get("summary") or f"{self.feature or self.metric}: {self.verdict}")


def to_json(reading: Reading) -> dict[str, Any]:
    """The reading as the API and the messages show it; NaN and infinities become null."""
    reference = None
    if reading.reference_name is not None:
        reference = {"name": reading.reference_name, "version": reading.reference_version}
    numbers = {name: finite(getattr(reading, name)) for name in _NUMBERS}
    return {
        "check": reading.check,
        "kind": reading.kind,
        "metric": reading.metric,
        "feature": reading.feature,
        "segment": reading.segment,
        "version": reading.version or None,
        "window": {"start": rfc3339(reading.start), "end": rfc3339(reading.end)},
        "as_of": rfc3339(reading.as_of),
        "revision": reading.revision,
        **numbers,
        "verdict": reading.verdict,
        "reason": reading.reason,
        "n_reference": reading.n_reference,
        "n_current": reading.n_current,
        "reference": reference,
        "details": finite(reading.details),
    }


def as_evidence(reading: Reading) -> dict[str, Any]:
    """The reading as alerts keep and send it: long lists in its details (cuts, categories) stay with the reading."""
    details = {name: value for name, value in reading.details.items() if not _is_long(value)}
    return to_json(replace(reading, details=details))


def _is_long(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and len(value) > LONG


def worst_first(readings: Iterable[Reading]) -> list[Reading]:
    """Readings by severity, then by how far they are beyond their bound, then by name."""
    return sorted(readings, key=_badness)


_NUMBERS = ("value", "lower", "upper", "p_value", "threshold", "alpha", "mde")


def _badness(reading: Reading) -> tuple[float, float, str, str, int]:
    size = reading.details.get("effect_lower")
    size = finite(reading.value if size is None else size)
    return (-rank(reading.verdict), -abs(size or 0.0), reading.feature or "", reading.metric, reading.end)
