"""Neutral bodies for tests of channels and triggers."""

from __future__ import annotations

from typing import Any

from alerting.message import body, entry
from alerting.reading import to_json
from tests.alerting.make import MIDNIGHT, reading


def alert(**given: Any) -> dict[str, Any]:
    """A firing alert as the API shows it."""
    return {
        "id": "alert-1",
        "model": "flight-delays",
        "rule": "drift",
        "check": "data_drift",
        "version": None,
        "segment": None,
        "severity": "warning",
        "state": "firing",
        "condition": "ok",
        "started_at": "2013-07-01T00:05:00Z",
        "fired_at": "2013-07-01T04:05:00Z",
        "resolved_at": None,
        "resolve_reason": None,
        "acknowledged_at": None,
        "summary": "temp: 12 % of rows moved (between 9 and 15)",
        "owner": "#ml-flights",
        "reasons": ["temp: 12 % of rows moved (between 9 and 15)"],
        **given,
    }


def one(kind: str = "alert.firing", features: int = 1, total: int = 0, **given: Any) -> dict[str, Any]:
    """One entry with so many drifted features."""
    found = [
        reading("warning", f"f{i}", details={"summary": f"f{i}: 12 % of rows moved (between 9 and 15)"})
        for i in range(features)
    ]
    shown = [to_json(item) for item in found]
    more = {
        "reason": "the 24h window to 1 Jul 2013, 04:00 UTC at warning or worse, as the rule asks",
        "triggered": None,
    }
    triggered = {**more, **given}
    subject = triggered.pop("alert", alert())
    return entry(kind, subject, shown, public_url="http://plimsoll.test", total=total, **triggered)


def notice(*entries: dict[str, Any]) -> dict[str, Any]:
    """A body as it stands in the outbox."""
    return body("flight-delays", MIDNIGHT, entries or (one(),))
