"""delete: a model, or one prediction of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from monitor.actions.erase import delete_model, erase_prediction
from monitor.cli.base import DatabaseUrl, Home, app, out, service_from
from monitor.cli.remote import call, service_url
from monitor.store.server_time import ServerTime


def _part(text: str) -> str:
    """A text as one part of a path: whoever sees dots alone would go up a level, to the model itself."""
    return quote(text, safe="").replace(".", "%2E")


@app.command("delete")
def delete(
    model: Annotated[str, typer.Option(help="The model.")],
    prediction: Annotated[str | None, typer.Option(help="Only the prediction of this id, with its labels.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete a model with all that is stored of it, or erase one prediction: through the service at PLIMSOLL_URL if
    set, else in the store of the settings."""
    what = f"the model {model}" if prediction is None else f"the prediction {prediction} of {model}"
    if not yes:
        typer.confirm(f"Delete {what}? It cannot be brought back.", abort=True)
    if service_url():
        path = f"/v1/models/{_part(model)}" + ("" if prediction is None else f"/predictions/{_part(prediction)}")
        told = call("DELETE", path)
    else:
        with service_from(home=home, database_url=database_url) as service:
            if prediction is None:
                told = delete_model(service, model, ServerTime(service.database)())
            else:
                told = erase_prediction(service, model, prediction, ServerTime(service.database)())
    if prediction is None:
        out.print(f"Deleted {model}: {told['predictions']:,} predictions, {told['labels']:,} labels.", markup=False)
        return
    counts = ", ".join(f"{told[name]} {name}" for name in ("predictions", "labels", "quarantined"))
    out.print(f"Erased {prediction}: {counts}.", markup=False, highlight=False)
    for one in told["references"]:
        out.print(
            f"Reference {one['name']} version {one['version']} may hold its values (without the id).", markup=False
        )
