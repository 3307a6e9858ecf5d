"""What the commands share."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from monitor import memory
from monitor.bootstrap import build
from monitor.reached import Reached
from monitor.service import Service
from monitor.settings import Settings, load

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
out = Console(soft_wrap=True)  # a line of ours stays one line, also in a pipe
err = Console(stderr=True, soft_wrap=True)
_WIDE = 10_000  # columns: wider than any table

Home = Annotated[Path | None, typer.Option(help="Where the embedded store lives (PLIMSOLL_HOME).")]
DatabaseUrl = Annotated[str | None, typer.Option(help="The store (PLIMSOLL_DATABASE_URL).")]


@app.callback(help="Drift and model-health monitor.")
def plimsoll() -> None:
    """There is always a command to name, also where only one was loaded."""


def fits(console: Console, table: Table) -> bool:
    """Whether the terminal shows a table without cutting a name or folding a sentence."""
    return Measurement.get(console, console.options.update(max_width=_WIDE), table).maximum <= console.width


def settings_from(**flags: object) -> Settings:
    """Settings of this process: environment, then flags."""
    return load(os.environ, **flags)


def _reached_where_it_is_served(service: Service) -> Service:
    """Links lead to the service that ran last on this store, unless this process was told another address."""
    return service if os.environ.get("PLIMSOLL_PUBLIC_URL") else Reached(service)()


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """A block that SIGTERM ends as an exception does: what it made on the side is cleared away."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def service_from(**flags: object) -> Iterator[Service]:
    """The parts, joined, until the block ends."""
    service = _reached_where_it_is_served(build(settings_from(**flags)))
    memory.settle()
    try:
        yield service
    finally:
        service.close()
