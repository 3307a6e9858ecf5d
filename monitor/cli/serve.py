"""serve and migrate."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor import memory, telemetry
from monitor.bootstrap import build
from monitor.bootstrap import migrate as bring_up_to_date
from monitor.cli.base import DatabaseUrl, Home, app, out, settings_from


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    API = "api"
    WORKER = "worker"


@app.command()
def serve(
    role: Annotated[
        Role, typer.Option(help="api answers, worker runs checks and sends, all does both; several of each may run.")
    ] = Role.ALL,
    host: Annotated[str | None, typer.Option(help="Address to bind to (PLIMSOLL_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port (PLIMSOLL_PORT).")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration applied at start (PLIMSOLL_CONFIG).")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    observations_url: Annotated[str | None, typer.Option(help="Where rows are (PLIMSOLL_OBSERVATIONS_URL).")] = None,
    public_url: Annotated[str | None, typer.Option(help="For links (PLIMSOLL_PUBLIC_URL).")] = None,
    allow_targets: Annotated[
        str | None, typer.Option(help="Private hosts that may be called, with commas (PLIMSOLL_ALLOW_TARGETS).")
    ] = None,
    max_body: Annotated[str | None, typer.Option(help="Greatest body, such as 64MiB (PLIMSOLL_MAX_BODY).")] = None,
    links: Annotated[str | None, typer.Option(help="Name=https://address beside the pages (PLIMSOLL_LINKS).")] = None,
) -> None:
    """API, dashboards, scheduler and delivery, in one process or (--role) in several."""
    settings = settings_from(
        host=host,
        port=port,
        config=config,
        home=home,
        database_url=database_url,
        observations_url=observations_url,
        public_url=public_url,
        allow_targets=allow_targets,
        max_body=max_body,
        links=links,
    )
    telemetry.configure()
    service = build(settings, only_answers=role is Role.API)
    from monitor.serving import serve as run  # half of the start: a store that is refused is refused before it

    memory.settle()
    memory.let_go_of_programs()
    ready = "Plimsoll works" if role is Role.WORKER else f"Plimsoll is at {settings.public_url}"
    is_told = bool(public_url or os.environ.get("PLIMSOLL_PUBLIC_URL"))
    run(service, role=role.value, ready=ready, is_told=is_told)


@app.command()
def migrate(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Bring the store's schema to the newest."""
    before, after = bring_up_to_date(settings_from(home=home, database_url=database_url))
    out.print(
        f"The store is at schema {after}" + ("; it was before" if before == after else f" (was {before or 'empty'})")
    )
