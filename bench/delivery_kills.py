"""kill -9 of the service between an alert's change and its message: ``python -m bench.delivery_kills [KILLS [SEED]]``.

Episodes begin and end; after each change the whole service is killed, at once or a moment later. A receiver that is
there hears of every episode exactly once that it fires and once that it is over, repeats known by their id.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress
from standardwebhooks import Webhook, WebhookVerificationError

from monitor import clock
from monitor.config.document import KINDS
from tests.end_to_end.test_kill_ingest import dying_server, wait_until_up
from tests.monitor.delivery.receiver import Answer, Received, Receiver, receiving
from tests.monitor.world import bare, traffic

H, D = clock.HOUR, clock.DAY
STEP = 4 * H  # a window of a day ends so often
PATIENCE = 100.0  # seconds: whoever dies while sending holds the message for a minute
NEVER = "0 0 1 1 *"  # runs are posted
LATEST = 0.4  # seconds between a change and the kill


@dataclass
class Killed:
    """``told``: how often that many messages of a change had arrived when the service was killed after it."""

    url: str
    pid_file: Path
    receiver: Receiver
    http: httpx.Client
    dice: random.Random
    told: Counter[int] = field(default_factory=Counter)

    def call(self, method: str, path: str, body: Any) -> Any:
        """The answer, however often the service has to be asked again while it comes back."""
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = self.http.request(method, f"{self.url}{path}", json=body)
                if answer.status_code != 503:
                    return answer.raise_for_status().json()
            if time.monotonic() > deadline:
                sys.exit("the service did not come back")
            time.sleep(0.02)

    def kill(self, alert: str, kind: str) -> None:
        """kill -9, at once every other time, else a moment later."""
        time.sleep(self.dice.choice([0.0, self.dice.uniform(0, LATEST)]))
        before = self.pid_file.read_text()
        os.kill(int(before), signal.SIGKILL)
        self.told[len(ids(self.receiver, alert, kind))] += 1
        while self.pid_file.read_text() in (before, ""):
            time.sleep(0.005)
        wait_until_up(self.url)


def ids(receiver: Receiver, alert: str, kind: str) -> set[str]:
    """The ids of the messages of one kind about an alert."""
    got = [one for one in list(receiver.received) if one.json()["data"]["alert"]["id"] == alert]
    return {one.headers["webhook-id"] for one in got if one.json()["type"] == kind}


def play(folder: Path, kills: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> Killed:
    """Episodes that are killed at both ends. Exits where one is not told exactly once of each."""
    secret = "whsec_" + base64.b64encode(random.Random(seed).randbytes(32)).decode()
    names = {"OPS_SECRET": secret, "OPENBLAS_NUM_THREADS": "1"}
    with (
        receiving() as receiver,
        dying_server(folder / "store", names, folder) as (url, pid_file),
        httpx.Client(timeout=30) as http,
    ):
        receiver.answer = lambda got: verified(secret, got)
        while not pid_file.exists() or not pid_file.read_text():
            time.sleep(0.01)
        wait_until_up(url)
        killed = Killed(url, pid_file, receiver, http, random.Random(seed))
        start, alerts = begin(killed, -(-kills // 2)), []
        for episode in range(-(-kills // 2)):
            as_of = clock.render(start + episode * STEP + 5 * clock.MINUTE)
            ran = killed.call("POST", "/v1/models/m/runs", {"as_of": as_of})
            (alert,) = [one["id"] for one in ran["alerts"] if one["state"] == "firing"]
            alerts.append(alert)
            killed.kill(alert, "alert.firing")
            killed.call("POST", f"/v1/alerts/{alert}/resolve", {})
            killed.kill(alert, "alert.resolved")
            progress(2 * len(alerts))
        settle(killed, alerts)
    return killed


def verified(secret: str, got: Received) -> Answer:
    """The receiver takes what is signed, a little slowly, so that some die while they send."""
    try:
        Webhook(secret).verify(got.body, got.headers)
    except WebhookVerificationError:
        return Answer(400)
    return Answer(slowly=0.03)


def begin(killed: Killed, episodes: int) -> int:
    """A model whose world has moved, with a window for each episode; the end of the first."""
    checks: list[dict[str, Any]] = [{"name": kind, "kind": kind, "enabled": False} for kind in KINDS]
    mine = {"name": "data_drift", "kind": "data_drift", "window": "24h", "schedule": NEVER}
    checks = [mine if one["kind"] == "data_drift" else one for one in checks]
    ops = {"type": "webhook", "url": f"{killed.receiver.url}/ops", "secret": "${OPS_SECRET}"}
    config = {"default_notify": ["ops"], "channels": {"ops": ops}, "models": {"m": {"checks": checks}}}
    start = (clock.now() // STEP - episodes) * STEP
    killed.call("PUT", "/v1/config", config)
    killed.call("PUT", "/v1/models/m/references/base", traffic(start - 12 * D, 10 * 24))
    moved = traffic(start - D, 24 + 4 * episodes, seed=2, shift=3.0)
    killed.call("POST", "/v1/models/m/predictions", bare(moved))
    return start


def settle(killed: Killed, alerts: list[str]) -> None:
    """Wait until all is told; exits unless every episode is told exactly once of each."""
    wanted = [(alert, kind) for alert in alerts for kind in ("alert.firing", "alert.resolved")]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not all(ids(killed.receiver, *one) for one in wanted):
        time.sleep(0.2)
    time.sleep(2)  # for one too many
    wrong = [(one, found) for one in wanted if len(found := ids(killed.receiver, *one)) != 1]
    if wrong:
        sys.exit(f"not exactly once: {wrong}")


def main(kills: int = 50, seed: int = 1) -> None:
    """Print what was found; fails where anything is told never or twice."""
    with tempfile.TemporaryDirectory() as folder, Progress() as bar:
        task = bar.add_task("kills", total=kills)
        killed = play(Path(folder), kills, seed, lambda done: bar.update(task, completed=done))
    total = sum(killed.told.values())
    arrived = [one.headers["webhook-id"] for one in killed.receiver.received]
    print(
        f"{total} kills, {total // 2} episodes: each fired once and resolved once there, every signature good",
        f"{killed.told[0]} kills came before the message had arrived, {killed.told[1]} after",
        f"{len(arrived)} requests for {len(set(arrived))} messages: {len(arrived) - len(set(arrived))} repeats",
        sep="\n",
    )


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
