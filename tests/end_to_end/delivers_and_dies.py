"""Run as a program: senders that are killed in the middle of their work, one after the other.

Arguments: the store's URL, how many to kill, the moment from which its clock runs fast.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from alerting.outbound import OutboundRequest
from monitor import clock
from monitor.actions.deliver_messages import deliver_due
from monitor.bootstrap import observations_on
from monitor.delivery.addresses import AddressPolicy
from monitor.delivery.http import send
from monitor.service import Service
from monitor.settings import Settings
from monitor.store.database import Database

SPEED = 100  # a lease of a minute is over in 0.6 s


def fast_clock(start: int) -> Callable[[], int]:
    """A clock that runs SPEED times as fast from ``start`` on."""
    return lambda: start + SPEED * (clock.now() - start)


def service_on(url: str) -> Service:
    """A service on a store, bound to this machine."""
    database = Database(url)
    return Service(Settings(Path("unused"), url, url, embedded=False), database, observations_on(database))


def worked(process: int) -> float:
    """Seconds that a process had a processor (Linux)."""
    return int(Path(f"/proc/{process}/schedstat").read_text("ascii").split()[0]) / 1e9


def main(url: str, kills: int, start: int) -> None:
    send(OutboundRequest("POST", "http://127.0.0.1:1/", {}, b""), AddressPolicy(loopback=True))  # what is made once, is
    chance = random.Random(5)
    for _ in range(kills):
        awake, tell = os.pipe()
        child = os.fork()
        if child == 0:
            service = service_on(url)
            os.write(tell, b"x")
            while True:
                deliver_due(service, fast_clock(start), environment={})
                time.sleep(0.002)
        os.read(awake, 1)  # from here on it sends, however slow the machine is today
        until = worked(child) + chance.uniform(0.05, 0.2)
        while worked(child) < until:
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(awake)
        os.close(tell)
        if os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit("a sender ended by itself")
    print(kills)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
