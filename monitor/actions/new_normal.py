"""What accepting an alert makes the new normal: of which references, and the log from which hour on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.episode import AlertState
from alerting.words import in_words
from detectors.shares.last_change import last_change
from detectors.shares.onset import onset
from monitor import clock
from monitor.actions.frame import Frame
from monitor.config.document import Trailing
from monitor.errors import Conflict
from monitor.store import alerts, pages, references

FEWEST_HOURS = 12  # of the new normal, below which not even days and nights are told apart
BEFORE_IT = 4  # weeks before the first window that may be like it
WEEK = 7 * 24
MINORITY = 0.1  # of a window's rows: versions with fewer keep the reference that they have
_COLUMNS = {"score_ks": "score", "margin_ks": "margin"}  # of what the model says; all else is about "prediction"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the log, in whole hours: [``start``, ``end``) in microseconds."""

    start: int
    end: int

    @property
    def hours(self) -> int:
        """How long it is."""
        return (self.end - self.start) // clock.HOUR


def references_of(frame: Frame, alert: Json) -> list[str]:
    """Names of the references that an alert's readings were compared with, and of those that its check would compare
    the window's rows with now; the first is that of its worst reading.

    Raises Conflict, which says why, for an alert that cannot be accepted: of a segment, about numbers that are compared
    with no reference, or with one that follows the traffic by itself.
    """
    if alert["segment"]:
        raise Conflict(
            f"This alert is about {alert['segment']} alone, and a reference is of all rows: accepting it would make "
            "the last days of the whole model its reference. Resolve or silence it, or set a reference by hand"
        )
    evidence = alerts.latest_evidence(frame.connection, alert["id"])
    if not evidence:
        raise Conflict("This alert is about no window; set a reference by hand")
    compared = [one["reference"] for one in evidence if one["reference"] is not None]
    fixed = [one["name"] for one in compared if one["version"] is not None]
    found = list(dict.fromkeys([*fixed, *_compared_now(frame, alert, evidence[0])])) if compared else []
    if found:
        return found
    if compared:
        raise Conflict(
            f"This alert's readings are compared with {compared[0]['name']}, which follows the traffic by itself: "
            "there is no reference to set. Resolve or silence it"
        )
    raise Conflict("This alert is about numbers that are compared with no reference. Resolve or silence it")


def _compared_now(frame: Frame, alert: Json, reading: Json) -> list[str]:
    named = _named(frame, alert)
    if isinstance(named, Trailing):
        return []
    found = (
        references.choose(frame.known, frame.model.default_reference, named, version)
        for version in _versions(frame, reading)
    )
    return [one[0].name for one in found if one is not None]


def _named(frame: Frame, alert: Json) -> str | Trailing | None:
    """The reference that the alert's check asks for."""
    return next((check.reference for check in frame.checks if check.name == alert["check"]), None)


def _versions(frame: Frame, reading: Json) -> dict[str, int]:
    """Rows by model version of a reading's window, without those of which there are few."""
    start, end = (clock.parse(reading["window"][name]) for name in ("start", "end"))
    rows: dict[str, int] = {}
    for one in pages.rows_by_hour(frame.connection, frame.model.id, start, end, end):
        rows[one.version] = rows.get(one.version, 0) + one.rows
    return {version: count for version, count in rows.items() if count >= MINORITY * sum(rows.values())}


def stretch_of(frame: Frame, alert: Json) -> Stretch:
    """The log from the hour on since which every column that the alert was about has been as it is, to the newest
    prediction: of one that moved since then, of one that is back since its return.

    Of what has no columns whose hours are counted: from the last hours of the window at severity that gave the verdict,
    the first one that was about what is at severity now, at most a day of it: what came before the change must not be
    normal.
    Raises Conflict where there are fewer than 12 hours.
    """
    newest = frame.model.newest_prediction
    entries = [
        one for one in alerts.list_transitions(frame.connection, alert["id"]) if one["kind"] in alerts.AT_SEVERITY
    ]
    shown = [one for one in entries if one["window"] and one["readings"]]
    if newest is None or not shown:
        raise Conflict("This alert is about no window; set a reference by hand")
    end = newest - newest % clock.HOUR + clock.HOUR
    start = _began(frame, alert, shown, end)
    if end - start < FEWEST_HOURS * clock.HOUR:
        ready = in_words(start + FEWEST_HOURS * clock.HOUR)
        raise Conflict(
            f"Too early: the rows are like this since {in_words(start)}, and a reference takes {FEWEST_HOURS} hours of "
            f"them. Accept it again after {ready}"
        )
    return Stretch(start, end)


def _began(frame: Frame, alert: Json, entries: Sequence[Json], end: int) -> int:
    now = _columns(alerts.latest_evidence(frame.connection, alert["id"]))
    names = list(dict.fromkeys([*_of_episode(frame, alert, entries), *now]))
    named, first = _named(frame, alert), clock.parse(entries[0]["window"]["start"])
    if names and not isinstance(named, Trailing):
        found = _changed(frame, named, names, now, first // clock.HOUR, end // clock.HOUR)
        if found is not None:
            return found * clock.HOUR
    joined = [one for one in entries if one["kind"] == "joined"]
    entry = joined[-1] if joined else entries[0]
    sure = min(_last_hours(one) for one in entry["readings"])
    return clock.parse(entry["window"]["end"]) - min(sure, clock.DAY)


def _of_episode(frame: Frame, alert: Json, entries: Sequence[Json]) -> list[str]:
    """Columns of all that was at severity in the episode, also of what nobody was told as it joined."""
    _, key = alerts.alert_key(frame.connection, alert["id"])
    state = AlertState.from_dict(alerts.load_states(frame.connection, frame.model.id).get(key, {}))
    series = () if state.episode is None or state.episode.id != alert["id"] else sorted(state.episode.series, key=str)
    kind = entries[0]["readings"][0]["kind"]
    every = [{"kind": kind, "metric": metric, "feature": feature} for metric, feature in series]
    return _columns([*(reading for one in entries for reading in one["readings"]), *every])


def _changed(
    frame: Frame, named: str | None, names: Sequence[str], now: Sequence[str], start: int, until: int
) -> int | None:
    """The last hour before ``until`` at which one of the columns changed. Where those that moved ``now`` are of one
    kind from ``start`` on, as when nobody had looked before, the weeks before it are looked at, too; where no change is
    certain in these either, the likeliest of all together is taken."""
    oldest = (frame.model.oldest_prediction or 0) // clock.HOUR
    for weeks in range(BEFORE_IT + 1):
        length = -(-(until - start + weeks * WEEK) // 24) * 24  # whole days
        window = frame.window(until - length, until)
        rows = {version: counts.rows for version, counts in window.versions.items()}
        compared = frame.compared_with(named, rows, windows=window.versions)
        if compared is None:
            return None
        profile = compared.profile
        last = last_change(frame.binning, names, window.pooled, profile, length_hours=length)
        if last.names.issuperset(now):
            return last.hour
        if until - length <= oldest:
            break
    if last.hour is not None:
        return last.hour
    return onset(frame.binning, now, window.pooled, profile, length_hours=length)


def _columns(readings: Sequence[Json]) -> list[str]:
    """The columns of the cuts that readings of drift are about, each once."""
    return list(dict.fromkeys(name for name in map(_column, readings) if name is not None))


def _column(reading: Json) -> str | None:
    """The column of the cuts that a reading of drift is about."""
    if reading["kind"] == "prediction_drift":
        return _COLUMNS.get(reading["metric"], "prediction")
    is_drift = reading["kind"] == "data_drift" and reading["feature"] is not None
    return f"feature.{reading['feature']}" if is_drift else None


def _last_hours(reading: Json) -> int:
    """The length of the part of its window that gave the verdict, microseconds."""
    start, end = (clock.parse(reading["window"][name]) for name in ("start", "end"))
    hours = reading["details"].get("last_hours")
    return int(hours) * clock.HOUR if hours else end - start
