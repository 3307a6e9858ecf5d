"""Broken data hides drift: of the same feature, or of everything where the schema has changed.

What is hidden goes on and is noted; nobody is told of it while what hides it fires.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.episode import AlertState

BREAKS = ("missing_share", "type_mismatch_share", "unseen_category_share")
DRIFTS = ("data_drift", "prediction_drift")
AT_ONCE = 2  # features that vanish together ...
_LISTED = 3
SHARE = 0.2  # ... and at least so many of all: a change of the schema


@dataclass(frozen=True, slots=True)
class Broken:
    """What a firing alert about broken data hides: drift of its features, and all drift where ``schema`` says why.

    ``segment`` None is the whole, which hides segments too.
    """

    alert: str
    rule: str
    segment: str | None
    features: frozenset[str]
    schema: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As the timeline and the API name it."""
        return {"alert": self.alert, "rule": self.rule, "reason": self.reason}

    @property
    def reason(self) -> str:
        """Why it hides, in words."""
        names = sorted(self.features)
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return self.schema or f"the data of {', '.join(names[:_LISTED])}{more} is broken"


def broken_by(rule: str, segment: str | None, state: AlertState) -> Broken | None:
    """What an alert hides by what its newest windows show; None where it does not fire, or is about something else."""
    episode = state.episode
    if episode is None or episode.state != "firing" or episode.down:
        return None
    features = frozenset(feature for metric, feature in state.bad if metric in BREAKS and feature is not None)
    return Broken(episode.id, rule, segment, features, _schema(state)) if features else None


def hiding(found: Iterable[Broken], segment: str | None, reading: Mapping[str, Any]) -> Broken | None:
    """The first that hides a reading, given as JSON or by its ``kind`` and ``feature``; None where it is to be told."""
    kind, feature = reading["kind"], reading["feature"]
    if kind not in DRIFTS:
        return None
    around = [one for one in found if one.segment in (None, segment)]
    mine = (one for one in around if one.schema is not None or (kind == "data_drift" and feature in one.features))
    return next(mine, None)


def split(
    found: Sequence[Broken], segment: str | None, readings: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], dict[str, Broken]]:
    """The readings that are to be told, and what hides the others, by alert."""
    by = [hiding(found, segment, one) for one in readings]
    visible = [one for one, hidden in zip(readings, by, strict=True) if hidden is None]
    return visible, {one.alert: one for one in by if one is not None}


def _schema(state: AlertState) -> str | None:
    """Why the schema has changed, if it has: a whole column of another type, or many features gone at once."""
    for count in state.counts.values():
        retyped = sorted(feature or "" for metric, feature in count.whole if metric == "type_mismatch_share")
        vanished = sum(metric == "missing_share" for metric, _ in count.whole)
        if retyped:
            return f"the schema has changed: {retyped[0]} is of another type"
        if vanished >= max(AT_ONCE, SHARE * count.features):
            return f"the schema has changed: {vanished} of {count.features} features are not sent any more"
    return None
