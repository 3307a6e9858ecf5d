"""What every trigger may say beside how it is called: deadlines, and what has to hold before a retraining starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerting import options
from alerting.options import BadSetting

# Of data quality, what a retraining would learn. New categories and values out of range are what it is asked for.
BROKEN = ("missing_share", "type_mismatch_share", "duplicate_share", "rejected_share", "unusable_output_share")
START_BY, FINISH_BY = "1h", "24h"
KEYS = ("start_by", "finish_by", "at_most", "min_labels", "dry_run", "approval")


@dataclass(frozen=True, slots=True)
class Guards:
    """``start_by`` and ``finish_by`` in microseconds; ``at_most`` runs of a model in 24 h; ``min_labels`` rows labelled
    within the model's label horizon; ``dry_run``: all but the call; ``approval``: a person has to say yes."""

    start_by: int
    finish_by: int
    at_most: int | None = None
    min_labels: int = 0
    dry_run: bool = False
    approval: bool = False


def parse(raw: Mapping[str, Any]) -> Guards:
    """The guards of a trigger's settings as written; raises BadSetting."""
    return Guards(
        start_by=options.length(raw, "start_by", START_BY),
        finish_by=options.length(raw, "finish_by", FINISH_BY),
        at_most=_count(raw, "at_most"),
        min_labels=_count(raw, "min_labels", 0) or 0,
        dry_run=_switch(raw, "dry_run"),
        approval=_switch(raw, "approval"),
    )


def check(raw: Mapping[str, Any]) -> None:
    """Raise BadSetting, too, for what only a slip can mean: a run that may start after it has to be over."""
    found = parse(raw)
    if "start_by" in raw and found.start_by > found.finish_by:
        ends = raw.get("finish_by", f"{FINISH_BY} unless it is given")
        raise BadSetting("start_by", f"start_by {raw['start_by']} is longer than finish_by ({ends})")


def without(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are the trigger's own."""
    return {key: value for key, value in raw.items() if key not in KEYS}


def _count(raw: Mapping[str, Any], key: str, least: int = 1) -> int | None:
    value = raw.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise BadSetting(key, f"{key} must be a whole number, {least} or more")
    return value


def _switch(raw: Mapping[str, Any], key: str) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise BadSetting(key, f"{key} must be true or false")
    return value
