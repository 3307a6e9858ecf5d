"""serve and migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor import telemetry
from monitor.bootstrap import build
from monitor.cli.base import DatabaseUrl, Home, app, out, settings_from
from monitor.store import schema
from monitor.store.database import Database


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind to (PLIMSOLL_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port (PLIMSOLL_PORT).")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration applied at start (PLIMSOLL_CONFIG).")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    public_url: Annotated[str | None, typer.Option(help="For links (PLIMSOLL_PUBLIC_URL).")] = None,
) -> None:
    """API, dashboards, scheduler and delivery in one process."""
    from monitor.serving import serve as run

    settings = settings_from(
        host=host, port=port, config=config, home=home, database_url=database_url, public_url=public_url
    )
    telemetry.configure()
    run(build(settings), ready=f"Plimsoll is at {settings.public_url}")


@app.command()
def migrate(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Bring the store's schema to the newest."""
    before, after = schema.migrate(Database(settings_from(home=home, database_url=database_url).database_url))
    out.print(
        f"The store is at schema {after}" + ("; it was before" if before == after else f" (was {before or 'empty'})")
    )
