"""A store with one model in it, and runs of its alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from alerting.reading import Reading
from alerting.rules import Rule
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.step_alerts import step_alerts
from monitor.bootstrap import observations_on
from monitor.service import Service
from monitor.settings import Settings
from monitor.store import config
from monitor.store.database import Database
from monitor.store.outbox import deliveries_of
from monitor.store.schema import migrate
from monitor.store.tables import models
from tests.stores import new_url

CHAT = {"type": "slack", "webhook_url": "${CHAT_URL}"}
HOOK = {"type": "webhook", "url": "https://ops.example/hook", "secret": "${OPS_SECRET}"}
RETRAIN = {"type": "webhook", "url": "https://orchestrator.example/runs"}


@dataclass(frozen=True)
class KnownModel:
    id: int
    name: str


@dataclass
class Runs:
    """Runs of the alerts of one model on a real SQLite file."""

    database: Database
    model: KnownModel
    channels: dict[str, Any] = field(default_factory=lambda: {"chat": CHAT, "ops": HOOK})
    triggers: dict[str, Any] = field(default_factory=lambda: {"retrain": RETRAIN})

    def run(self, rules: Sequence[Rule], *readings: Reading, as_of: int, **given: Any) -> list[dict[str, Any]]:
        settings = {
            "deliver": True,
            "wall_now": as_of,
            "owner": "#ml",
            "public_url": "http://plimsoll.test",
            "importance": {},
            **given,
        }
        with self.database.write() as connection:
            return step_alerts(
                connection,
                self.model,
                rules,
                readings,
                as_of=as_of,
                channels=self.channels,
                triggers=self.triggers,
                **settings,
            )


@dataclass
class Delivering:
    """A store, what its secrets are, and a clock that the test moves."""

    runs: Runs
    service: Service
    now: int
    names: Mapping[str, str]

    def deliver(self, **given: Any) -> int:
        return deliver_due(self.service, lambda: self.now, **{"environment": self.names, **given})

    def deliveries(self, alert: Mapping[str, Any]) -> list[dict[str, Any]]:
        with self.runs.database.read() as connection:
            return deliveries_of(connection, alert["id"])


def make_runs(folder: Path, name: str = "flight-delays") -> Runs:
    """A fresh store in a folder."""
    database = Database(new_url(folder))
    migrate(database)
    with database.write() as connection:
        connection.execute(insert(models).values(id=1, name=name, settings={}, created_at=0))
    return Runs(database, KnownModel(1, name))


def make_service(runs: Runs, host: str = "127.0.0.1", public_url: str = "http://plimsoll.test") -> Service:
    """A service on the store of the runs, with their channels and triggers configured."""
    url = str(runs.database.url)
    settings = Settings(Path("unused"), url, url, embedded=False, host=host, public_url=public_url)
    with runs.database.write() as connection:
        for kind, parts in (("channel", runs.channels), ("trigger", runs.triggers)):
            for name, given in parts.items():
                config.put(connection, kind, name, given)
    return Service(settings, runs.database, observations_on(runs.database))
