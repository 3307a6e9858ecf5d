"""API, worker and database are killed at random while rows come in, checks run and messages go out."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from monitor import bootstrap, clock, settings
from monitor.config.document import KINDS
from monitor.service import Service
from monitor.store import tables
from monitor.store.database import Database
from monitor.store.schema import migrate
from tests.end_to_end.test_kill_ingest import wait_until_up
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.monitor.world import World, bare, labels_of, traffic
from tests.orchestrators.every import ENVIRONMENT
from tests.ports import free_port
from tests.postgres import Databases, Server
from tests.processes.incidents import Incidents, happening, orchestrators
from tests.processes.sending import Sent

BATCH = 40
H, D = clock.HOUR, clock.DAY
ROLES = ("api", "api", "worker", "worker")
RETENTION, SPAN = 3 * D, 22  # hours that the clients post to, one after the other: what is kept moves on with them


@dataclass
class Process:
    """One process of the service, which comes back when it is killed."""

    role: str
    pid_file: Path
    url: str

    def kill(self) -> None:
        """kill -9; returns when the next one has begun."""
        before = self.pid_file.read_text()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(before), signal.SIGKILL)
        while self.pid_file.read_text() in (before, ""):
            time.sleep(0.005)


@dataclass
class Chaos:
    """What was sent and acknowledged, who was killed, and where it all is."""

    store: str
    receiver: Receiver
    incidents: Incidents
    begun: int
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    labelled: list[dict[str, Any]] = field(default_factory=list)
    old: list[dict[str, Any]] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    sent: Sent = field(default_factory=Sent)

    @property
    def first(self) -> int:
        """The hour that it began in."""
        return self.begun // H * H


def play(folder: Path, kills: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> None:
    """Kill so many times; raises AssertionError where something is lost, doubled or wrong afterwards."""
    server = Server("fsync=on")  # a store that loses nothing when it is killed
    try:
        with receiving() as receiver, orchestrators() as incidents:
            with contextlib.closing(Databases(server.address)) as databases:
                url = databases.empty()
            database = Database(url)
            migrate(database)
            database.close()
            chaos = Chaos(url, receiver, incidents, clock.now())
            with processes(folder, url, chaos.begun) as those:
                urls = [one.url for one in those if one.role == "api"]
                _begin(chaos, urls[0])
                with posting(chaos, urls), happening(incidents, chaos.sent, urls, kills // 4):
                    _kill(chaos, those, server, kills, random.Random(seed), progress)
                _settle(chaos, urls)
                _check_pages(urls, chaos)
            check(chaos)
    finally:
        server.stop()


@contextlib.contextmanager
def processes(folder: Path, url: str, start: int) -> Iterator[list[Process]]:
    """Two that answer and two that work."""
    made: list[Process] = []
    ports = [str(free_port()) if role == "api" else "0" for role in ROLES]
    environment = {**os.environ, **ENVIRONMENT, "PLIMSOLL_PUBLIC_URL": f"http://127.0.0.1:{ports[0]}"}
    with contextlib.ExitStack() as until:
        for number, (role, port) in enumerate(zip(ROLES, ports, strict=True)):
            pid_file = folder / f"{role}{number}.pid"
            program = [sys.executable, "-m", "tests.processes.lives_and_dies", role, url, port, str(pid_file)]
            log = until.enter_context((folder / f"{role}{number}.log").open("wb"))
            parent = subprocess.Popen(
                [*program, str(start)], stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
            until.callback(_end, parent)
            made.append(Process(role, pid_file, f"http://127.0.0.1:{port}"))
        for one in made:
            while not one.pid_file.exists() or not one.pid_file.read_text():
                time.sleep(0.01)
            if one.role == "api":
                wait_until_up(one.url)
        yield made


def _end(parent: subprocess.Popen[bytes]) -> None:
    assert parent.stdin is not None
    parent.stdin.close()
    parent.wait(30)


def _begin(chaos: Chaos, url: str) -> None:
    """A model with a reference of nine days, whose last day is over now, and an alert that somebody is told of."""
    checks = [{"name": kind, "kind": kind, "enabled": kind == "data_drift"} for kind in KINDS]
    config = {
        "default_notify": ["ops"],
        "channels": {"ops": {"type": "webhook", "url": f"{chaos.receiver.url}/ops"}},
        "triggers": chaos.incidents.triggers(),
        "models": {"m": {"checks": checks, "retention": f"{RETENTION // D}d"}},
    }
    with httpx.Client(timeout=60) as http:
        http.put(f"{url}/v1/config", json=config).raise_for_status()
        rows = traffic(chaos.first - 9 * D, 9 * 24)
        http.put(f"{url}/v1/models/m/references/base", json=rows).raise_for_status()


@contextlib.contextmanager
def posting(chaos: Chaos, urls: list[str]) -> Iterator[None]:
    """Clients that send each body again, to the next process, until it is acknowledged."""
    stop = threading.Event()
    threads = [threading.Thread(target=_client, args=(chaos, urls, number, stop)) for number in range(3)]
    threads.append(threading.Thread(target=_late_client, args=(chaos, urls, stop)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(120)


def _client(chaos: Chaos, urls: list[str], number: int, stop: threading.Event) -> None:
    turn = itertools.cycle(urls)
    with httpx.Client(timeout=10) as http:
        for batch in itertools.count():
            if stop.is_set():
                return
            prefix = f"c{number}-{batch}-"
            hour = chaos.first + (batch % SPAN) * H
            records = traffic(hour, 1, per_hour=BATCH, seed=batch, shift=2.0, prefix=prefix)
            chaos.sent.until_taken(http, "POST", turn, "models/m/predictions", bare(records))
            chaos.acknowledged += records
            chaos.sent.until_taken(http, "POST", turn, "models/m/labels", labels_of(records, H))
            chaos.labelled += records


def _late_client(chaos: Chaos, urls: list[str], stop: threading.Event) -> None:
    """Posts rows about as old as is kept: of hours that are deleted by now, soon, or not."""
    turn, start = itertools.cycle(urls), chaos.first - RETENTION - 12 * H
    with httpx.Client(timeout=10) as http:
        for batch in itertools.count():
            records = traffic(start + (batch * 7 % 48) * H, 1, per_hour=6, seed=batch, prefix=f"old{batch}-")
            chaos.sent.until_taken(http, "POST", turn, "models/m/predictions", bare(records))
            chaos.old += records
            if stop.wait(0.1):
                return


def _kill(
    chaos: Chaos,
    those: list[Process],
    server: Server,
    kills: int,
    dice: random.Random,
    progress: Callable[[int], None],
) -> None:
    for number in range(kills):
        time.sleep(dice.uniform(0.1, 0.6))
        victim = dice.randrange(len(those) + 1)
        if victim == len(those):
            chaos.killed["database"] += 1
            server.kill()
            server.start()
        else:
            chaos.killed[those[victim].role] += 1
            those[victim].kill()
        if number % 5 == 4:
            _wait_for_more(chaos)
        progress(number + 1)


def _wait_for_more(chaos: Chaos) -> None:
    before, deadline = len(chaos.acknowledged), time.monotonic() + 60
    while len(chaos.acknowledged) == before:
        assert time.monotonic() < deadline, f"nothing was acknowledged within a minute; {chaos.sent.refused}"
        time.sleep(0.01)


def _settle(chaos: Chaos, urls: list[str]) -> None:
    """Until the workers have told of an alert, followed what was asked for to its end, and deleted what is old once
    more: one row is newer than all others."""
    newest = traffic(chaos.first + (SPAN + 1) * H, 1, per_hour=1, prefix="newest")
    with httpx.Client(timeout=10) as http:
        chaos.sent.until_taken(http, "POST", itertools.cycle(urls), "models/m/predictions", bare(newest))
    chaos.acknowledged += newest
    service = bootstrap.build(settings.load({}, database_url=chaos.store))
    deadline = time.monotonic() + 120
    try:
        while waiting := _waits(service, chaos):
            assert time.monotonic() < deadline, f"it waits for {waiting}; killed {chaos.killed}"
            time.sleep(0.1)
    finally:
        service.database.close()


def _waits(service: Service, chaos: Chaos) -> str | None:
    """What is not over yet."""
    with service.database.read() as connection:
        messages = connection.execute(select(tables.outbox.c.id).where(tables.outbox.c.state == "waiting")).all()
        fired = connection.execute(select(tables.alerts.c.id)).all()
        model = World(service).found(connection)
    if not fired or messages:
        return "alerts" if not fired else "messages"
    if model.rows_since != _kept_since(chaos):
        return f"rows to be deleted, {model.rows_since}"
    return chaos.incidents.waiting(service)


def _kept_since(chaos: Chaos) -> int:
    return (chaos.first + (SPAN + 1) * H - RETENTION) // H


def _check_pages(urls: list[str], chaos: Chaos) -> None:
    with httpx.Client(timeout=60) as http:
        for url in urls:
            for path in ("/", "/models/m", "/models/m/features/x", "/alerts", "/metrics", "/v1/models/m/health"):
                answer = http.get(url + path)
                assert answer.status_code == 200, (path, answer.text[:300])
            counts = http.get(f"{url}/v1/models/m").json()["counts"]
            assert counts["predictions"] >= len(chaos.acknowledged)


def check(chaos: Chaos) -> None:
    """Nothing acknowledged is lost but what is old, nothing doubled; each run once; no alert without its message; one
    retraining for each incident."""
    service = bootstrap.build(settings.load({}, database_url=chaos.store))
    try:
        _check_rows(service, chaos)
        _check_runs(service)
        _check_messages(service, chaos)
        chaos.incidents.check(service)
    finally:
        service.database.close()


def _check_rows(service: Service, chaos: Chaos) -> None:
    world = World(service)
    with service.database.read() as connection:
        model = world.found(connection)
        rows = [
            one
            for table in service.observations.read(connection, model.stored, 0, 1 << 24, model.columns)
            for one in table.column("id").to_pylist()
        ]
        assert len(rows) == len(set(rows)) == model.n_predictions
        assert {one["id"] for one in chaos.acknowledged} <= set(rows)
        kept = {one["id"] for one in chaos.old if clock.parse(one["timestamp"]) // H >= _kept_since(chaos)}
        assert kept
        assert {one["id"] for one in chaos.old} & set(rows) == kept
        assert len(kept) < len(chaos.old)
        assert service.observations.stats(connection, model.stored)["orphans"] == 0
        for one in chaos.labelled[:: max(1, len(chaos.labelled) // 300)]:
            stored = service.observations.get(connection, model.stored, one["id"])
            assert stored is not None
            assert len(stored["labels"]) == 1
        t = tables.summaries.c
        counted = dict(connection.execute(select(t.hour, t.rows).where(t.model_id == model.id, t.segment == "")).all())
        waiting = set(connection.execute(select(tables.dirty_hours.c.hour)).scalars())
        stored_hours = Counter(
            hour
            for table in service.observations.read(connection, model.stored, 0, 1 << 24, [])
            for hour in table.column("hour").to_pylist()
        )
    assert all(counted[hour] == stored_hours[hour] for hour in set(counted) - waiting)
    assert set(stored_hours) <= set(counted) | waiting


def _check_runs(service: Service) -> None:
    r = tables.readings.c
    with service.database.read() as connection:
        names = (r.check_name, r.metric, r.feature, r.segment, r.version, r.window_start, r.window_end, r.revision)
        made = Counter(connection.execute(select(r.model_id, *names)).all())
        claims = connection.execute(select(tables.run_claims.c.as_of, tables.run_claims.c.finished_at)).all()
    assert made
    assert max(made.values()) == 1
    assert any(finished for _, finished in claims)


def _check_messages(service: Service, chaos: Chaos) -> None:
    told, mine = tables.transitions.c, tables.outbox_alerts.c
    with service.database.read() as connection:
        fired = set(connection.execute(select(told.alert_id).where(told.kind == "firing")).scalars())
        sent = set(connection.execute(select(mine.alert_id)).scalars())
        to_people = tables.outbox.c.kind != "trigger"
        keys = set(connection.execute(select(tables.outbox.c.webhook_id).where(to_people)).scalars())
    arrived = {got.headers["webhook-id"] for got in chaos.receiver.received}
    assert fired
    assert fired <= sent
    assert keys == arrived
