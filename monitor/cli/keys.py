"""keys create, list and revoke."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from monitor import clock
from monitor.actions import manage_keys
from monitor.cli.base import DatabaseUrl, Home, app, out, service_from
from monitor.store.server_time import ServerTime

keys_app = typer.Typer(help="Keys of the API.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@keys_app.command("create")
def keys_create(
    scope: Annotated[str, typer.Option(help="ingest, read or admin.")],
    name: Annotated[str, typer.Option(help="To know it by later.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a key; it is shown this once."""
    with service_from(home=home, database_url=database_url) as service:
        print(manage_keys.create(service.database, scope, name, ServerTime(service.database)()))


@keys_app.command("list")
def keys_list(home: Home = None, database_url: DatabaseUrl = None) -> None:
    """Every key, without its secret."""
    table = Table("id", "name", "scope", "created", "revoked")
    with service_from(home=home, database_url=database_url) as service:
        known = manage_keys.listed(service.database)
    for key in known:
        table.add_row(
            key.id, escape(key.name), key.scope, clock.render(key.created_at), clock.optional(key.revoked_at) or ""
        )
    out.print(table)


@keys_app.command("revoke")
def keys_revoke(
    key: Annotated[str, typer.Argument(help="Its id or name.")], home: Home = None, database_url: DatabaseUrl = None
) -> None:
    """End a key."""
    with service_from(home=home, database_url=database_url) as service:
        manage_keys.revoke(service.database, key, ServerTime(service.database)())
    out.print(f"Revoked {key}.", markup=False)
