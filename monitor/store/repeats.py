"""The newest message about each alert in a channel."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, func, or_, select

from monitor.store.tables import alerts, outbox, outbox_alerts


def newest(connection: Connection, target: str, since: int) -> list[RowMapping]:
    """Of each alert that fires, or whose end was written at or after ``since``, its newest message in a channel, with
    the alert's state as ``alert_state``."""
    last = (
        select(func.max(outbox.c.id).label("id"))
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox.c.target == target, outbox.c.kind == "channel", outbox.c.state != "dropped")
        .join(alerts, alerts.c.id == outbox_alerts.c.alert_id)
        .where(or_(alerts.c.state == "firing", alerts.c.updated_at >= since))
        .group_by(outbox_alerts.c.alert_id)
    )
    query = (
        select(outbox, alerts.c.state.label("alert_state"))
        .join(alerts, alerts.c.id == outbox.c.alert_id)
        .where(outbox.c.id.in_(last))
        .where(or_(alerts.c.state == "firing", outbox.c.created_at >= since))
        .order_by(outbox.c.id)
    )
    return list(connection.execute(query).mappings())
