"""A receiver, and a service whose rules tell it by a channel of any type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alerting.rules import Rule
from alerting.words import DAY
from monitor import clock
from monitor.actions.deliver_messages import deliver_due
from monitor.service import Service
from monitor.store import outbox
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs, make_service
from tests.monitor.api.calling import Api
from tests.monitor.delivery.receiver import Receiver, receiving

RULES = [Rule("drift", "data_drift", notify=("it",)), Rule("quality", "data_quality", notify=("it",))]
NAMES = {"KEY": "very-secret-key", "SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
NOON = clock.parse("2026-03-10T12:00:00Z")
NIGHT = clock.parse("2026-03-10T23:00:00Z")


@dataclass
class World:
    """A store, a receiver, and a clock that the test moves. ``it`` is the channel that the rules name."""

    runs: Runs
    receiver: Receiver
    now: int = NOON
    names: dict[str, str] = field(default_factory=lambda: dict(NAMES))
    service: Service = field(init=False)

    def channel(self, **settings: Any) -> None:
        """What the channel is."""
        self.runs.channels = {"it": settings}
        self.names["ADDRESS"] = f"{self.receiver.url}/very-secret-path"
        self.service = make_service(self.runs)

    def hook(self, **more: Any) -> None:
        self.channel(type="webhook", url=f"{self.receiver.url}/hook", secret="${SECRET}", **more)

    def deliver(self, patience: float | None = None) -> int:
        return deliver_due(self.service, lambda: self.now, environment=self.names, senders=1, patience=patience)

    def step(self, day: int, *verdicts: tuple[str, str], deliver: bool = True, **given: Any) -> list[dict[str, Any]]:
        """One run with the verdicts of checks."""
        as_of = MIDNIGHT + day * DAY
        found = [reading(verdict, check=check, end=as_of, **given) for check, verdict in verdicts]
        made = self.runs.run(RULES, *found, as_of=as_of, wall_now=self.now)
        if deliver:
            self.deliver()
        return made

    def drift(self, day: int, verdict: str, **given: Any) -> dict[str, Any]:
        return self.step(day, ("data_drift", verdict), **given)[0]

    def kinds(self) -> list[str]:
        """What the hook was told, in order."""
        return [str(got.json()["type"]) for got in self.receiver.received]

    def states(self, alert: dict[str, Any]) -> list[str]:
        with self.runs.database.read() as connection:
            return [one["state"] for one in outbox.deliveries_of(connection, alert["id"])]

    def api(self) -> Api:
        return Api(self.service, self.now)


@contextmanager
def channel_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A receiver, and a service whose rules tell it."""
    with receiving() as receiver:
        made = World(make_runs(tmp_path), receiver)
        made.names["ADDRESS"] = f"{receiver.url}/very-secret-path"
        for name, value in made.names.items():
            monkeypatch.setenv(name, value)
        yield made
        made.runs.database.close()
