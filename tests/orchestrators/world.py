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
from monitor.actions.poll_orchestrators import poll_due
from monitor.actions.request_retraining import Asked, request_retraining
from monitor.store import config, trigger_runs
from monitor.store.alerts import list_transitions
from monitor.store.trigger_runs import TriggerRun
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Delivering, make_runs, make_service
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.orchestrators.base import Orchestrator, served
from tests.orchestrators.every import ENVIRONMENT

RULE = Rule("drift", "data_drift", notify=("ops",), trigger="retrain", cooldown=HOUR)
QUALITY = Rule("quality", "data_quality", notify=("ops",))


@dataclass
class World(Delivering):
    there: Orchestrator
    receiver: Receiver

    def fire(self, n: int = 0, rules: tuple[Rule, ...] = (RULE,), *more: Any, **given: Any) -> dict[str, Any]:
        as_of = MIDNIGHT + n * DAY
        alerts = self.runs.run(rules, reading("warning", end=as_of, **given), *more, as_of=as_of, wall_now=self.now)
        return next(alert for alert in alerts if alert["rule"] == "drift")

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

    def ask_again(self, alert: dict[str, Any], later: int) -> str:
        """As when something that hid the alert is over."""
        asked = Asked(
            model_id=1,
            rule="drift",
            cooldown=HOUR,
            trigger="retrain",
            settings=self.runs.triggers["retrain"],
            alert=alert,
            readings=[],
            as_of=MIDNIGHT + later,
            now=self.now + later,
            public_url="http://plimsoll.test",
            silenced=False,
        )
        with self.runs.database.write() as connection:
            return request_retraining(connection, asked)

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
        yield World(runs, make_service(runs), clock.now(), ENVIRONMENT, there, receiver)
        runs.database.close()
