"""What is remembered between windows: the open episode of one rule, version and segment, and its counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from alerting.reading import Reading, Series
from alerting.words import Condition, Severity

EpisodeState = Literal["pending", "firing", "resolved"]
Outcome = Literal["bad", "clean", "between"]
TransitionKind = Literal[
    "pending",
    "firing",
    "raised",
    "joined",
    "unacknowledged",
    "reminder",
    "resolved",
    "not_confirmed",
    "no_data",
    "data_back",
    "error",
    "data_missing",
    "check_failing",
    "flipped",
    "stable",
    "corrected",
    "uncovered",
]

NOT_CONFIRMED = "not_confirmed"
RECOVERED = "recovered"
MANUAL = "manual"
RULE_REMOVED = "rule_removed"
SUPERSEDED = "superseded"
ACCEPTED = "accepted"
CORRECTED = "corrected"
DATA_BACK = "data_back"


@dataclass(frozen=True, slots=True)
class Count:
    """Of one window length within an episode. ``seen`` says that it was at severity in this episode.

    ``recent`` are the last windows that could be told, each its end and what it said, oldest first; ``dropped``: one at
    severity is older than those. Of the newest: ``bad`` are the series at severity, ``whole`` those of them that are so
    in every row, ``features`` how many were looked at.
    """

    at_severity: int = 0
    clean: int = 0
    seen: bool = False
    condition: Condition = "ok"
    recent: tuple[tuple[int, Outcome], ...] = ()
    dropped: bool = False
    bad: frozenset[Series] = frozenset()
    whole: frozenset[Series] = frozenset()
    features: int = 0


@dataclass(frozen=True, slots=True)
class Absence:
    """Of one window length: for how many windows in a row each series that used to be told was ``lost``, which cannot
    be told for other reasons (``untold``), and how often in a row the check ``failed``."""

    lost: Mapping[Series, int] = field(default_factory=dict)
    untold: frozenset[Series] = frozenset()
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """From pending to resolved. ``told``: somebody was sent its firing; ``held``: it would have been, but for a silence
    or broken data. Times are those of the runs (as_of).

    ``unstable``: it fired and resolved too often, and stays open until it is calm; ``down``: it would have resolved.
    ``series`` were at severity in it, ``named`` of them stand in its timeline. Without ``series`` it is about missing
    data alone.
    """

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
    unstable: bool = False
    down: bool = False
    held: bool = False
    named: frozenset[Series] = frozenset()


@dataclass(frozen=True, slots=True)
class AlertState:
    """The open episode, if any, and its counts by window length in hours.

    What outlives an episode, by length too: how many windows ago the rule ``fired``, and what is ``absent``.
    """

    episode: Episode | None = None
    counts: Mapping[int, Count] = field(default_factory=dict)
    fired: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    absent: Mapping[int, Absence] = field(default_factory=dict)

    @property
    def bad(self) -> frozenset[Series]:
        """The series at severity in the newest window of any length."""
        return frozenset(series for count in self.counts.values() for series in count.bad)

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON values; empty where there is nothing to remember."""
        found: dict[str, Any] = {}
        if self.episode is not None:
            listed = {name: _listed(getattr(self.episode, name)) for name in ("series", "named")}
            episode = asdict(replace(self.episode, series=frozenset(), named=frozenset())) | listed
            counts = {str(length): _count_to_dict(count) for length, count in self.counts.items()}
            found |= {"episode": episode, "counts": counts}
        if self.fired:
            found["fired"] = {str(length): list(ages) for length, ages in self.fired.items()}
        if self.absent:
            found["absent"] = {str(length): _absence_to_dict(one) for length, one in self.absent.items()}
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AlertState:
        """The inverse of ``to_dict``; what an older program stored is read too."""
        fired = {int(length): tuple(ages) for length, ages in data.get("fired", {}).items()}
        absent = {int(length): _absence(one) for length, one in data.get("absent", {}).items()}
        if not data.get("episode"):
            return cls(fired=fired, absent=absent)
        given = data["episode"]
        listed = {"series": _read(given["series"]), "named": _read(given.get("named", given["series"]))}
        episode = Episode(**{**given, **listed})
        counts = {int(length): _count(count) for length, count in data["counts"].items()}
        return cls(episode, counts, fired, absent)


def _listed(found: Iterable[Series]) -> list[list[str | None]]:
    return [list(series) for series in sorted(found, key=lambda series: (series[0], series[1] or ""))]


def _read(found: Iterable[Any]) -> frozenset[Series]:
    return frozenset((metric, feature) for metric, feature in found)


def _count_to_dict(count: Count) -> dict[str, Any]:
    recent = [list(one) for one in count.recent]
    series = {"bad": _listed(count.bad), "whole": _listed(count.whole)}
    return asdict(replace(count, bad=frozenset(), whole=frozenset(), recent=())) | series | {"recent": recent}


def _count(data: Mapping[str, Any]) -> Count:
    # One stored before windows were remembered: those at severity in a row are known by number alone.
    unnamed = [(0, "bad")] * int(data["at_severity"])
    recent = tuple((end, outcome) for end, outcome in data.get("recent", unnamed))
    series = {name: _read(data.get(name, ())) for name in ("bad", "whole")}
    return Count(**{**data, "recent": recent, **series})


def _absence_to_dict(one: Absence) -> dict[str, Any]:
    lost = [[*series, one.lost[(str(series[0]), series[1])]] for series in _listed(one.lost)]
    return {"lost": lost, "untold": _listed(one.untold), "failed": one.failed}


def _absence(data: Mapping[str, Any]) -> Absence:
    lost = {(metric, feature): windows for metric, feature, windows in data["lost"]}
    return Absence(lost, _read(data["untold"]), data["failed"])


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """The judged readings of one rule, version and segment in one window; none at all means that data is missing.

    ``never``: the series among those that it lacks that could not be told before either. ``vanished``: names of what
    has no row any more, where that is news.
    """

    length_hours: int
    start: int
    end: int
    readings: tuple[Reading, ...] = ()
    never: frozenset[Series] = frozenset()
    vanished: frozenset[str] = frozenset()


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
