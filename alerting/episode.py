"""What is remembered between windows: the open episode of one rule, version and segment, and its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from alerting.reading import Reading, Series
from alerting.words import Condition, Severity

EpisodeState = Literal["pending", "firing", "resolved"]
TransitionKind = Literal[
    "pending", "firing", "raised", "reminder", "resolved", "not_confirmed", "no_data", "data_back", "error"
]

NOT_CONFIRMED = "not_confirmed"
RECOVERED = "recovered"
MANUAL = "manual"
RULE_REMOVED = "rule_removed"
SUPERSEDED = "superseded"
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Count:
    """Of one window length within an episode. ``seen`` says that it was at severity in this episode."""

    at_severity: int = 0
    clean: int = 0
    seen: bool = False
    condition: Condition = "ok"


@dataclass(frozen=True, slots=True)
class Episode:
    """From pending to resolved. ``told``: somebody was sent its firing. Times are those of the runs (as_of)."""

    id: str
    state: EpisodeState
    severity: Severity
    started_at: int
    fired_at: int | None = None
    notified_at: int | None = None
    resolved_at: int | None = None
    resolve_reason: str | None = None
    told: bool = False
    acknowledged: bool = False
    condition: Condition = "ok"
    series: frozenset[Series] = frozenset()


@dataclass(frozen=True, slots=True)
class AlertState:
    """The open episode, if any, and its counts by window length in hours."""

    episode: Episode | None = None
    counts: Mapping[int, Count] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON values."""
        if self.episode is None:
            return {}
        ordered = sorted(self.episode.series, key=lambda series: (series[0], series[1] or ""))
        episode = asdict(replace(self.episode, series=frozenset())) | {"series": [list(series) for series in ordered]}
        return {"episode": episode, "counts": {str(length): asdict(count) for length, count in self.counts.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AlertState:
        """The inverse of ``to_dict``."""
        if not data.get("episode"):
            return cls()
        series = frozenset((metric, feature) for metric, feature in data["episode"]["series"])
        episode = Episode(**{**data["episode"], "series": series})
        return cls(episode, {int(length): Count(**count) for length, count in data["counts"].items()})


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """The judged readings of one rule, version and segment in one window; none at all means that data is missing."""

    length_hours: int
    start: int
    end: int
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of an alert's timeline: what changed, why in words, and the evidence, worst first.

    ``episode`` is the episode after it; ``total`` counts the series at severity, of which ``readings`` may hold fewer.
    """

    kind: TransitionKind
    at: int
    reason: str
    episode: Episode
    window: JudgedWindow | None = None
    readings: tuple[Reading, ...] = ()
    total: int = 0

    @property
    def severity(self) -> Severity:
        """The episode's severity after the transition."""
        return self.episode.severity
