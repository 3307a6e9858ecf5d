"""Alerts as they stood at a moment, and forgetting them for a replay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select

from alerting.reading import as_evidence, worst_first
from monitor.store.alerts import SEEN, summary_at, summary_of
from monitor.store.readings import at_severity
from monitor.store.tables import alert_states, alerts, judged, transitions


@dataclass(frozen=True)
class Firing:
    """An alert that was firing, with the severity it had then, and since when it had it, in microseconds."""

    id: str
    severity: str
    since: int
    summary: str
    version: str | None


def firing_at(
    connection: Connection, model_id: int, as_of: int, version: str | None, critical_alone: Collection[str] = ()
) -> list[Firing]:
    """Alerts firing at a moment, the oldest first; with a version, those of it and those of no version. Rules that are
    ``critical_alone`` take no warning."""
    t = alerts.c
    mine = [t.model_id == model_id, t.fired_at <= as_of, or_(t.resolved_at.is_(None), t.resolved_at > as_of)]
    if version is not None:
        mine.append(or_(t.version.is_(None), t.version == version))
    return [
        Firing(
            row.id,
            *_severity(connection, row, as_of),
            _summary(connection, row, as_of, ("critical",) if row.rule in critical_alone else ("warning", "critical")),
            row.version,
        )
        for row in connection.execute(select(alerts).where(*mine).order_by(t.fired_at, t.id))
    ]


def _summary(connection: Connection, alert: Any, as_of: int, levels: Sequence[str]) -> str:
    """What an alert said of itself at a moment: what it says now, or earlier the newest window at severity that was
    known by then; where that is gone, what its timeline had noted."""
    seen = (alert.details or {}).get(SEEN)
    if seen is not None and seen <= as_of:
        return str(alert.summary)
    bad = at_severity(
        connection,
        alert.model_id,
        (alert.check_name, alert.version, alert.segment or ""),
        as_of,
        levels,
        alert.started_at,
    )
    evidence = [as_evidence(one) for one in worst_first(bad)]
    if evidence:
        return summary_of(evidence, len({one.series for one in bad}))
    return summary_at(connection, alert.id, as_of) or str(alert.summary)


def _severity(connection: Connection, alert: Any, as_of: int) -> tuple[str, int]:
    """The severity of an alert at a moment and since when: it rises within an episode and never falls."""
    t = transitions.c
    told = (t.alert_id == alert.id, t.at <= as_of)
    newest = select(t.severity).where(*told).order_by(t.at.desc(), t.id.desc()).limit(1)
    severity = connection.execute(newest).scalar_one_or_none() or alert.severity
    first = connection.execute(select(func.min(t.at)).where(*told, t.severity == severity)).scalar_one()
    return severity, max(alert.fired_at, first or alert.fired_at)


def quiet_since(connection: Connection, model_id: int, as_of: int, version: str | None) -> int | None:
    """When the last alert before a moment resolved; None if there never was one."""
    t = alerts.c
    mine = [t.model_id == model_id, t.fired_at.is_not(None), t.resolved_at <= as_of]
    if version is not None:
        mine.append(or_(t.version.is_(None), t.version == version))
    newest: int | None = connection.execute(select(func.max(t.resolved_at)).where(*mine)).scalar_one()
    return newest


def forget(connection: Connection, model_id: int, start: int) -> list[str]:
    """Forget the model's episodes and judged marks from ``start`` on, so that the stretch can be replayed anew;
    the ids of the alerts that are gone."""
    begun = and_(alerts.c.model_id == model_id, alerts.c.started_at >= start)
    gone = list(connection.execute(select(alerts.c.id).where(begun)).scalars())
    connection.execute(delete(transitions).where(transitions.c.alert_id.in_(gone)))
    connection.execute(delete(alerts).where(begun))
    connection.execute(delete(judged).where(judged.c.model_id == model_id, judged.c.as_of >= start))
    connection.execute(delete(alert_states).where(alert_states.c.model_id == model_id))
    return gone
