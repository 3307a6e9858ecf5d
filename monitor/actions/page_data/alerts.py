"""The list of alerts, and one alert with its story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from alerting.inhibition import DRIFTS
from alerting.message import MESSAGE_TYPES
from alerting.muting import Silence, silencing
from alerting.seen import would_be_seen
from dashboards import views
from monitor import clock
from monitor.actions.accept_alert import why_not
from monitor.errors import Invalid, NotFound
from monitor.service import Service
from monitor.store import alerts, outbox, pages, trigger_runs
from monitor.store.database import Connection

AT_ONCE = 50
MOST_MODELS = 1000
STATES = ("pending", "firing", "resolved")
PROPOSED = clock.DAY
LATE = clock.HOUR  # between a run's own time and the clock's: a replay, or hours that were caught up


def alerts_page(service: Service, given: Mapping[str, str]) -> views.AlertsPage:
    """Alerts, newest first, narrowed by ``model`` and ``state``; ``cursor`` leads to older ones.

    Raises Invalid.
    """
    model, state = given.get("model", ""), given.get("state", "")
    if state and state not in STATES:
        raise Invalid(f"state is one of {', '.join(STATES)}", field="state")
    with service.database.read() as connection:
        found = alerts.list_alerts(
            connection,
            model=model or None,
            state=state or None,
            since=None,
            limit=AT_ONCE + 1,
            after=_cursor(given.get("cursor")),
        )
        names = pages.model_names(connection, MOST_MODELS)
    later = None
    if len(found) > AT_ONCE:
        last = found[AT_ONCE - 1]
        cursor = f"{clock.parse(last['started_at'])}.{last['id']}"
        later = "/alerts?" + urlencode({"model": model, "state": state, "cursor": cursor})
    return views.AlertsPage(found[:AT_ONCE], model, state, names, later)


def _cursor(text: str | None) -> tuple[int, str] | None:
    if not text:
        return None
    started, _, alert_id = text.partition(".")
    if not started.lstrip("-").isdigit() or not alert_id:
        raise Invalid("cursor is not one that this list gave", field="cursor")
    return int(started), alert_id


def alert_page(service: Service, alert_id: str, now: int, problem: str | None = None) -> views.AlertPage:
    """One alert with its timeline, evidence, messages and retraining runs.

    Raises NotFound.
    """
    with service.database.read() as connection:
        alert = alerts.get_alert(connection, alert_id)
        if alert is None:
            raise NotFound(f"There is no alert {alert_id!r}")
        entries = alerts.list_transitions(connection, alert_id)
        readings = alerts.latest_evidence(connection, alert_id)
        drifts = alert["state"] != "resolved" and bool(readings) and readings[0]["kind"] in DRIFTS
        accepts, not_accepted = why_not(service, connection, alert) if drifts else ([], None)
        return views.AlertPage(
            alert=alert,
            transitions=[_told(one) for one in entries],
            untold=_why_untold(alert, entries),
            readings=[{**one, "seen": would_be_seen(one["kind"], one["metric"], one.get("mde"))} for one in readings],
            moved=alerts.latest_moved(connection, alert_id),
            deliveries=outbox.deliveries_of(connection, alert_id),
            trigger_runs=[run.as_json() for run in trigger_runs.runs_of_alert(connection, alert_id)],
            silences=_holding(connection, alert, now),
            until=now - now % clock.HOUR + clock.HOUR + PROPOSED,
            problem=problem,
            accepts=accepts,
            not_accepted=not_accepted,
        )


def _told(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the timeline, with what the page says beside it."""
    worst = entry["readings"][0] if entry["readings"] else None
    said = None if worst is None else worst["details"].get("summary")
    noted = clock.parse(entry["noted_at"] or entry["at"])
    return {
        **entry,
        "found": None if said and said in entry["reason"] else entry["summary"],
        "late": noted - clock.parse(entry["at"]) > LATE,
    }


def _why_untold(alert: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    """Why nobody was told of an alert, as far as its timeline knows."""
    news = [one["details"] for one in entries if one["kind"] in MESSAGE_TYPES and one["kind"] != "resolved"]
    if not news:
        return "it did not fire" if alert["state"] == "resolved" else "it has not fired"
    hidden = [one for one in news if one.get("hidden_by") and not one["told"]]
    if hidden:
        names = " and ".join(dict.fromkeys(by["rule"] for one in hidden for by in one["hidden_by"]))
        still = alert["state"] != "resolved" and alert["details"].get("hidden_by")
        return f"it is hidden by {names}, which still fires" if still else f"it was hidden by {names}"
    if any(one.get("silenced_by") for one in news):
        return "a silence held"
    return "no channel of the rule takes it, or the run that found it did not deliver"


def _holding(connection: Connection, alert: Mapping[str, Any], now: int) -> list[dict[str, Any]]:
    """The silences that hold for an alert now."""
    active = pages.silences_at(connection, now)
    return [one for one in active if silencing([Silence(one["id"], one["matchers"], one["until"])], alert, now)]


def silence_matchers(service: Service, alert_id: str) -> dict[str, str]:
    """What a silence from an alert's page holds for: its rule on its model.

    Raises NotFound.
    """
    with service.database.read() as connection:
        alert = alerts.get_alert(connection, alert_id)
    if alert is None:
        raise NotFound(f"There is no alert {alert_id!r}")
    return {"model": str(alert["model"]), "rule": str(alert["rule"])}
