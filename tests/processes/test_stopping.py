"""A service that is told to stop lets what it sends arrive, and knows that it has."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from alerting.message import body, entry
from monitor import bootstrap, clock, settings
from monitor.service import Service
from monitor.store.outbox import enqueue
from monitor.store.tables import outbox
from tests.alerting.notices import alert
from tests.monitor.delivery.receiver import Answer, receiving
from tests.monitor.world import World
from tests.ports import free_port
from tests.processes.test_roles import started


@contextlib.contextmanager
def sending(home: Path, slowly: float) -> Iterator[tuple[Service, subprocess.Popen[str]]]:
    """A service that is at sending a message, to a receiver that takes its time."""
    service = bootstrap.build(settings.load({}, home=home))
    with receiving() as outside:
        outside.answer = lambda _got: Answer(slowly=slowly)
        World(service).apply({"channels": {"ops": {"type": "webhook", "url": f"{outside.url}/ops"}}})
        told = entry("alert.firing", alert(id="alert-1"), [], public_url="http://plimsoll.test", reason="it drifts")
        with started(home, service.settings.database_url, "all", free_port()) as process:
            with service.database.write() as connection:
                now = clock.now()
                text = body("flight-delays", now, [told])
                about = {"kind": "channel", "target": "ops", "lane": "ops|1", "alert_ids": ["alert-1"]}
                enqueue(connection, webhook_id="msg_1", body=text, now=now, **about)  # type: ignore[arg-type]
            deadline = time.monotonic() + 30
            while not outside.received and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(outside.received) == 1
            yield service, process
    service.close()


def outcome(service: Service) -> tuple[str, int]:
    with service.database.read() as connection:
        found = connection.execute(select(outbox.c.state, outbox.c.attempts)).one()
    return found.state, found.attempts


def test_what_is_being_sent_is_settled_before_the_end(tmp_path: Path) -> None:
    with sending(tmp_path, slowly=2.0) as (service, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
        assert outcome(service) == ("delivered", 1)


def test_who_asks_twice_waits_for_nothing(tmp_path: Path) -> None:
    with sending(tmp_path, slowly=6.0) as (service, process):
        process.send_signal(signal.SIGINT)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert outcome(service) == ("waiting", 0)  # it did not wait for the receiver; the message goes out again
