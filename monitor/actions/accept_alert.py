"""Accepting what an alert found as the new normal: the stretch since it began becomes the reference."""

from __future__ import annotations

from typing import Any

from alerting.episode import ACCEPTED
from monitor import clock
from monitor.actions.answer_alert import NOBODY, By, open_alert
from monitor.actions.end_episode import end_episode
from monitor.actions.prepare_reference import pin_reference
from monitor.errors import Conflict
from monitor.service import Service
from monitor.store import alerts, locks, models
from monitor.store.database import Connection

LONG_ENOUGH = 14 * clock.DAY


def accept(service: Service, alert_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """Make the log from the alert's first window to the newest prediction the newest version of the default reference,
    and end the episode; the alert, the ``reference`` and ``warnings``.

    Later windows are compared with it; older readings keep the reference that they had. Raises NotFound, and Conflict
    for an alert that is over or one about numbers that have no reference.
    """
    with service.database.read() as connection:
        alert = open_alert(connection, alert_id)
        name, start, end = _stretch(connection, alert)
    reference = pin_reference(service, alert["model"], name, start, end, now)
    with service.database.write(locks.model(alert["model"])) as connection:
        open_alert(connection, alert_id)
        url = service.settings.public_url
        reason = f"{by.words('accepted as the new normal')}; what came since it began is the reference now"
        ended = end_episode(
            connection, alert_id, ACCEPTED, at=now, now=now, public_url=url, reason=reason, details=by.details
        )
    return {**ended, "reference": reference, "warnings": _warnings(end - start)}


def _stretch(connection: Connection, alert: dict[str, Any]) -> tuple[str, int, int]:
    model = models.find(connection, alert["model"])
    if model is None or model.default_reference is None or model.newest_prediction is None:
        raise Conflict("This model has no reference that a new one could follow")
    windows = [one["window"] for one in alerts.list_transitions(connection, alert["id"]) if one["window"]]
    if not windows:
        raise Conflict("This alert is about no window; set a reference by hand")
    start = clock.parse(windows[0]["start"])
    end = model.newest_prediction - model.newest_prediction % clock.HOUR + clock.HOUR
    return model.default_reference, start, max(end, start + clock.HOUR)


def _warnings(length: int) -> list[str]:
    if length >= LONG_ENOUGH:
        return []
    days = max(1, round(length / clock.DAY))
    return [
        f"The new reference covers {days} day{'s' if days > 1 else ''}: until a longer one is set, the ups and downs "
        "of days and weeks are not known, and the tolerance of longer windows is 5 %"
    ]
