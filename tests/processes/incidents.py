"""Models that drift one after the other while processes are killed, and the two who are asked to train them again."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import select

from alerting.retraining import OPEN_STATES
from monitor import clock
from monitor.config.document import KINDS
from monitor.service import Service
from monitor.store import tables
from tests import served as servers
from tests.monitor.world import bare, traffic
from tests.orchestrators.base import Reply, Seen, served
from tests.orchestrators.schedulers import Airflow
from tests.processes.sending import Sent

H, D = clock.HOUR, clock.DAY
LOST = 3  # answers of the scheduler, each after it has done what it was asked for


class Scheduler(Airflow):
    """An Airflow, where a key is a run's name: each question finds a run one state further on."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = LOST
        self._lock = threading.Lock()

    def handle(self, request: Seen) -> Reply | None:
        with self._lock:
            reply = super().handle(request)
            run = self.of_id(request.parts[-1])
            if run is not None:
                run.state = "running" if run.state == "queued" else "success"
            return reply


@dataclass
class Trainer:
    """Is asked by webhook, begins one run for each key, and reports until somebody has heard how it ended."""

    url: str = ""
    asked: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # message ids of each key
    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # of each alert
    reports: list[threading.Thread] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, message_id: str, data: dict[str, Any]) -> None:
        """One request."""
        with self.lock:
            self.keys[data["alert"]["id"]].add(key)
            self.asked[key][message_id] += 1
            if self.asked[key].total() == 1:
                told = data["trigger_run"]["callback_url"]
                self.reports.append(threading.Thread(target=self.report, args=(told,)))
                self.reports[-1].start()

    def report(self, callback: str) -> None:
        """That it runs, and that it has ended; again where no answer says that it was heard."""
        for state in ("running", "succeeded"):
            while not self.over.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    answer = httpx.post(callback, json={"status": state}, timeout=10)
                    if answer.status_code == 200:
                        break
                    if answer.status_code not in (429, 503):
                        self.wrong.append(f"{state}: {answer.status_code} {answer.text}")
                        return
                time.sleep(0.05)


@contextlib.contextmanager
def training() -> Iterator[Trainer]:
    """A trainer on a free port of this machine."""
    trainer = Trainer()

    class Handler(servers.Quiet):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the sender died in the middle of it
            trainer.take(self.headers["idempotency-key"], self.headers["webhook-id"], json.loads(body)["data"])
            with contextlib.suppress(OSError):  # or it died now
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

    with servers.http(Handler) as trainer.url:
        try:
            yield trainer
        finally:
            trainer.over.set()
            for thread in trainer.reports:
                thread.join(20)


@dataclass
class Incidents:
    """Models that drifted, each once, and who trains them. Two rules of each ask at the same moment."""

    trainer: Trainer
    scheduler: Scheduler
    models: list[str] = field(default_factory=list)

    def triggers(self) -> dict[str, Any]:
        """Both, as a configuration has them. They may take their time: a worker's clock runs fast."""
        slow = {"start_by": "7d", "finish_by": "14d"}
        conf = {"model": "{model}", "alert": "{alert}"}
        return {
            "by_webhook": {"type": "webhook", "url": f"{self.trainer.url}/runs", **slow},
            "by_scheduler": self.scheduler.configured(conf=conf, **slow),
        }

    def drift(self, sent: Sent, urls: Iterator[str], most: int, stop: threading.Event) -> None:
        """One model after the other: what it is, its rows, and then a reference that they are far from."""
        first = clock.now() // H * H
        with httpx.Client(timeout=20) as http:
            for number in range(most):
                name = f"t{number}"
                document = {"models": {name: drifting(("by_webhook", "by_scheduler")[number % 2])}}
                sent.until_taken(http, "PUT", urls, "config", document)
                rows = traffic(first, 3, per_hour=60, seed=number, shift=2.0, prefix=name)
                sent.until_taken(http, "POST", urls, f"models/{name}/predictions", bare(rows))
                base = bare(traffic(first - 9 * D, 9 * 24, seed=number))
                sent.until_taken(http, "PUT", urls, f"models/{name}/references/base", base)
                self.models.append(name)
                if stop.wait(1.0):
                    return

    def waiting(self, service: Service) -> str | None:
        """What keeps them from being over: models that none was asked for, runs that have not ended."""
        with service.database.read() as connection:
            r, m = tables.trigger_runs.c, tables.models.c
            query = select(m.name, r.state, r.message).join_from(tables.trigger_runs, tables.models, m.id == r.model_id)
            found = connection.execute(query).all()
        unheard = sorted(set(self.models) - {run.name for run in found})
        there = [tuple(run) for run in found if run.state in OPEN_STATES]
        return f"retrainings: none of {unheard}, open {there}" if unheard or there else None

    def check(self, service: Service) -> None:
        """One run for one incident, here and there, each followed to its end; one key and one message for all that was
        said of it."""
        r, m = tables.trigger_runs.c, tables.models.c
        query = select(m.name, r.state, r.alert_id, r.trigger_name, r.idempotency_key, r.message)
        with service.database.read() as connection:
            runs = connection.execute(query.join_from(tables.trigger_runs, tables.models, m.id == r.model_id)).all()
            told = select(tables.transitions.c.kind, tables.transitions.c.alert_id)
            notes = connection.execute(told.where(tables.transitions.c.kind.like("retraining_%"))).all()
        assert Counter(name for name, *_ in runs) == Counter(self.models)
        assert {run.state for run in runs} == {"succeeded"}, [tuple(run) for run in runs]
        kinds = Counter(kind for kind, _ in notes)
        assert kinds["retraining_requested"] == kinds["retraining_succeeded"] == len(self.models), kinds
        assert kinds["retraining_suppressed"] == len(self.models)  # the other rule
        self._check_trainer({run.alert_id: run.idempotency_key for run in runs if run.trigger_name == "by_webhook"})
        there = [(one.given["alert"], one.key) for one in self.scheduler.runs]
        here = [(run.alert_id, run.idempotency_key) for run in runs if run.trigger_name == "by_scheduler"]
        assert sorted(there) == sorted(here)
        assert {one.state for one in self.scheduler.runs} <= {"success"}

    def _check_trainer(self, keys: dict[str, str]) -> None:
        assert self.trainer.wrong == []
        assert {alert: {key} for alert, key in keys.items()} == dict(self.trainer.keys)
        assert all(len(messages) == 1 for messages in self.trainer.asked.values()), self.trainer.asked


def drifting(trigger: str) -> dict[str, Any]:
    """A model whose hours are looked at one by one, for two rules."""
    off = [{"name": kind, "kind": kind, "enabled": False} for kind in KINDS if kind != "data_drift"]
    hourly = {"name": "data_drift", "kind": "data_drift", "features": ["x"], "window": "1h"}
    hourly |= {"method": "ks", "threshold": {"p_value": 0.001}}
    asks = {"check": "data_drift", "trigger": trigger, "notify": ["ops"], "cooldown": "30d"}
    return {"checks": [hourly, *off], "rules": [{"name": name, **asks} for name in ("one", "other")]}


@contextlib.contextmanager
def orchestrators() -> Iterator[Incidents]:
    """Both orchestrators on this machine."""
    scheduler = Scheduler()
    with training() as trainer, served(scheduler):
        yield Incidents(trainer, scheduler)


@contextlib.contextmanager
def happening(incidents: Incidents, sent: Sent, urls: list[str], most: int) -> Iterator[None]:
    """Models drift in a thread of their own; all that have begun are posted when the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=incidents.drift, args=(sent, itertools.cycle(urls), most, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(120)
