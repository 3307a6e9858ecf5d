"""A neutral body in words, as every channel for people says it; each brings its own markup and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from alerting.message import FIRING, NO_DATA, REMINDER, RESOLVED, TEST
from alerting.words import WRITTEN, rank

Entry = Mapping[str, Any]

MAX_WORD = 220
MAX_LINES = 10
SIGNS: Mapping[str, str] = {"critical": "🔴", "warning": "🟠", "resolved": "🟢", "test": "🔔"}
COLOURS: Mapping[str, str] = {"critical": "#c22f2f", "warning": "#d97a00", "resolved": "#2f8f4e", "test": "#5b7083"}

VERBS: Mapping[str, str] = {
    FIRING: "is firing",
    RESOLVED: "is resolved",
    REMINDER: "is still firing",
    NO_DATA: "lacks data",
    TEST: "is a test message",
    "retraining.approval": "asks for a retraining that somebody has to approve",
    "retraining.approved": "asked for a retraining, which was approved",
    "retraining.denied": "asked for a retraining, which was denied",
    "retraining.expired": "asked for a retraining, which nobody approved in time",
    "retraining.recovered": "was helped by the retraining",
    "retraining.not_recovered": "was not helped by the retraining",
    "retraining.cancelled": "asked for a retraining, which was cancelled",
    "retraining.failed": "asked for a retraining, which failed",
    "retraining.stuck": "asked for a retraining, which is stuck",
    "retraining.refused": "asked for a retraining, which was refused",
    "retraining.unknown": "asked for a retraining, of which nothing is known",
}


def title(body: Mapping[str, Any]) -> str:
    """One line for a whole body: of one change what it is, of several how many of which."""
    entries, model = body["entries"], str(body["model"])
    (one, *others) = entries
    if others:
        return f"{model}: {len(entries)} changes ({_counted(entries)})"
    return f"{sign(one)} {model}: {one['alert']['rule']} {verb(one)}".strip()


def subject(body: Mapping[str, Any]) -> str:
    """``title`` without what a change does: the same for every message of a thread."""
    (one, *others) = body["entries"]
    return title(body) if others else f"{body['model']}: {about(one['alert'])}"


def verb(one: Entry) -> str:
    """What an entry says of its alert."""
    return VERBS.get(str(one["type"]), str(one["type"]))


def mood(one: Entry) -> str:
    """``critical``, ``warning``, ``resolved`` or ``test``: what colours and signs go by."""
    if one["type"] == TEST:
        return "test"
    return "resolved" if one["type"] in (RESOLVED, "retraining.recovered") else str(one["alert"]["severity"])


def worst_mood(body: Mapping[str, Any]) -> str:
    """The mood of a whole body."""
    return max((mood(one) for one in body["entries"]), key=rank)


def sign(one: Entry) -> str:
    """A coloured dot, or nothing."""
    return SIGNS.get(mood(one), "")


def about(alert: Mapping[str, Any]) -> str:
    """The rule, and the version and segment where it is about one."""
    scope = [f"version {alert['version']}"] if alert.get("version") else []
    scope += [str(alert["segment"])] if alert.get("segment") else []
    return " · ".join([str(alert["rule"]), *scope])


def status(one: Entry) -> str:
    """What became of the alert, how bad it is, since when."""
    alert = one["alert"]
    since = alert.get("fired_at") or alert.get("started_at")
    return f"{verb(one)} ({alert['severity']}, since {moment(since)})"


def reason(one: Entry) -> str:
    """Why, cut to what people read."""
    return cut(str(one["reason"]), 2 * MAX_WORD)


def evidence(one: Entry, most: int = MAX_LINES) -> tuple[list[str], int]:
    """The worst findings, each a line, and how many more there are."""
    readings = one["readings"][:most]
    lines = [cut(_sentence(reading), MAX_WORD) for reading in readings]
    return lines, max(0, int(one.get("total", 0)) - len(readings))


def remarks(one: Entry) -> list[str]:
    """What else is to be said: a retraining, who looks after it, until when it is silenced."""
    triggered = [f"Retraining: {one['triggered']}"] if one.get("triggered") else []
    return [cut(str(text), MAX_WORD) for text in [*triggered, *one.get("notes", ())]]


def footer(body: Mapping[str, Any]) -> str:
    """As of when, and whose the model is."""
    owner = body["entries"][0]["alert"].get("owner")
    of = [f"as of {moment(body['timestamp'])}"]
    return " · ".join(of + ([f"owner {cut(str(owner), MAX_WORD)}"] if owner else []))


def plain(body: Mapping[str, Any], most: int) -> str:
    """The whole body as plain text of at most ``most`` characters, whole lines only; links are spelled out."""
    parts = [line for one in body["entries"] for line in [*plain_entry(one), ""]]
    return whole_lines([*parts, footer(body)], most)


def plain_entry(one: Entry) -> list[str]:
    """One entry as lines of plain text, its link last."""
    lines, more = evidence(one)
    listed = [f"- {line}" for line in lines] + ([f"- and {more} more"] if more else [])
    head = f"{sign(one)} {cut(about(one['alert']), MAX_WORD)} {status(one)}".strip()
    return [head, reason(one), *listed, *remarks(one), str(one["links"]["alert"])]


def whole_lines(lines: Sequence[str], most: int) -> str:
    """The first lines that fit into so many characters, with an ellipsis where some do not."""
    held: list[str] = []
    room = most - 2
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*held, "…"])
        held.append(line)
    return "\n".join(held)


def moment(text: Any) -> str:
    """RFC 3339 as people read it."""
    return datetime.fromisoformat(str(text)).strftime(WRITTEN) if text else "now"


def cut(text: str, limit: int) -> str:
    """One line of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def told(body: Mapping[str, Any], most: int) -> tuple[list[Entry], int]:
    """The first entries, and how many are left out."""
    entries = list(body["entries"])
    return entries[:most], max(0, len(entries) - most)


def as_json(payload: Mapping[str, Any]) -> bytes:
    """A payload as it goes over the wire."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _counted(entries: Sequence[Entry]) -> str:
    words = [str(one["type"]).split(".")[-1] for one in entries]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def _sentence(reading: Mapping[str, Any]) -> str:
    words = reading["details"].get("summary") or f"{reading['feature'] or reading['metric']}: {reading['verdict']}"
    sure = reading.get("alpha")
    return str(words) if sure is None else f"{words}, α = {sure:.2g}"
