"""kill -9 while messages go out: each is delivered at least once, in order per lane, always with the same id."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select

from alerting.message import body, entry
from monitor import clock
from monitor.actions.deliver_messages import deliver_due
from monitor.store.outbox import enqueue
from monitor.store.tables import outbox
from tests.alerting.notices import alert
from tests.end_to_end.delivers_and_dies import fast_clock, service_on
from tests.monitor.actions.alert_store import Runs, make_runs, make_service
from tests.monitor.delivery.receiver import Answer, Received, Receiver, receiving

ROOT = Path(__file__).parents[2]
KILLS = 25
LANES = 12
MESSAGES = 180


def fill(runs: Runs, now: int) -> dict[str, list[str]]:
    """Messages of several alerts; their ids by alert, in order."""
    ids: dict[str, list[str]] = {}
    with runs.database.write() as connection:
        for number in range(MESSAGES):
            about = f"alert-{number % LANES}"
            ids.setdefault(about, []).append(f"msg_{number}")
            told = entry("alert.firing", alert(id=about), [], public_url="http://plimsoll.test", reason=str(number))
            enqueue(
                connection,
                webhook_id=f"msg_{number}",
                kind="channel",
                target="ops",
                lane=f"ops|{about}",
                body=body("flight-delays", now, [told]),
                alert_ids=[about],
                now=now,
                model_id=1,
            )
    return ids


def flaky(receiver: Receiver) -> None:
    """Now and then the receiver is slow, or takes the message and says that it failed."""
    chance = random.Random(7)

    def answer(_got: Received) -> Answer:
        return Answer(500 if chance.random() < 0.05 else 200, slowly=chance.uniform(0, 0.02))

    receiver.answer = answer


def test_killed_senders_lose_nothing(tmp_path: Path) -> None:
    with receiving() as receiver:
        flaky(receiver)
        runs = make_runs(tmp_path)
        runs.channels = {"ops": {"type": "webhook", "url": f"{receiver.url}/ops"}}
        make_service(runs)
        start = clock.now()
        wanted = fill(runs, start)
        url = str(runs.database.url)
        program = [sys.executable, "-m", "tests.end_to_end.delivers_and_dies", url, str(KILLS), str(start)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        assert done.stdout.split() == [str(KILLS)]
        before = len(receiver.received)
        service = service_on(url)
        deadline = time.monotonic() + 60
        while waiting(runs) and time.monotonic() < deadline:
            deliver_due(service, fast_clock(start), environment={})
            time.sleep(0.01)
        service.database.close()
        assert states(runs) == {"delivered"}
        runs.database.close()
    assert before > MESSAGES // 20  # the killed ones did send
    arrived: dict[str, list[str]] = {}
    for got in receiver.received:
        arrived.setdefault(got.json()["data"]["alert"]["id"], []).append(got.headers["webhook-id"])
    first_arrivals = {about: list(dict.fromkeys(ids)) for about, ids in arrived.items()}
    assert first_arrivals == wanted
    # a message that comes again comes before the next of its lane: nothing overtakes
    assert {about: [key for key, _ in itertools.groupby(ids)] for about, ids in arrived.items()} == wanted


def states(runs: Runs) -> set[str]:
    with runs.database.read() as connection:
        return set(connection.execute(select(outbox.c.state)).scalars())


def waiting(runs: Runs) -> bool:
    return "waiting" in states(runs)
