"""A worker whose leases are short. Run with a store's URL and its name."""

from __future__ import annotations

import sys
import time

from monitor import bootstrap, clock, settings
from monitor.actions.run_due import run_due
from monitor.store import claims
from monitor.store.server_time import ServerTime

LEASE = 3.0  # seconds


def main(url: str, name: str) -> None:
    """Run what is due, once it is told to, until it is ended."""
    claims.LEASE = int(LEASE * clock.SECOND)
    service = bootstrap.build(settings.load({}, database_url=url))
    now = ServerTime(service.database)
    now()
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        run_due(service, name, now)
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
