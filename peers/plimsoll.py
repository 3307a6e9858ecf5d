"""A real ``plimsoll serve`` process on a SQLite store of its own, and a receiver of what it tells people."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from alerting.retraining import END_STATES
from peers.environments import ROOT
from peers.programs import Program, answers, until
from peers.world import MOVED, labels, predictions, rows
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.ports import free_port

NEVER = "0 0 1 1 *"  # runs are posted, so that no hour's own run comes between
OTHERS = ("prediction_drift", "data_quality", "serving")


@dataclass
class Plimsoll:
    """``told`` got what channel ``ops`` was told."""

    url: str
    program: Program
    http: httpx.Client
    told: Receiver
    models: list[str] = field(default_factory=list)

    def must(self, method: str, path: str, **given: Any) -> Any:
        answer = self.http.request(method, path, **given)
        assert answer.is_success, answer.text
        return answer.json()

    def save(self, **document: Any) -> httpx.Response:
        return self.http.put("/v1/config", json=document)

    def triggered(self, rule: str, trigger: Mapping[str, Any]) -> str:
        """A new model with a reference and rows of a world that has moved, whose ``rule`` asks for ``trigger``."""
        name = self.named()
        asks = {"name": rule, "check": rule, "at": "warning", "notify": ["ops"], "trigger": f"start-{name}"}
        self.configure(
            name,
            asks,
            channels={"ops": {"type": "webhook", "url": f"{self.told.url}/{name}"}},
            triggers={f"start-{name}": dict(trigger)},
        )
        self.move(name)
        return name

    def watched(self, channel: Mapping[str, Any]) -> str:
        """A new model whose drift is told on a channel."""
        name = self.named()
        asks = {"name": "data_drift", "check": "data_drift", "at": "warning", "notify": [f"for-{name}"]}
        self.configure(name, asks, channels={f"for-{name}": dict(channel)})
        return name

    def named(self) -> str:
        self.models.append(f"m{len(self.models)}")
        return self.models[-1]

    def configure(self, name: str, rule: Mapping[str, Any], **more: Any) -> None:
        """Only the check that the rule is about looks at the model, and only when it is told to."""
        checks: list[dict[str, Any]] = [{"name": kind, "kind": kind, "enabled": False} for kind in OTHERS]
        for kind in ("data_drift", "performance"):
            on = kind == rule["check"]
            checks.append({"name": kind, "kind": kind, "window": "24h", "schedule": NEVER, "enabled": on})
        saved = self.save(models={name: {"task": "binary", "checks": checks, "rules": [dict(rule)]}}, **more)
        assert saved.status_code == 200, saved.text

    def move(self, name: str) -> None:
        """A reference, and a day of rows of a world that has moved."""
        before = rows(moved_at() - timedelta(days=12), 24 * 10, seed=1)
        since = rows(moved_at() - timedelta(days=1), 24, seed=2, moved=MOVED)
        self.must("PUT", f"/v1/models/{name}/references/base", json=before)
        self.must("POST", f"/v1/models/{name}/predictions", json=predictions(since))
        self.must("POST", f"/v1/models/{name}/labels", json=labels(since))

    def fire(self, name: str) -> str:
        """Run the checks when the moved day is over; the id of the alert that fires."""
        as_of = (moved_at() + timedelta(minutes=5)).isoformat()
        ran = self.must("POST", f"/v1/models/{name}/runs", json={"as_of": as_of})
        (alert,) = [one["id"] for one in ran["alerts"] if one["state"] == "firing"]
        return str(alert)

    def alert(self, alert: str) -> dict[str, Any]:
        return dict(self.must("GET", f"/v1/alerts/{alert}"))

    def run(self, alert: str) -> dict[str, Any]:
        """The one trigger run of an alert."""
        (run,) = self.alert(alert)["trigger_runs"]
        return dict(run)

    def run_in(self, alert: str, state: str, seconds: float = 120) -> dict[str, Any]:
        """The trigger run of an alert, once it is in a state."""

        def ask() -> dict[str, Any] | None:
            run = self.run(alert)
            seen.append(str((run["state"], run.get("message"))))
            assert run["state"] == state or run["state"] not in END_STATES, f"the run ended as {seen[-1]}"
            return run if run["state"] == state else None

        seen: list[str] = []
        try:
            return until(f"the run is {state}", ask, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it went {list(dict.fromkeys(seen))}") from None

    def was_told(self, name: str, words: str, seconds: float = 20) -> dict[str, Any]:
        """The message about a model that has some words in it."""

        def ask() -> dict[str, Any] | None:
            said = [one for one in self.told.received if one.path == f"/{name}" and words in one.body.decode()]
            return dict(said[0].json()) if said else None

        return until(f"{words!r} is told", ask, seconds)


def moved_at() -> datetime:
    """The end of the day in which the world had moved: the last 4-hour mark at least four days ago."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return now - timedelta(days=4, hours=now.hour % 4)


@contextlib.contextmanager
def serving(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Plimsoll]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "monitor", "serve", "--port", str(port), "--home", str(home / "store")]
    given = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **(environment or {})}
    program = Program(command, home / "plimsoll.log", given)
    with receiving() as told, httpx.Client(base_url=url, timeout=60) as http:
        program.start()
        try:
            answers(f"{url}/readyz", program, 60)
            yield Plimsoll(url, program, http, told)
        finally:
            program.stop()
