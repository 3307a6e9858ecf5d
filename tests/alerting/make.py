"""Readings for tests, as a run would make them."""

from __future__ import annotations

from typing import Any

from alerting.episode import JudgedWindow
from alerting.reading import Reading
from alerting.words import HOUR

MIDNIGHT = 16_000 * 24 * HOUR


def reading(verdict: str | None = "ok", feature: str | None = "temp", **given: Any) -> Reading:
    """A reading of a 24 h window that ends at MIDNIGHT, changed as told."""
    length = given.pop("length", 24)
    end = given.pop("end", MIDNIGHT)
    values: dict[str, Any] = {
        "check": "data_drift",
        "kind": "data_drift",
        "metric": "ks",
        "segment": None,
        "version": None,
        "start": end - length * HOUR,
        "end": end,
        "as_of": end + 300_000_000,
        "revision": 1,
        "value": 0.12,
        "lower": 0.09,
        "upper": 0.15,
        "p_value": {"ok": 0.5, "warning": 1e-6, "critical": 1e-9}.get(str(verdict)),
        "threshold": 0.02,
        "alpha": 1e-4,
        "reason": "too_few_rows" if verdict == "cannot_tell" else None,
        "n_reference": 1000,
        "n_current": 400,
        "mde": 0.05,
        "reference_name": "spring",
        "reference_version": 1,
        "details": {},
    }
    summary = {"summary": f"{feature}: {verdict}"}
    details = {**summary, **given.pop("details", {})}
    return Reading(feature=feature, verdict=verdict, **{**values, "details": details, **given})  # type: ignore[arg-type]


def window(*verdicts: str, end: int = MIDNIGHT, length: int = 24, **given: Any) -> JudgedWindow:
    """A window with one feature per verdict: f0, f1 and so on."""
    found = [reading(verdict, f"f{i}", end=end, length=length, **given) for i, verdict in enumerate(verdicts)]
    return JudgedWindow(length, end - length * HOUR, end, tuple(found))
