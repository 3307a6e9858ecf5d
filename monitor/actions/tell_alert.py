"""Telling those who were told of an alert what became of it between runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from alerting.registry import channel_of
from monitor.store import config, outbox
from monitor.store.database import Connection


def tell(connection: Connection, alert_id: str, model_id: int, body: Mapping[str, Any], now: int) -> int:
    """Put a message with one entry into the outbox of every channel that was sent the alert; how many there were."""
    channels = config.objects(connection, "channel")
    told = 0
    for target, lane in outbox.told_of(connection, alert_id):
        if target not in channels or channel_of(channels[target]) is None:
            continue
        outbox.enqueue(
            connection,
            webhook_id=f"msg_{secrets.token_hex(12)}",
            kind="channel",
            target=target,
            lane=lane,
            body=body,
            alert_ids=[alert_id],
            now=now,
            model_id=model_id,
        )
        told += 1
    return told
