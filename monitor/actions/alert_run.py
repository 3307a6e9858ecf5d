"""One run of one model, as far as alerts are concerned, and what became of each rule in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from alerting.episode import AlertState, JudgedWindow, Transition
from alerting.inhibition import Broken
from alerting.muting import Silence
from alerting.registry import route_of
from alerting.routing import Route
from alerting.rules import Rule
from monitor.store.alerts import StateKey
from monitor.store.database import Connection

Settings = Mapping[str, Mapping[str, Any]]
Span = tuple[int, int, int]  # length in hours, start, end
Vanished = Mapping[tuple[str, Span, str | None], frozenset[str]]  # by check, window and segment: what has no rows


class KnownModel(Protocol):
    """What is needed of a model."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class AlertRun:
    """One run of one model. ``as_of`` is its own time, ``wall_now`` the clock's.

    ``replaced`` names the version that took over for every one that nobody serves any more. ``scheduled``: it was due.
    ``vanished``: what has no rows any more, where that is news.
    """

    connection: Connection
    model: KnownModel
    as_of: int
    wall_now: int
    public_url: str
    owner: str | None
    channels: Settings
    triggers: Settings
    deliver: bool
    silences: Sequence[Silence]
    importance: Mapping[str, float]
    replaced: Mapping[str, str] = field(default_factory=dict)
    scheduled: bool = False
    vanished: Vanished = field(default_factory=dict)

    @property
    def routes(self) -> dict[str, Route]:
        """What the plan has to know of every channel that can be sent to; none without delivery."""
        known = {name: route_of(raw) for name, raw in self.channels.items()} if self.deliver else {}
        return {name: route for name, route in known.items() if route is not None}


@dataclass(frozen=True, slots=True)
class Stepped:
    """One rule's state after the run, what changed, and the windows it was given; ``broken`` is what hides drift."""

    rule: Rule
    key: StateKey
    before: AlertState
    after: AlertState
    transitions: Sequence[Transition]
    windows: Sequence[JudgedWindow]
    broken: Sequence[Broken] = ()

    @property
    def alert_ids(self) -> list[str]:
        """Alerts whose episode took part, oldest first, each once."""
        episodes = [self.before.episode if self.windows or self.transitions else None]
        episodes += [one.episode for one in self.transitions]
        return list(dict.fromkeys(one.id for one in episodes if one is not None))
