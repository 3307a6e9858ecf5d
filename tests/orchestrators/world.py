"""A store, an orchestrator that is served on this machine, and a receiver of what is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerting.rules import Rule
from alerting.words import DAY, HOUR
from monitor import clock
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.poll_orchestrators import poll_due
from monitor.service import Service
from monitor.store import config, trigger_runs
from monitor.store.alerts import list_transitions
from monitor.store.trigger_runs import TriggerRun
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs, make_service
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.orchestrators.base import Orchestrator, served
from tests.orchestrators.every import ENVIRONMENT

RULE = Rule("drift", "data_drift", notify=("ops",), trigger="retrain", cooldown=HOUR)
QUALITY = Rule("quality", "data_quality", notify=("ops",))


@dataclass
class World:
    runs: Runs
    service: Service
    there: Orchestrator
    receiver: Receiver
    now: int

    def fire(self, n: int = 0, rules: tuple[Rule, ...] = (RULE,), *more: Any, **given: Any) -> dict[str, Any]:
        as_of = MIDNIGHT + n * DAY
        alerts = self.runs.run(rules, reading("warning", end=as_of, **given), *more, as_of=as_of, wall_now=self.now)
        return next(alert for alert in alerts if alert["rule"] == "drift")

    def deliver(self) -> int:
        return deliver_due(self.service, lambda: self.now, environment=ENVIRONMENT)

    def poll(self, later: int = 0) -> TriggerRun:
        self.now += later
        poll_due(self.service, lambda: self.now, environment=ENVIRONMENT)
        return self.run()

    def run(self) -> TriggerRun:
        with self.runs.database.read() as connection:
            return trigger_runs.runs_of_model(connection, 1)[0]

    def count(self) -> int:
        with self.runs.database.read() as connection:
            return len(trigger_runs.runs_of_model(connection, 1))

    def timeline(self, alert: dict[str, Any]) -> list[dict[str, Any]]:
        with self.runs.database.read() as connection:
            return list_transitions(connection, alert["id"])

    def told(self) -> list[str]:
        self.deliver()
        return [got.json()["type"] for got in self.receiver.received]

    def set(self, **settings: Any) -> None:
        self.runs.triggers = {"retrain": self.there.configured(**settings)}
        with self.runs.database.write() as connection:
            config.put(connection, "trigger", "retrain", self.runs.triggers["retrain"])


@contextmanager
def world_of(folder: Path, there: Orchestrator) -> Iterator[World]:
    with receiving() as receiver, served(there):
        runs = make_runs(folder)
        runs.channels = {"ops": {"type": "webhook", "url": receiver.url}}
        runs.triggers = {"retrain": there.configured()}
        yield World(runs, make_service(runs), there, receiver, clock.now())
        runs.database.close()
