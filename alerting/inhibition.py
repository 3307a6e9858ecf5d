"""Broken data hides drift: of the same feature, or of everything where the schema has changed.

What is hidden goes on and is noted; nobody is told of it while what hides it fires. An alert on data quality that is
a warning hides no critical drift: one missing value in a hundred does not move forty rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerting.absence import CANNOT_TELL, fails, lost_of
from alerting.episode import AlertState, Count
from alerting.words import Severity

BREAKS = ("missing_share", "type_mismatch_share", "unseen_category_share")
DRIFTS = ("data_drift", "prediction_drift")
AT_ONCE = 2  # features that vanish together ...
_LISTED = 3
SHARE = 0.2  # ... and at least so many of all: a change of the schema


@dataclass(frozen=True, slots=True)
class Part:
    """What is broken in the newest window of one length; ``schema`` says why all drift is hidden."""

    features: frozenset[str]
    schema: str | None = None

    def hides(self, kind: str, feature: str | None) -> bool:
        """Whether drift of a feature (None: of predictions, of several) is hidden."""
        return self.schema is not None or (kind == "data_drift" and feature in self.features)


@dataclass(frozen=True, slots=True)
class Broken:
    """What a firing alert about broken data hides, by window length in hours; ``segment`` None is the whole, which
    hides segments too."""

    alert: str
    rule: str
    segment: str | None
    parts: Mapping[int, Part]
    severity: Severity = "critical"

    def as_json(self) -> dict[str, Any]:
        """As the timeline and the API name it."""
        return {"alert": self.alert, "rule": self.rule, "reason": self.reason}

    @property
    def reason(self) -> str:
        """Why it hides, in words."""
        schema = next((part.schema for part in self.parts.values() if part.schema is not None), None)
        names = sorted({name for part in self.parts.values() for name in part.features})
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return schema or f"the data of {', '.join(names[:_LISTED])}{more} is broken"

    def hides(self, kind: str, feature: str | None, length: int, verdict: str | None) -> bool:
        """Whether drift in a window is hidden: by what is broken in windows as long, else in the shortest. What is
        broken a little hides no drift that is critical: it cannot have made it."""
        part = self.parts.get(length, self.parts[min(self.parts)])
        little = self.severity == "warning" and part.schema is None
        return kind in DRIFTS and not (little and verdict == "critical") and part.hides(kind, feature)


def broken_by(rule: str, segment: str | None, state: AlertState) -> Broken | None:
    """What an alert hides by what its newest windows show; None where it does not fire, or is about something else."""
    episode = state.episode
    if episode is None or episode.state != "firing" or episode.down:
        return None
    parts = {length: _part(count) for length, count in state.counts.items()}
    if not any(part.features for part in parts.values()):
        return None
    return Broken(episode.id, rule, segment, parts, episode.severity)


def hiding(found: Iterable[Broken], segment: str | None, reading: Mapping[str, Any]) -> Broken | None:
    """The first that hides a reading, given as JSON; None where it is to be told."""
    kind, feature = reading["kind"], reading["feature"]
    around = (one for one in found if one.segment in (None, segment))
    return next((one for one in around if one.hides(kind, feature, _length(reading), reading["verdict"])), None)


def split(
    found: Sequence[Broken], segment: str | None, readings: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], dict[str, Broken]]:
    """The readings that are to be told, and what hides the others, by alert."""
    by = [hiding(found, segment, one) for one in readings]
    visible = [one for one, hidden in zip(readings, by, strict=True) if hidden is None]
    return visible, {one.alert: one for one in by if one is not None}


def hidden_now(found: Iterable[Broken], segment: str | None, kind: str, state: AlertState) -> list[Broken]:
    """What hides any of the series that are at severity, or missing, in the newest windows of an alert."""
    worst = None if state.episode is None else state.episode.severity
    bad: list[tuple[str | None, int, str | None]]
    bad = [(feature, length, worst) for length, count in state.counts.items() for _, feature in count.bad]
    bad += [(feature, length, CANNOT_TELL) for feature, length in _missing(state)]
    around = [one for one in found if one.segment in (None, segment)]
    return [one for one in around if any(one.hides(kind, *series) for series in bad)]


def _missing(state: AlertState) -> Iterator[tuple[str | None, int]]:
    """Features and window lengths of what cannot be told for so long that it was told; of a check that fails, all."""
    for length, absence in state.absent.items():
        yield from ((feature, length) for _, feature in lost_of(absence, length))
        if fails(absence):
            yield None, length


def _length(reading: Mapping[str, Any]) -> int:
    start, end = (datetime.fromisoformat(str(reading["window"][name])) for name in ("start", "end"))
    return (end - start) // timedelta(hours=1)


def _part(count: Count) -> Part:
    features = frozenset(feature for metric, feature in count.bad if metric in BREAKS and feature is not None)
    return Part(features, _schema(count))


def _schema(count: Count) -> str | None:
    """Why the schema has changed, if it has: a whole column of another type, or many features gone at once."""
    retyped = sorted(feature or "" for metric, feature in count.whole if metric == "type_mismatch_share")
    if retyped:
        return f"the schema has changed: {retyped[0]} is of another type"
    vanished = sum(metric == "missing_share" for metric, _ in count.whole)
    if vanished < max(AT_ONCE, SHARE * count.features):
        return None
    return f"the schema has changed: {vanished} of {count.features} features are not sent any more"
