"""A service that is told to stop lets what it sends arrive, and knows that it has."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import select

from alerting.message import body, entry
from monitor import bootstrap, clock, settings
from monitor.store.outbox import enqueue
from monitor.store.tables import outbox
from tests.alerting.notices import alert
from tests.monitor.delivery.receiver import Answer, receiving
from tests.monitor.world import World
from tests.ports import free_port
from tests.processes.test_roles import started


def test_what_is_being_sent_is_settled_before_the_end(tmp_path: Path) -> None:
    service = bootstrap.build(settings.load({}, home=tmp_path))
    with receiving() as outside:
        outside.answer = lambda _got: Answer(slowly=2.0)
        World(service).apply({"channels": {"ops": {"type": "webhook", "url": f"{outside.url}/ops"}}})
        told = entry("alert.firing", alert(id="alert-1"), [], public_url="http://plimsoll.test", reason="it drifts")
        with started(tmp_path, service.settings.database_url, "all", free_port()):
            with service.database.write() as connection:
                now = clock.now()
                text = body("flight-delays", now, [told])
                about = {"kind": "channel", "target": "ops", "lane": "ops|1", "alert_ids": ["alert-1"]}
                enqueue(connection, webhook_id="msg_1", body=text, now=now, **about)  # type: ignore[arg-type]
            deadline = time.monotonic() + 30
            while not outside.received and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(outside.received) == 1
        with service.database.read() as connection:
            sent = connection.execute(select(outbox.c.state, outbox.c.attempts)).one()
    assert sent == ("delivered", 1)
    service.close()
