"""Silences: made, ended by hand, or ended by what they waited for; noted on the alerts that they hold for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from alerting.muting import ENDS_WITH, LONGEST_WAIT, ending, matches
from alerting.words import in_words
from monitor.actions.answer_alert import NOBODY, By
from monitor.actions.rewrite_messages import rewrite
from monitor.config.inventory import CATCH_UP
from monitor.errors import Invalid, NotFound
from monitor.service import Service
from monitor.store import alerts, models, silences, trigger_runs
from monitor.store.database import Connection
from monitor.store.models import Model


def silence(
    service: Service, matchers: Mapping[str, str], until: int | str, by: By, now: int, silence_id: str | None = None
) -> dict[str, Any]:
    """Silence what matches until a moment, or until ``next_version`` or ``retraining_ends`` of the model that the
    matchers name, at most 30 days; as the API shows it. Under a ``silence_id`` that there is already nothing is made.

    Raises Invalid where those name no model.
    """
    with service.database.write() as connection:
        known = None if silence_id is None else silences.get_silence(connection, silence_id)
        if known is not None:
            return silences.as_json(known)
        waits: dict[str, str | None] = {}
        if isinstance(until, str):
            model = _named(connection, matchers, until)
            waits = {"ends_with": until, "newest_version": _newest(connection, model, now)}
            until = now + LONGEST_WAIT
        made = silences.add_silence(
            connection,
            silence_id or f"silence-{secrets.token_hex(8)}",
            matchers=matchers,
            until=until,
            comment=by.comment or "",
            author=by.author,
            now=now,
            **waits,
        )
        end = f"until {_ENDS[str(waits['ends_with'])]}, at most to" if waits else "until"
        who = By(by.author).words("silenced")
        why = f": {by.comment}" if by.comment else ""
        rewrite(connection, _note(connection, made, "silenced", f"{who} {end} {in_words(until)}{why}", now, by), now)
    return made


_ENDS = dict(zip(ENDS_WITH, ("the next version", "the retraining ends"), strict=True))


def end_silence(service: Service, silence_id: str, now: int, by: By = NOBODY) -> None:
    """Forget a silence. Raises NotFound."""
    with service.database.write() as connection:
        known = silences.get_silence(connection, silence_id)
        if known is None:
            raise NotFound(f"There is no silence {silence_id!r}")
        noted: list[str] = []
        if known["until"] > now:
            noted = _note(connection, known, "silence_ended", by.words("the silence was ended"), now, by)
        silences.delete_silence(connection, silence_id)
        rewrite(connection, noted, now)


def end_what_came(connection: Connection, model_id: int, as_of: int, now: int, *, deliver: bool) -> None:
    """End the silences of a model of which the next version, or the end of the retraining, has come by a run; without
    ``deliver`` no message is rewritten."""
    waiting = silences.waiting_for(connection, now)
    if not waiting:
        return
    model = models.of_id(connection, model_id)
    began = {one.version: one.first_prediction for one in models.list_versions(connection, model_id)}
    runs = [(run.requested_at, run.ended_at) for run in trigger_runs.runs_of_model(connection, model_id)]
    for one in waiting:
        if one["matchers"].get("model") != model.name:
            continue
        then = began.get(one["newest_version"] or "", -1)
        newer = [version for version, first in began.items() if then < first <= as_of]
        why = ending(
            one["ends_with"],
            made_at=one["created_at"],
            version_then=one["newest_version"],
            newer_versions=newer,
            retrainings=runs,
        )
        if why is not None:
            silences.end_silence(connection, one["id"], now)
            noted = _note(connection, one, "silence_ended", f"the silence ended: {why}", now, NOBODY)
            if deliver:
                rewrite(connection, noted, now)


def _named(connection: Connection, matchers: Mapping[str, str], until: str) -> Model:
    found = models.find(connection, matchers["model"]) if "model" in matchers else None
    if found is None:
        raise Invalid(f"until {until!r} is about one model: name one that exists among the matchers", field="until")
    return found


def _newest(connection: Connection, model: Model, now: int) -> str | None:
    """The newest version that is known: by the clock, or in a replay by the time that it has come to. Rows of later
    versions may be in the store already."""
    run = alerts.last_run(connection, model.id)
    at = now if run is None or now - run <= CATCH_UP else run
    known = [one for one in models.list_versions(connection, model.id) if one.first_prediction <= at]
    return known[-1].version if known else None


def _note(connection: Connection, made: Mapping[str, Any], kind: str, reason: str, now: int, by: By) -> list[str]:
    """An entry in the timeline of every open alert that the silence holds for; which they are."""
    noted = []
    for alert in alerts.every_open(connection, made["matchers"].get("model")):
        if matches(made["matchers"], alert):
            details = {**by.details, "silence": made["id"]}
            severity = str(alert["severity"])
            alerts.add_transition(
                connection, alert["id"], at=now, now=now, kind=kind, severity=severity, reason=reason, details=details
            )
            noted.append(str(alert["id"]))
    return noted
