"""A process of the service that is replaced as soon as it is killed.

Run with a role, a store's URL, a port (0 for a worker), a file, and the moment from which the clock of a worker runs
fast: imports once, then forks, writes the process id into the file, and forks the next one when that has died, until
its own standard input is closed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path

from monitor import bootstrap, clock, scheduler, serving, settings

SPEED = 300  # of a worker's clock: an hour in 12 s


def main(role: str, url: str, port: str, pid_file: str, start: str) -> None:
    """Fork until nobody wants it any more."""
    while True:
        child = os.fork()
        if child == 0:
            _live(role, url, port, int(start))
            os._exit(0)
        Path(pid_file).write_text(str(child))
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if select.select([sys.stdin], [], [], 0.01)[0]:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return


def _live(role: str, url: str, port: str, start: int) -> None:
    while True:  # the store may be away when a process begins
        try:
            service = bootstrap.build(settings.load(os.environ, database_url=url, port=port))
            break
        except Exception:
            time.sleep(0.05)
    if role == "api":
        serving.serve(service, role="api")
    ticking = scheduler.start(service, lambda: start + SPEED * (clock.now() - start))
    ticking.reschedule_job("prune", trigger="interval", seconds=1.0)  # nobody here lives for an hour
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
