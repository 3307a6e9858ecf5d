"""Alerts and what they are made of: the open state of rules, episodes, their timeline, and what has been judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, or_, select, update

from monitor.clock import optional, render
from monitor.store.tables import alert_states, alerts, judged, models, transitions

POOLED = "*"
MOVED, SEEN = "moved", "seen"  # in the details of an alert's row: kept there, and no part of what is sent of it
AT_SEVERITY = ("pending", "firing", "raised", "joined", "reminder", "uncovered", "flipped", "stable")


@dataclass(frozen=True, slots=True)
class StateKey:
    """Of what a rule's state is kept: version None is pooled, '' are rows without one; segment None is the whole."""

    rule: str
    version: str | None
    segment: str | None

    @property
    def columns(self) -> dict[str, str]:
        """As the tables write it."""
        version = POOLED if self.version is None else self.version
        return {"rule": self.rule, "version": version, "segment": self.segment or ""}


def load_states(connection: Connection, model_id: int) -> dict[StateKey, dict[str, Any]]:
    """The open states of a model's rules."""
    rows = connection.execute(select(alert_states).where(alert_states.c.model_id == model_id)).mappings()
    return {_key(row): row["state"] for row in rows}


def save_state(connection: Connection, model_id: int, key: StateKey, state: Mapping[str, Any]) -> None:
    """Replace a rule's state; an empty one is forgotten."""
    where = [alert_states.c.model_id == model_id, *(alert_states.c[name] == text for name, text in key.columns.items())]
    connection.execute(delete(alert_states).where(*where))
    if state:
        connection.execute(insert(alert_states).values(model_id=model_id, state=dict(state), **key.columns))


def last_judged(connection: Connection, model_id: int) -> dict[tuple[StateKey, int], int]:
    """The end of the last window judged, by rule, version, segment and length in hours."""
    by = (judged.c.rule, judged.c.version, judged.c.segment, judged.c.length_hours)
    query = (
        select(*by, func.max(judged.c.window_end).label("newest")).where(judged.c.model_id == model_id).group_by(*by)
    )
    return {(_key(row), row["length_hours"]): row["newest"] for row in connection.execute(query).mappings()}


def last_run(connection: Connection, model_id: int) -> int | None:
    """As of when a model's rules were stepped last; None where they never were."""
    newest: int | None = connection.execute(
        select(func.max(judged.c.as_of)).where(judged.c.model_id == model_id)
    ).scalar_one()
    return newest


def mark_judged(connection: Connection, model_id: int, marks: Iterable[tuple[StateKey, int, int]], as_of: int) -> None:
    """Remember judged windows, given as (key, length in hours, end); each may be marked only once."""
    rows = [
        {"model_id": model_id, "length_hours": length, "window_end": end, "as_of": as_of, **key.columns}
        for key, length, end in marks
    ]
    if rows:
        connection.execute(insert(judged), rows)


def save_alert(connection: Connection, alert_id: str, values: Mapping[str, Any]) -> None:
    """Write an episode's row, new or known."""
    found = connection.execute(select(alerts.c.id).where(alerts.c.id == alert_id)).first()
    if found is None:
        connection.execute(insert(alerts).values(id=alert_id, **values))
    else:
        connection.execute(update(alerts).where(alerts.c.id == alert_id).values(**values))


def set_fields(connection: Connection, alert_id: str, **values: Any) -> None:
    """Change single columns of an alert."""
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(**values))


def merge_details(connection: Connection, alert_id: str, changes: Mapping[str, Any]) -> None:
    """Change what is not of every alert, by key; None takes a key away."""
    before = connection.execute(select(alerts.c.details).where(alerts.c.id == alert_id)).scalar_one() or {}
    after = {name: value for name, value in {**before, **changes}.items() if value is not None}
    if after != before:
        connection.execute(update(alerts).where(alerts.c.id == alert_id).values(details=after))


def details_with(connection: Connection, model_id: int, name: str) -> list[tuple[int, dict[str, Any]]]:
    """When a model's alerts whose details have a key began (microseconds), and these details."""
    t = alerts.c
    query = select(t.started_at, t.details).where(t.model_id == model_id, t.details[name].as_string().is_not(None))
    return [(began, dict(details)) for began, details in connection.execute(query.order_by(t.started_at, t.id))]


def add_transition(
    connection: Connection,
    alert_id: str,
    *,
    at: int,
    now: int,
    kind: str,
    severity: str,
    reason: str,
    window: tuple[int, int] | None = None,
    readings: Sequence[Mapping[str, Any]] = (),
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry to an alert's timeline: ``at`` a run's own time, else the clock's, which is ``now``; ``window`` is
    (end, length in hours)."""
    end, length = window if window is not None else (None, None)
    connection.execute(
        insert(transitions).values(
            alert_id=alert_id,
            at=at,
            noted_at=now,
            kind=kind,
            severity=severity,
            reason=reason,
            window_end=end,
            length_hours=length,
            readings=list(readings),
            details=dict(details or {}),
        )
    )


def latest_evidence(connection: Connection, alert_id: str, until: int | None = None) -> list[dict[str, Any]]:
    """What an alert was last seen to be about (``until`` a moment): the readings of its newest entry that shows it at
    severity."""
    mine = [transitions.c.alert_id == alert_id, transitions.c.kind.in_(AT_SEVERITY)]
    mine += [] if until is None else [transitions.c.at <= until]
    query = select(transitions.c.readings).where(*mine).order_by(transitions.c.id.desc())
    return next((list(found) for (found,) in connection.execute(query) if found), [])


def summary_at(connection: Connection, alert_id: str, as_of: int) -> str | None:
    """What an alert said of itself at a moment: its newest evidence until then; None where there was none."""
    t = transitions.c
    mine = (t.alert_id == alert_id, t.kind.in_(AT_SEVERITY), t.at <= as_of)
    query = select(t.readings, t.details).where(*mine).order_by(t.id.desc())
    found = ((readings, int(details.get("series") or 0)) for readings, details in connection.execute(query))
    return next((summary_of(*one) for one in found if all(one)), None)  # without series of its own it repeats another's


def get_alert(connection: Connection, alert_id: str) -> dict[str, Any] | None:
    """One alert as CONTRACT names it, or None."""
    row = connection.execute(_with_model().where(alerts.c.id == alert_id)).mappings().first()
    return None if row is None else as_json(row)


def alert_key(connection: Connection, alert_id: str) -> tuple[int, StateKey]:
    """The model's id and the rule's key that an alert, which must exist, belongs to."""
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().one()
    return row["model_id"], StateKey(row["rule"], row["version"], row["segment"])


def get_alerts(connection: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Alerts by id, in the order of the ids."""
    rows = {row["id"]: row for row in connection.execute(_with_model().where(alerts.c.id.in_(ids))).mappings()}
    return [as_json(rows[one]) for one in ids if one in rows]


def open_of(connection: Connection, model_id: int) -> list[dict[str, Any]]:
    """A model's pending and firing alerts, oldest first."""
    query = _with_model().where(alerts.c.model_id == model_id, alerts.c.state != "resolved")
    rows = connection.execute(query.order_by(alerts.c.started_at, alerts.c.id)).mappings()
    return [as_json(row) for row in rows]


def every_open(connection: Connection, model: str | None) -> list[dict[str, Any]]:
    """Pending and firing alerts, of one model or of all."""
    query = _with_model().where(alerts.c.state != "resolved")
    query = query if model is None else query.where(models.c.name == model)
    return [as_json(row) for row in connection.execute(query.order_by(alerts.c.id)).mappings()]


def list_alerts(
    connection: Connection,
    *,
    model: str | None,
    state: str | None,
    since: int | None,
    limit: int,
    after: tuple[int, str] | None,
) -> list[dict[str, Any]]:
    """Alerts newest first by (started_at, id), at most ``limit``. ``since``: those that were open at or after it."""
    conditions: list[ColumnElement[bool]] = []
    if model is not None:
        conditions.append(models.c.name == model)
    if state is not None:
        conditions.append(alerts.c.state == state)
    if since is not None:
        conditions.append(or_(alerts.c.resolved_at.is_(None), alerts.c.resolved_at >= since))
    if after is not None:
        started, alert_id = after
        earlier = and_(alerts.c.started_at == started, alerts.c.id < alert_id)
        conditions.append(or_(alerts.c.started_at < started, earlier))
    query = _with_model().where(*conditions).order_by(alerts.c.started_at.desc(), alerts.c.id.desc()).limit(limit)
    return [as_json(row) for row in connection.execute(query).mappings()]


def list_transitions(connection: Connection, alert_id: str) -> list[dict[str, Any]]:
    """An alert's timeline, oldest first."""
    query = select(transitions).where(transitions.c.alert_id == alert_id).order_by(transitions.c.id)
    return [_transition(row) for row in connection.execute(query).mappings()]


def newest_entries(
    connection: Connection, ids: Sequence[str], kinds: Sequence[str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """By alert and kind the newest entry of its timeline: ``id``, ``at`` (microseconds), ``reason``, ``readings`` and
    ``details``."""
    t = transitions.c
    newest = select(func.max(t.id)).where(t.alert_id.in_(ids), t.kind.in_(kinds)).group_by(t.alert_id, t.kind)
    rows = connection.execute(select(transitions).where(t.id.in_(newest))).mappings()
    names = ("id", "at", "reason", "readings", "details")
    return {(row["alert_id"], row["kind"]): {name: row[name] for name in names} for row in rows}


def judged_in(connection: Connection, model_id: int, since: int) -> list[dict[str, Any]]:
    """Of alerts that are over, what windows that end at or after ``since`` said: ``alert`` (its id), ``key``,
    ``severity``, ``kind`` (``corrected`` where they said it later), ``length_hours``, ``end`` and ``now``."""
    t, a = transitions.c, alerts.c
    kinds = ("pending", "firing", "raised", "corrected")
    mine = [a.model_id == model_id, a.state == "resolved", t.kind.in_(kinds), t.window_end >= since]
    names = (a.rule, a.version, a.segment, a.severity, t.alert_id, t.kind, t.length_hours, t.window_end, t.details)
    rows = connection.execute(select(*names).join(alerts, a.id == t.alert_id).where(*mine).order_by(t.id)).mappings()
    return [
        {
            "alert": row["alert_id"],
            "key": StateKey(row["rule"], row["version"], row["segment"]),
            "severity": row["severity"],
            "kind": row["kind"],
            "length_hours": row["length_hours"],
            "end": row["window_end"],
            "now": row["details"].get("now"),
        }
        for row in rows
    ]


def latest_moved(connection: Connection, alert_id: str) -> list[dict[str, Any]]:
    """What moved in the newest window at severity of an alert, by rank; empty where nothing is known of it. Of alerts
    of older programs, in the window in which they fired."""
    details = connection.execute(select(alerts.c.details).where(alerts.c.id == alert_id)).scalar_one_or_none() or {}
    if MOVED in details:
        return list(details[MOVED])
    told = [one["details"]["moved"] for one in list_transitions(connection, alert_id) if one["details"].get("moved")]
    return list(told[-1]) if told else []


def as_json(row: RowMapping) -> dict[str, Any]:
    """An alert's row, joined with its model's name, as CONTRACT names the fields."""
    return {
        "id": row["id"],
        "model": row["model"],
        "rule": row["rule"],
        "check": row["check_name"],
        "version": row["version"] or None,
        "segment": row["segment"],
        "severity": row["severity"],
        "state": row["state"],
        "condition": row["condition"],
        "started_at": render(row["started_at"]),
        "fired_at": optional(row["fired_at"]),
        "resolved_at": optional(row["resolved_at"]),
        "resolve_reason": row["resolve_reason"],
        "acknowledged_at": optional(row["acknowledged_at"]),
        "summary": row["summary"],
        "owner": row["owner"],
        "reasons": row["reasons"],
        "details": {name: value for name, value in (row["details"] or {}).items() if name not in (MOVED, SEEN)},
    }


def _transition(row: RowMapping) -> dict[str, Any]:
    window = None
    if row["window_end"] is not None:
        start = row["window_end"] - row["length_hours"] * 3_600_000_000
        window = {"start": render(start), "end": render(row["window_end"])}
    return {
        "at": render(row["at"]),
        "noted_at": optional(row["noted_at"]),
        "kind": row["kind"],
        "severity": row["severity"],
        "reason": row["reason"],
        "summary": _summary(row["readings"], row["details"]),
        "window": window,
        "readings": row["readings"],
        "details": row["details"],
    }


def _summary(readings: Sequence[Mapping[str, Any]], details: Mapping[str, Any]) -> str | None:
    return summary_of(readings, int(details.get("series") or 0)) if readings else None


def summary_of(evidence: Sequence[Mapping[str, Any]], total: int) -> str:
    """What the worst of the evidence, which comes first, says, and how many more of ``total`` series there are."""
    return sentence_of(evidence[0]) + (f" (and {total - 1} more)" if total > 1 else "")


def sentence_of(one: Mapping[str, Any]) -> str:
    """A reading's sentence."""
    return str(one["details"].get("summary") or f"{one['feature'] or one['metric']}: {one['verdict']}")


def _with_model() -> Any:
    return select(alerts, models.c.name.label("model")).join(models, models.c.id == alerts.c.model_id)


def _key(row: RowMapping) -> StateKey:
    version = None if row["version"] == POOLED else row["version"]
    return StateKey(row["rule"], version, row["segment"] or None)
