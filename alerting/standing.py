"""A message rewritten: what was told of, as it stands now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.message import FIRING, MAX_READINGS, MESSAGE_TYPES, NO_DATA, REMINDER, RESOLVED
from alerting.words import rfc3339

# Entries of a timeline that bring evidence.
SHOWN_BY = ("firing", "raised", "joined", "uncovered", "reminder", "resolved")
LACKING = ("data_missing", "check_failing")  # of an alert that never fired
_OF_ALERTS = (FIRING, REMINDER, NO_DATA)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an alert was seen to be about when something was last told of it: by the run as of when, a message's type,
    its findings, worst first, of how many, and why."""

    at: int
    type: str
    readings: Sequence[Json]
    total: int
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert as it is now, as the API shows it; ``notes`` are lines about it, ``reason`` why it is over, ``evidence``
    its newest, ``triggered`` what was answered to the retraining that it asked for."""

    alert: Json
    notes: tuple[str, ...] = ()
    silenced: bool = False
    reason: str | None = None
    evidence: Evidence | None = None
    triggered: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a retraining that waited for somebody: ``approved``, ``denied`` or ``expired``, and in words."""

    kind: str
    words: str


def as_it_stands(told: Json, standings: Mapping[str, Standing], replies: Mapping[str, Reply]) -> dict[str, Any]:
    """The neutral body of a message, with each entry's alert as it is now; ``standings`` by alert, ``replies`` by
    retraining run. An alert that is not there any more, or none of them, stays as it was told."""
    now = [_now(_answered(one, replies), standings.get(str(one["alert"]["id"]))) for one in told["entries"]]
    seen = [standing.evidence.at for standing in standings.values() if standing.evidence is not None]
    newest = max((rfc3339(at) for at in seen), default="")
    return {**told, "timestamp": max(told["timestamp"], newest), "entries": now}


def shortened(told: Json, without: Collection[str]) -> dict[str, Any] | None:
    """The neutral body without the entries about these alerts, None where nothing is left."""
    entries = [one for one in told["entries"] if one["alert"]["id"] not in without]
    return {**told, "entries": entries} if entries else None


def asks(told: Json, run: str) -> bool:
    """Whether a message has buttons that answer for this retraining run."""
    return any(button["value"] == run for one in told["entries"] for button in one.get("buttons", ()))


def evidence_of(alert: Json, entries: Mapping[str, Json]) -> Evidence | None:
    """The newest evidence of an alert among the newest ``entries`` of its timeline, given by kind; what broken data
    hid when it was found is left out."""
    kinds = SHOWN_BY if alert["fired_at"] else (*LACKING, "resolved")
    found = [(entries[kind]["id"], kind) for kind in kinds if kind in entries and _visible(entries[kind])]
    if not found:
        return None
    kind = max(found)[1]
    entry = entries[kind]
    shown, details = _visible(entry), entry["details"] or {}
    told = MESSAGE_TYPES.get(kind, FIRING)
    total = max(int(details.get("told", details.get("series", 0))), len(shown))
    return Evidence(
        int(entry["at"]), FIRING if told == REMINDER else told, shown[:MAX_READINGS], total, str(entry["reason"])
    )


def _visible(entry: Json) -> list[Json]:
    hidden = {(metric, feature) for metric, feature in (entry["details"] or {}).get("hidden", ())}
    return [one for one in entry["readings"] if (one["metric"], one["feature"]) not in hidden]


def _answered(one: Json, replies: Mapping[str, Reply]) -> dict[str, Any]:
    """Without the buttons of retrainings that wait for nobody any more: what was answered stands in their place."""
    buttons = list(one.get("buttons", ()))
    reply = next((replies[button["value"]] for button in buttons if button["value"] in replies), None)
    if reply is None:
        return dict(one)
    left = [button for button in buttons if button["value"] not in replies]
    words = reply.words[:1].upper() + reply.words[1:]
    return {**one, "buttons": left, "type": f"retraining.{reply.kind}", "reason": words}


def _now(one: Json, standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return dict(one)
    after = {**one, "alert": dict(standing.alert), "notes": list(standing.notes), "silenced": standing.silenced}
    over = standing.alert["state"] == "resolved"
    if (over or one["type"] in _OF_ALERTS) and standing.evidence is not None:
        newest = standing.evidence
        after |= {"type": newest.type, "readings": list(newest.readings), "total": newest.total}
        after["reason"] = newest.reason
    if over:
        after |= {"type": RESOLVED, "reason": standing.reason or one["reason"]}
        if one["type"].startswith("retraining."):  # what it asked, or what was answered, holds all the same
            after["notes"] += [str(one["reason"])]
    if one.get("triggered") and standing.triggered is not None:
        after["triggered"] = standing.triggered
    return after
