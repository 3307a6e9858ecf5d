"""Run the service: API and dashboards, scheduler and delivery, in one process or in several."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from monitor import scheduler
from monitor.actions import apply_config, manage_keys
from monitor.actions.apply_checked import warn_of_triggers
from monitor.actions.scratch import clear, sweep
from monitor.api.app import create_app
from monitor.api.front import Front
from monitor.errors import Invalid, PlimsollError
from monitor.reached import Reached
from monitor.service import Service
from monitor.store import installation, schema
from monitor.store.database import Database
from monitor.store.observations.base import Apart
from monitor.store.server_time import ServerTime

log = logging.getLogger(__name__)
Role = Literal["api", "worker", "all"]

LOOKING = 5.0  # seconds between two looks at a schema that is to be migrated
PATIENCE, PAUSE = 10, 0.05  # seconds that what runs and sends may take to end once the service is told to stop
# Seconds that a thread computes before another gets its turn: a round of posts lets go of the interpreter some hundred
# times, and would wait for the event loop that long each time to have it back.
TURN_OF_A_THREAD = 0.0005


def refuse_open_door(service: Service) -> None:
    """Raises Invalid when the service would be reachable from elsewhere without keys."""
    settings = service.settings
    if not settings.loopback and not manage_keys.are_needed(service.database):
        raise Invalid(
            f"Without keys Plimsoll serves only this machine, not {settings.host}. Make a key first: "
            "plimsoll keys create --scope admin --name me",
            field="host",
        )


def listen(host: str, port: int) -> socket.socket:
    """The socket that requests come in by. Raises Invalid where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = str(error.strerror or error).partition(" (while")[0]
        raise Invalid(
            f"Plimsoll cannot listen at {host}, port {port}: {why}. Choose another one with --port (PLIMSOLL_PORT)",
            field="port",
        ) from error


def serve(service: Service, *, role: Role = "all", ready: str | None = None, is_told: bool = False) -> None:
    """Serve until a signal ends it: answer requests (``api``), look at what is due (``worker``), or ``all``. ``ready``
    is printed once it does; ``is_told``: a worker was told where people reach the service, else it asks the store.
    Raises Invalid where the store takes one process only."""
    if role != "all" and isinstance(service.observations, Apart) and service.observations.alone:
        raise Invalid("chDB is open in one process only: leave --role out, or use clickhouse://…", field="role")
    now = ServerTime(service.database)
    sweep(service.settings.home)
    try:
        if role == "worker":
            _work(service, now, ready, None if is_told else Reached(service))
        else:
            _answer(service, now, role, ready)
    finally:
        service.close()


def _answer(service: Service, now: ServerTime, role: Role, ready: str | None) -> None:
    refuse_open_door(service)
    sys.setswitchinterval(TURN_OF_A_THREAD)
    settings = service.settings
    with listen(settings.host, settings.port) as listening:
        if settings.config is not None:
            apply_config.apply_file(service.database, settings.config, now())
            document, _ = apply_config.read_file(settings.config)
            told = (service, document, now(), os.environ)
            threading.Thread(target=warn_of_triggers, args=told, name="check", daemon=True).start()
        with service.database.write() as connection:
            installation.note_public_url(connection, settings.public_url)
        if service.database.is_behind:
            threading.Thread(target=_await_schema, args=[service.database], name="schema", daemon=True).start()
        end = partial(scheduler.stop, service, scheduler.start(service, now)) if role == "all" else None
        _server(service, now, ready, end).run([listening])


def _await_schema(database: Database) -> None:
    """Look whether the store was migrated until it was."""
    pause = threading.Event()
    while database.is_behind:
        pause.wait(LOOKING)
        with contextlib.suppress(PlimsollError, SQLAlchemyError):
            schema.require_newest(database)
    log.info("the store was migrated")


def _work(service: Service, now: ServerTime, ready: str | None, reached: Reached | None) -> None:
    """No socket: what a worker does stands in the store, and the processes that answer say when nobody works."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    ticking = scheduler.start(service, now, reached)
    if ready is not None:
        print(ready, flush=True)
    over.wait()
    scheduler.stop(service, ticking)


def _server(service: Service, now: ServerTime, ready: str | None, end: Callable[[], object] | None) -> uvicorn.Server:
    config = uvicorn.Config(
        Front(create_app(service, now)),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return _Server(config, ready, service.settings.home, end)


class _Server(uvicorn.Server):
    """A server that says when it is up (programs that start it wait for the line), and leaves nothing: when it has
    ended, uvicorn ends the process by the signal that it got, whatever threads are at. What runs and sends is let end
    before, for as long as there is ``PATIENCE``; the rest is taken over by the next process, as after a kill."""

    def __init__(self, config: uvicorn.Config, line: str | None, home: Path, end: Callable[[], object] | None) -> None:
        super().__init__(config)
        self._line, self._home, self._end = line, home, end

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Announce after the sockets are open."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self._line is not None and self.started:
            print(self._line, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is under way end, and clear what is worked out on the side."""
        await super().shutdown(sockets)
        cut = self._end is not None and not await self._ended(self._end)
        clear(self._home)
        if cut:  # the interpreter would wait for its threads, however long they take
            log.warning("what was under way is cut; another process takes it over")
            logging.shutdown()
            os._exit(0)

    async def _ended(self, end: Callable[[], object]) -> bool:
        """Whether what is under way ended in time, and nobody asked a second time."""
        ending = threading.Thread(target=end, name="end", daemon=True)
        ending.start()
        for _ in range(round(PATIENCE / PAUSE)):
            if not ending.is_alive() or self.force_exit:
                break
            await asyncio.sleep(PAUSE)
        return not ending.is_alive()
