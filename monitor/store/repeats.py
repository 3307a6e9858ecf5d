"""The newest message about each alert in a channel."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from monitor.store.outbox import DELIVERED, GIVEN_UP
from monitor.store.tables import alerts, outbox, outbox_alerts


def due(connection: Connection, target: str, *, since: int, firing: int, ended: int) -> list[RowMapping]:
    """Of each alert that fires, or whose end was written at or after ``since``, its newest message in a channel, with
    the alert's state as ``alert_state``; those alone that were settled at or before ``firing``, or arrived at or before
    ``ended`` where the alert is over. Others are not read: a thousand alerts are megabytes, looked for every few
    seconds."""
    fires = alerts.c.state == "firing"
    last = (
        select(func.max(outbox.c.id).label("id"))
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox.c.target == target, outbox.c.kind == "channel", outbox.c.state != "dropped")
        .join(alerts, alerts.c.id == outbox_alerts.c.alert_id)
        .where(or_(fires, alerts.c.updated_at >= since))
        .group_by(outbox_alerts.c.alert_id)
    )
    # a receiver that was away for so long that a message was given up has to hear of it all the more
    of_firing = (outbox.c.state.in_((DELIVERED, GIVEN_UP)), outbox.c.settled_at <= firing)
    of_ended = (outbox.c.state == DELIVERED, outbox.c.created_at >= since, outbox.c.settled_at <= ended)
    query = (
        select(outbox, alerts.c.state.label("alert_state"))
        .join(alerts, alerts.c.id == outbox.c.alert_id)
        .where(outbox.c.id.in_(last))
        .where(or_(and_(fires, *of_firing), and_(~fires, *of_ended)))
        .order_by(outbox.c.id)
    )
    return list(connection.execute(query).mappings())
