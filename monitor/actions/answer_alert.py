"""What people do with an alert: acknowledge it, or end it by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from alerting.episode import MANUAL
from alerting.message import ACKNOWLEDGED, body, entry
from monitor.actions.end_episode import end_episode, state_of
from monitor.actions.tell_alert import tell_acknowledged
from monitor.errors import Conflict, NotFound
from monitor.service import Service
from monitor.store import alerts, locks
from monitor.store.database import Connection


@dataclass(frozen=True, slots=True)
class By:
    """Who did something, and why, as far as they said."""

    author: str | None = None
    comment: str | None = None

    def words(self, deed: str) -> str:
        """``acknowledged by ana: known outage``."""
        who = f"{deed} by {self.author or 'a person'}"
        return f"{who}: {self.comment}" if self.comment else who

    @property
    def details(self) -> dict[str, str]:
        """What is kept beside the words."""
        return {name: text for name, text in (("author", self.author), ("comment", self.comment)) if text}


NOBODY = By()


def acknowledge(service: Service, alert_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """Note that somebody looks after an alert: no more reminders, until its severity rises. Again is harmless.
    The messages that told of it are rewritten where they can be, and receivers with incidents of their own are told.

    Raises NotFound, and Conflict for an alert that is over.
    """
    with _holding(service, alert_id) as connection:
        alert = open_alert(connection, alert_id)
        if alert["acknowledged_at"] is not None:
            return alert
        alerts.set_fields(connection, alert_id, acknowledged_at=now, updated_at=now)
        shown = {"acknowledged_by": by.author, "acknowledged_comment": by.comment}
        alerts.merge_details(connection, alert_id, shown)
        model_id, key, state = state_of(connection, alert_id)
        if state.episode is not None:
            kept = replace(state, episode=replace(state.episode, acknowledged=True))
            alerts.save_state(connection, model_id, key, kept.to_dict())
        alerts.add_transition(
            connection,
            alert_id,
            at=now,
            now=now,
            kind="acknowledged",
            severity=alert["severity"],
            reason=by.words("acknowledged"),
            details=by.details,
        )
        (alert,) = alerts.get_alerts(connection, [alert_id])
        told = entry(ACKNOWLEDGED, alert, [], public_url=service.settings.public_url, reason="acknowledged")
        tell_acknowledged(connection, alert, body(alert["model"], now, [told]), now)
        return alert


def resolve(service: Service, alert_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """End an alert's episode by hand; those who were told of it are told. The next window at severity is a new one.

    Raises NotFound, and Conflict for an alert that is over.
    """
    with _holding(service, alert_id) as connection:
        open_alert(connection, alert_id)
        url = service.settings.public_url
        return end_episode(
            connection,
            alert_id,
            MANUAL,
            at=now,
            now=now,
            public_url=url,
            reason=by.words("resolved"),
            details=by.details,
        )


@contextlib.contextmanager
def _holding(service: Service, alert_id: str) -> Iterator[Connection]:
    """A unit of work on the alerts of this alert's model."""
    with service.database.read() as connection:
        alert = open_alert(connection, alert_id)
    with service.database.write(locks.model(alert["model"])) as connection:
        yield connection


def open_alert(connection: Connection, alert_id: str) -> dict[str, Any]:
    """The alert; raises NotFound, and Conflict where it is over."""
    alert = alerts.get_alert(connection, alert_id)
    if alert is None:
        raise NotFound(f"There is no alert {alert_id!r}")
    if alert["state"] == "resolved":
        raise Conflict("The alert is resolved; a new episode will have its own id")
    return alert
