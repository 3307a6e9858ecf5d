"""export: a whole model into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.actions.move_model import export_model
from monitor.cli.base import DatabaseUrl, Home, app, out, service_from


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or not there yet.")],
    model: Annotated[str, typer.Option(help="The model.")],
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a whole model into a folder, from the store of the settings; a service may run on it meanwhile."""
    with service_from(home=home, database_url=database_url) as service:
        rows = export_model(service, model, folder)
    counts = f"{rows['predictions']:,} predictions, {rows['labels']:,} labels, {rows['readings']:,} readings"
    out.print(f"{folder}: {counts}", highlight=False, markup=False)
