"""The service and its models as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from detectors.measurement import IMMATURE_LABELS
from monitor import clock
from monitor.actions.describe import health
from monitor.service import Service
from monitor.store import heartbeats, marks, models, outbox, readings, summaries
from monitor.store.database import Connection

STATUSES = ("healthy", "degraded", "unhealthy", "unknown")
MOST_READINGS = 5000  # per model: a scrape stays small whatever the number of features

_HELP = {
    "plimsoll_predictions_total": ("counter", "Predictions accepted, by model."),
    "plimsoll_labels_total": ("counter", "Labels accepted, by model."),
    "plimsoll_quarantined_total": ("counter", "Rows kept in quarantine, by model."),
    "plimsoll_newest_prediction_timestamp_seconds": ("gauge", "Time of the newest prediction, by model."),
    "plimsoll_model_health": ("gauge", "1 for the status that holds, 0 for the others."),
    "plimsoll_reading": ("gauge", "Newest reading of a judged metric; absent while its labels are still coming."),
    "plimsoll_reading_alarm": (
        "gauge",
        "Verdict of that reading: 0 ok, 1 warning, 2 critical; absent if it cannot tell.",
    ),
    "plimsoll_last_run_timestamp_seconds": ("gauge", "as_of of the newest run, by model: alert on its age."),
    "plimsoll_hours_waiting": ("gauge", "Hours of predictions that wait to be counted."),
    "plimsoll_messages_waiting": ("gauge", "Messages that wait to be delivered."),
    "plimsoll_messages_given_up": ("gauge", "Messages that were given up."),
    "plimsoll_last_tick_timestamp_seconds": ("gauge", "When each part of the scheduler was last alive."),
}
_ALARM = {"ok": 0, "warning": 1, "critical": 2}

Sample = tuple[str, dict[str, str], float]


def exposition(service: Service, now: int) -> str:
    """The whole text."""
    with service.database.read() as connection:
        samples = [*_own(connection), *_models(connection, now)]
    lines = []
    for name, (kind, words) in _HELP.items():
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
        lines += [_line(*sample) for sample in samples if sample[0] == name]
    return "\n".join(lines) + "\n"


def _line(name: str, labels: dict[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = repr(int(value)) if float(value).is_integer() else repr(float(value))
    return f"{name}{{{inside}}} {number}" if inside else f"{name} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _own(connection: Connection) -> Iterator[Sample]:
    waiting, given_up = outbox.counts(connection)
    yield "plimsoll_messages_waiting", {}, waiting
    yield "plimsoll_messages_given_up", {}, given_up
    yield "plimsoll_hours_waiting", {}, summaries.count_dirty(connection)
    for name in ("delivery", "summaries", "runs", "triggers"):
        yield "plimsoll_last_tick_timestamp_seconds", {"part": name}, heartbeats.at(connection, name) / clock.SECOND


def _models(connection: Connection, now: int) -> Iterator[Sample]:
    for model in models.list_page(connection, 1000):
        label = {"model": model.name}
        yield "plimsoll_predictions_total", label, model.n_predictions
        yield "plimsoll_labels_total", label, model.n_labels
        yield "plimsoll_quarantined_total", label, model.n_quarantined
        if model.newest_prediction is not None:
            yield "plimsoll_newest_prediction_timestamp_seconds", label, model.newest_prediction / clock.SECOND
        status = health(connection, model, now).status
        for one in STATUSES:
            yield "plimsoll_model_health", {**label, "status": one}, float(one == status)
        ran = marks.last_run(connection, model.id)
        if ran is not None:
            yield "plimsoll_last_run_timestamp_seconds", label, ran / clock.SECOND
        yield from _readings(connection, model)


def _readings(connection: Connection, model: models.Model) -> Iterator[Sample]:
    for reading in readings.newest_judged(connection, model.id, MOST_READINGS):
        labels = {
            "model": model.name,
            "check": reading.check,
            "metric": reading.metric,
            "feature": reading.feature or "",
            "segment": reading.segment or "",
            "version": reading.version or "",
            "window": f"{reading.length_hours}h",
        }
        # What few labels say need not be what all will: a gauge has no words to say so.
        if reading.value is not None and math.isfinite(reading.value) and reading.reason != IMMATURE_LABELS:
            yield "plimsoll_reading", labels, reading.value
        if reading.verdict in _ALARM:
            yield "plimsoll_reading_alarm", labels, _ALARM[reading.verdict]
