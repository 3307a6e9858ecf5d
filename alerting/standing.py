"""A message rewritten: what was told of, as it stands now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from alerting.message import RESOLVED


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert as it is now, as the API shows it; ``notes`` are lines about it, ``reason`` why it is over,
    ``buttons`` what can be done about it beside what a channel offers by itself."""

    alert: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    silenced: bool = False
    reason: str | None = None
    buttons: tuple[Mapping[str, Any], ...] = ()


def as_it_stands(told: Mapping[str, Any], standings: Mapping[str, Standing]) -> dict[str, Any]:
    """The neutral body of a message, with each entry's alert as it is now; ``standings`` by alert. An alert that is not
    there any more stays as it was told."""
    return {**told, "entries": [_now(one, standings.get(str(one["alert"]["id"]))) for one in told["entries"]]}


def shortened(told: Mapping[str, Any], without: Collection[str]) -> dict[str, Any] | None:
    """The neutral body without the entries about these alerts, None where nothing is left."""
    entries = [one for one in told["entries"] if one["alert"]["id"] not in without]
    return {**told, "entries": entries} if entries else None


def without_buttons(told: Mapping[str, Any], value: str, words: str) -> dict[str, Any] | None:
    """The neutral body without the given buttons of a value, and with what was answered in their place; None where it
    has none."""
    mine = [one for one in told["entries"] if any(button["value"] == value for button in one.get("buttons", ()))]
    if not mine:
        return None
    return {**told, "entries": [_answered(one, value, words) if one in mine else one for one in told["entries"]]}


def _answered(one: Mapping[str, Any], value: str, words: str) -> dict[str, Any]:
    left = [button for button in one["buttons"] if button["value"] != value]
    return {**one, "buttons": left, "notes": [*one.get("notes", ()), words[:1].upper() + words[1:]]}


def _now(one: Mapping[str, Any], standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return dict(one)
    over = standing.alert["state"] == "resolved"
    said = {"reason": standing.reason} if over and standing.reason else {}
    looks = {"notes": list(standing.notes), "silenced": standing.silenced, "buttons": list(standing.buttons)}
    state = {"type": RESOLVED if over else one["type"], "alert": dict(standing.alert)}
    return {**one, **state, **said, **looks}
