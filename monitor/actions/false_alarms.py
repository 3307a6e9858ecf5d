"""Alerts that a person calls false: ended, counted, and evidence for the calibration of what is usual."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from alerting.episode import MANUAL
from detectors.shares.false_alarms import FalseAlarm, widened
from monitor import clock
from monitor.actions.answer_alert import NOBODY, By
from monitor.actions.end_episode import end_episode
from monitor.actions.frame import Compared, Frame
from monitor.errors import NotFound
from monitor.service import Service
from monitor.store import alerts, locks, models
from monitor.store.database import Connection
from monitor.store.told_series import told_series

KEY = "false_alarm"  # in the details of an alert
_DERIVED = "false alarms"


def call_false(service: Service, alert_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """Note that an alert was a false alarm, and end its episode where it is open; again is harmless.

    ``details.false_alarm`` keeps, of each series that was at severity in it, by which ``factor`` the variance would
    have to grow for it not to have been, in comparison with which reference. Raises NotFound.
    """
    with service.database.read() as connection:
        alert = _known(connection, alert_id)
    with service.database.write(locks.model(alert["model"])) as connection:
        alert = _known(connection, alert_id)
        if KEY in alert["details"]:
            return alert
        series = _series(connection, alert, now) if _is_promised(service, connection, alert) else []
        told = {**by.details, "at": clock.render(now), "series": series}
        alerts.merge_details(connection, alert_id, {KEY: told})
        words, details = by.words("called a false alarm"), by.details
        if alert["state"] != "resolved":
            url = service.settings.public_url
            return end_episode(
                connection, alert_id, MANUAL, at=now, now=now, public_url=url, reason=words, details=details
            )
        alerts.add_transition(
            connection,
            alert_id,
            at=now,
            now=now,
            kind=KEY,
            severity=alert["severity"],
            reason=words,
            details=details,
        )
        return _known(connection, alert_id)


def factors_of(frame: Frame, as_of: int, compared: Compared, length: int) -> Mapping[tuple[str, str | None], float]:
    """How many times as large the variance of a (metric, feature) is taken at a window length (hours), by what was
    called false until ``as_of``, where it was compared with the same reference."""
    place = (compared.name, compared.version, compared.segment or "", length)
    key = f"{_DERIVED} {as_of}"
    if key not in frame.derived:
        frame.derived[key] = _factors(frame, as_of)
    found: dict[Hashable, dict[tuple[str, str | None], float]] = frame.derived[key]
    return found.get(place, {})


def _factors(frame: Frame, as_of: int) -> dict[Hashable, dict[tuple[str, str | None], float]]:
    told = alerts.details_with(frame.connection, frame.model.id, KEY)
    alarms = [_alarm(began, one[KEY]) for began, one in told if clock.parse(one[KEY]["at"]) <= as_of]
    found: dict[Hashable, dict[tuple[str, str | None], float]] = {}
    for series, factor in widened(alarms, frame.settings.false_alarms_per_month).items():
        assert isinstance(series, tuple)
        *place, metric, feature = series
        found.setdefault(tuple(place), {})[metric, feature] = factor
    return found


def _alarm(began: int, told: Mapping[str, Any]) -> FalseAlarm:
    names = ("reference", "reference_version", "segment", "hours", "metric", "feature")
    needed: dict[Hashable, float] = {tuple(one[name] for name in names): one["factor"] for one in told["series"]}
    return FalseAlarm(began / clock.DAY, needed)


def _is_promised(service: Service, connection: Connection, alert: Mapping[str, Any]) -> bool:
    """Whether its check is paid for by the budget: another has a level of its own, and promises nothing."""
    model = models.find(connection, alert["model"])
    frame = None if model is None else Frame.load(service, connection, model)
    return frame is not None and any(one.in_ledger for one in frame.checks if one.name == alert["check"])


def _series(connection: Connection, alert: Mapping[str, Any], now: int) -> list[dict[str, Any]]:
    """The series of the share engine that were at severity while it was open."""
    until = now if alert["resolved_at"] is None else clock.parse(alert["resolved_at"])
    told = told_series(connection, alert, clock.parse(alert["started_at"]), until)
    return [
        {
            "metric": one.metric,
            "feature": one.feature,
            "segment": alert["segment"] or "",
            "hours": one.length // clock.HOUR,
            "reference": one.reference_name,
            "reference_version": one.reference_version,
            "factor": one.factor,
        }
        for one in told
    ]


def _known(connection: Connection, alert_id: str) -> dict[str, Any]:
    alert = alerts.get_alert(connection, alert_id)
    if alert is None:
        raise NotFound(f"There is no alert {alert_id!r}")
    return alert
