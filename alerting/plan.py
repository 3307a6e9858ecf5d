"""Who is told what: the changes of one model's run become messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.message import MESSAGE_TYPES, Message, body, entry
from alerting.routing import Route
from alerting.words import rank

Roots = Mapping[tuple[str, str], int]


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
    """Whether anybody hears of a change: not while silenced, but of the end of what was told, and of no other end."""
    if (change.silenced and change.kind != "resolved") or change.kind not in MESSAGE_TYPES or not change.notify:
        return False
    return change.told or change.kind != "resolved"


def plan(
    changes: Sequence[Change],
    *,
    model: str,
    at: int,
    public_url: str,
    routes: Mapping[str, Route],
    model_lane: str,
    now: int = 0,
    roots: Roots | None = None,
) -> list[Message]:
    """Messages for the changes of one run, in order. Channels that ``routes`` does not name are left out; one with
    ``one_by_one`` gets each transition by itself, any other one message that lists them all.

    ``model_lane`` keeps the messages about one model in order where they are lists; an alert's id does otherwise.
    ``roots`` gives by channel and alert the message that first told of it, which later ones answer. ``now`` is wall
    time, by which quiet hours go.
    """
    heard = [change for change in changes if is_told(change)]
    names = dict.fromkeys(name for change in heard for name in change.notify if name in routes)
    messages: list[Message] = []
    for name in names:
        route = routes[name]
        mine = [change for change in heard if name in change.notify]
        for group, root in _groups(mine, name, route, roots or {}):
            ids = tuple(dict.fromkeys(str(change.alert["id"]) for change in group))
            lane = f"{name}|{ids[0] if route.one_by_one else model_lane}"
            told = body(model, at, [_entry(change, public_url) for change in group])
            later = route.not_before([str(change.alert["severity"]) for change in group], now)
            messages.append(Message("channel", name, lane, told, ids, thread_of=root, not_before=later))
    return messages


def _groups(mine: Sequence[Change], name: str, route: Route, roots: Roots) -> list[tuple[Sequence[Change], int | None]]:
    """What goes into one message, each with the message that it answers."""

    def root(change: Change) -> int | None:
        return None if route.threading == "none" else roots.get((name, str(change.alert["id"])))

    if route.one_by_one:
        return [([change], root(change)) for change in mine]
    ordered = sorted(mine, key=_badness)
    if route.threading == "split":
        keys = dict.fromkeys(map(root, ordered))
        return [([change for change in ordered if root(change) == key], key) for key in keys]
    found = [root(change) for change in ordered]
    return [(ordered, None if None in found else found[0])]


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
        raised=True if change.kind == "raised" else None,
    )
