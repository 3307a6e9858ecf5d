"""Which column of a table is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.ingest.raw import Kind
from monitor.ingest.records import class_name
from monitor.store.observations.base import GROUPS, Role

Place = str | tuple[Role, str]  # a field of the envelope, or a column

_ALIASES = {"prediction_id": "id", "model_version": "version"}
_ENVELOPE = ("id", "timestamp", "version", "latency_ms", "error")
_PREFIXES: Mapping[str, Role] = {
    "feature": "feature",
    "segment": "segment",
    "metric": "metric",
    "probability": "probability",
}
STRUCTS: Mapping[str, str] = {
    "features": "feature",
    "segments": "segment",
    "metrics": "metric",
    "probability": "probability",
}


def place_columns(names: Sequence[str], kind: Kind) -> tuple[dict[str, Place], list[str]]:
    """What each column is, by its name, and warnings about those that are ignored. The first of two names for the
    same thing counts."""
    places: dict[str, Place] = {}
    ignored = []
    for name in names:
        place = _label_place(name, names) if kind == "labels" else _place(name, names, kind)
        if place is None or place in places.values():
            ignored.append(name)
        else:
            places[name] = place
    return places, [f"columns that mean nothing here are ignored: {', '.join(ignored[:10])}"[:500]] if ignored else []


def said_of_doubles(names: Sequence[str]) -> list[str]:
    """What there is to say of names that come again."""
    told = ", ".join(name or '""' for name in names[:10])
    return [f"columns that come twice are read once: {told}"[:500]] if names else []


def _label_place(name: str, names: Sequence[str]) -> Place | None:
    plain = {"prediction_id": "id", "label_timestamp": "timestamp"}.get(name, name)
    if plain != name and plain in names and plain == "id":
        return None
    # A table of predictions with their labels has both times: the label's own one counts.
    if name == "timestamp" and "label_timestamp" in names:
        return None
    return plain if plain in ("id", "label", "timestamp") else None


def _place(name: str, names: Sequence[str], kind: Kind) -> Place | None:
    plain = _ALIASES.get(name, name)
    if plain != name and plain in names:
        return None
    if plain in _ENVELOPE:
        return plain
    if plain in ("label", "label_timestamp"):  # never a feature: it is the truth
        return "label" if kind == "references" and plain == "label" else None
    if plain in ("prediction", "probability"):
        return (plain, "")  # type: ignore[return-value]
    if plain in GROUPS:  # no struct, which would have been taken apart: what is in it, and what of that is private?
        return plain
    prefix, dot, rest = plain.partition(".")
    if not dot or prefix not in _PREFIXES:
        return ("feature", plain)
    role = _PREFIXES[prefix]
    return (role, class_name(rest) if role == "probability" else rest)
