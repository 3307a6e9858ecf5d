"""Who is told what: the changes of one model's run become messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.message import MESSAGE_TYPES, Message, body, entry
from alerting.words import rank


@dataclass(frozen=True, slots=True)
class Change:
    """One transition with what is needed to tell it. ``told``: its alert's firing had already been sent to somebody."""

    kind: str
    alert: Mapping[str, Any]
    notify: tuple[str, ...]
    readings: Sequence[Mapping[str, Any]] = ()
    total: int = 0
    reason: str = ""
    told: bool = False
    silenced: bool = False
    triggered: str | None = None


def is_told(change: Change) -> bool:
    """Whether anybody hears of a change: not while silenced, and a resolve only of an alert that was told."""
    if change.silenced or change.kind not in MESSAGE_TYPES or not change.notify:
        return False
    return change.told or change.kind != "resolved"


def plan(
    changes: Sequence[Change],
    *,
    model: str,
    at: int,
    public_url: str,
    one_by_one: Mapping[str, bool],
    model_lane: str,
) -> list[Message]:
    """Messages for the changes of one run, in order. ``one_by_one`` says by channel name whether each transition is a
    message of its own; else the channel gets one message that lists them all. Channels it does not name are left out.
    ``model_lane`` keeps the messages about one model in order where they are lists; an alert's id does otherwise.
    """
    heard = [change for change in changes if is_told(change)]
    names = dict.fromkeys(name for change in heard for name in change.notify if name in one_by_one)
    messages: list[Message] = []
    for name in names:
        mine = [change for change in heard if name in change.notify]
        for group in [[change] for change in mine] if one_by_one[name] else [sorted(mine, key=_badness)]:
            ids = tuple(dict.fromkeys(str(change.alert["id"]) for change in group))
            lane = f"{name}|{ids[0] if one_by_one[name] else model_lane}"
            entries = [_entry(change, public_url) for change in group]
            messages.append(Message("channel", name, lane, body(model, at, entries), ids))
    return messages


def _badness(change: Change) -> tuple[bool, int]:
    """Critical ones first, what is over last; otherwise in the order of the run."""
    return (change.kind == "resolved", -rank(change.alert["severity"]))


def _entry(change: Change, public_url: str) -> dict[str, Any]:
    return entry(
        MESSAGE_TYPES[change.kind],
        change.alert,
        change.readings,
        public_url=public_url,
        reason=change.reason,
        total=change.total,
        triggered=change.triggered,
    )
