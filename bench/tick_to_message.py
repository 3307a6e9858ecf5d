"""From the first row of drift posted to the message at the receiver: ``python -m bench.tick_to_message [N [AT_ONCE]]``.

A served Plimsoll on SQLite, whose models are looked at every minute. Its clock is set a little before 00, 04, … 20 h:
then a window ends, and what was posted in the minute before is measured. Each of N models gets its first row of drift
at a random moment of that minute, and the rest of a day right after it; some models at once, then the next on a new
store. Shown are the seconds from that first row to the message, and how many of them were after the end of the window,
when the schedule looked. The promise is a tick of the schedule, here a minute, and two seconds.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from rich.progress import Progress

from monitor import clock
from monitor.config.document import KINDS
from tests.end_to_end.test_kill_ingest import wait_until_up
from tests.monitor.delivery.receiver import Answer, Received, receiving
from tests.monitor.world import bare, traffic
from tests.ports import free_port

H, D = clock.HOUR, clock.DAY
MINUTE, MARK = 60.0, 4 * 3600.0  # a window of a day ends every four hours
BEFORE = 75.0  # seconds before a window ends that a service begins
LONGEST = 100.0  # seconds
PROMISE = 2.0
PROGRAM = """
import sys
from monitor import clock
real, ahead = clock.now, int(float(sys.argv[1]) * clock.SECOND)
clock.now = lambda: real() + ahead
from monitor import bootstrap, serving, settings
serving.serve(bootstrap.build(settings.load({}, home=sys.argv[2], port=sys.argv[3])))
"""


@dataclass(frozen=True)
class Told:
    """When the first row was posted, and when the message came."""

    began: float
    came: float


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, float]]:
    """The address of a service in a process of its own, and by how many seconds its clock is ahead."""
    port = free_port()
    ahead = -(time.time() + BEFORE) % MARK
    command = [sys.executable, "-c", PROGRAM, str(ahead), str(home / "store"), str(port)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url)
        yield url, ahead
    finally:
        process.terminate()
        process.wait(30)


class Arrivals:
    """When the first message about each model came."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.changed = threading.Condition()

    def __call__(self, got: Received) -> Answer:
        with self.changed:
            self.came.setdefault(got.json()["data"]["alert"]["model"], time.time())
            self.changed.notify_all()
        return Answer()

    def of(self, model: str) -> float:
        """The moment; waits for it."""
        with self.changed:
            if not self.changed.wait_for(lambda: model in self.came, LONGEST):
                sys.exit(f"{model}: nothing came within {LONGEST:.0f} s")
            return self.came[model]


def prepare(http: httpx.Client, model: str, hour: int) -> None:
    """A model with a reference, and a check that looks every minute. ``hour``: when the window ends."""
    http.put("/config", json={"models": {model: {"checks": checks()}}}).raise_for_status()
    http.put(f"/models/{model}/references/base", json=traffic(hour - 12 * D, 10 * 24)).raise_for_status()


def one(http: httpx.Client, model: str, hour: int, moment: float, arrivals: Arrivals) -> Told:
    """Post a day of drift, from a moment on; ``hour`` as the service counts it, ``moment`` as we do."""
    first, *rest = bare(traffic(hour - D, 24, seed=2, shift=3.0))
    time.sleep(max(0.0, moment - time.time()))
    began = time.time()
    http.post(f"/models/{model}/predictions", json=first).raise_for_status()
    http.post(f"/models/{model}/predictions", json=rest).raise_for_status()
    return Told(began, arrivals.of(model))


def checks() -> list[dict[str, Any]]:
    """Drift alone is looked at."""
    mine = {"name": "data_drift", "kind": "data_drift", "window": "24h", "schedule": "* * * * *"}
    return [mine if kind == "data_drift" else {"name": kind, "kind": kind, "enabled": False} for kind in KINDS]


def batch(folder: Path, count: int, dice: random.Random) -> list[tuple[float, float]]:
    """So many models at once: seconds from the first row, and after the tick, of each."""
    with (
        receiving() as receiver,
        serving(folder) as (url, ahead),
        httpx.Client(base_url=f"{url}/v1", timeout=60) as http,
    ):
        receiver.answer = arrivals = Arrivals()
        hour = int((time.time() + ahead) // MARK + 1) * 4 * H
        tick = hour / clock.SECOND - ahead
        ops = {"type": "webhook", "url": f"{receiver.url}/ops"}
        http.put("/config", json={"default_notify": ["ops"], "channels": {"ops": ops}}).raise_for_status()
        names = [f"m{n}" for n in range(count)]
        for name in names:
            prepare(http, name, hour)
        moments = [tick - 1 - dice.uniform(0, MINUTE - 1) for _ in names]  # a second for the rest to be posted
        if time.time() > min(moments):
            sys.exit("this machine is too slow to prepare so many models within a minute")
        with ThreadPoolExecutor(count) as pool:
            told = list(pool.map(lambda n, at: one(http, n, hour, at, arrivals), names, moments))
    return [(each.came - each.began, each.came - tick) for each in told]


def main(count: int = 100, at_once: int = 10) -> None:
    """Print the median and the worst; fails where the promise is not kept."""
    dice, told = random.Random(1), list[tuple[float, float]]()
    with Progress() as bar:
        task = bar.add_task("drifts", total=count)
        while len(told) < count:
            with tempfile.TemporaryDirectory() as folder:
                told += batch(Path(folder), min(at_once, count - len(told)), dice)
            bar.update(task, completed=len(told))
    total, late = sorted(one for one, _ in told), sorted(one for _, one in told)
    print(f"{count} times, from the first row to the message: median {median(total):.1f} s, worst {total[-1]:.1f} s")
    print(f"of those after the tick: median {median(late):.2f} s, worst {late[-1]:.2f} s")
    if late[-1] > PROMISE:
        sys.exit(f"later than a tick and {PROMISE:.0f} s: {sum(one > PROMISE for one in late)} of {count}")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
