"""Where people and orchestrators reach a service whose worker has no address of its own."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

from monitor.errors import PlimsollError
from monitor.service import Service
from monitor.store import installation

AGAIN = 5.0  # seconds


class Reached:
    """The same service, with the address of the process that answers. That may begin after the worker, and move: it is
    asked for now and then."""

    def __init__(self, service: Service) -> None:
        self._service, self._until = service, 0.0

    def __call__(self) -> Service:
        if time.monotonic() < self._until:
            return self._service
        with contextlib.suppress(PlimsollError), self._service.database.read() as connection:
            known = installation.public_url(connection)
            if known is not None:
                self._until = time.monotonic() + AGAIN
                self._service = replace(self._service, settings=replace(self._service.settings, public_url=known))
        return self._service
