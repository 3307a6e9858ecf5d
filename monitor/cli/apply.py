"""apply: configuration as code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.actions import apply_config
from monitor.actions.apply_checked import apply_checked, plan_checked
from monitor.actions.backtest import changed_alerts
from monitor.cli.backtest import bars, following
from monitor.cli.base import DatabaseUrl, Home, app, ended_in_order, out, service_from
from monitor.cli.remote import call, service_url
from monitor.config.document import Document
from monitor.config.reading import placed
from monitor.errors import Invalid
from monitor.store.server_time import ServerTime

LONGEST = 3600.0  # seconds: a month is run twice


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="YAML.")],
    plan: Annotated[bool, typer.Option("--plan", help="Show what would change; change nothing.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a configuration so: through the service at PLIMSOLL_URL if set, else on the store of the settings."""
    document, text = apply_config.read_file(file)
    try:
        done = _there(document, plan) if service_url() else _here(document, plan, home, database_url)
        alerts = _alerts(document, home, database_url) if plan else {}
    except Invalid as error:
        raise placed(error, text, str(file)) from error
    _show(done, plan)
    for name, found in alerts.items():
        _show_alerts(name, found)


def _there(document: Document, plan: bool) -> Any:
    return call("PUT", f"/v1/config{'?plan=true' if plan else ''}", json=apply_config.dump(document))


def _alerts(document: Document, home: Path | None, url: str | None) -> dict[str, Any]:
    """Of every model that would change: which alerts of the last month would go, come, or fire at another time."""
    if service_url():
        told: dict[str, Any] = call("PUT", "/v1/config?plan=alerts", json=apply_config.dump(document), timeout=LONGEST)
        return dict(told["alerts"])
    with ended_in_order(), service_from(home=home, database_url=url) as service, bars() as progress:
        return changed_alerts(service, document, ServerTime(service.database)(), progress=following(progress))


def _show_alerts(name: str, found: dict[str, Any]) -> None:
    before, after = found["before"], found["after"]
    out.print(f"{name}: {before} alerts in the last 30 days as it is, {after} as it would be", highlight=False)
    for word, alerts in (("would not fire", found["gone"]), ("would fire", found["new"])):
        for alert in alerts:
            line = f"  {word}: {alert['rule']} ({alert['severity']}) {alert['fired_at']}: {alert['summary']}"
            out.print(line, highlight=False, markup=False)
    for both in found["changed"]:
        was, would = (f"{one['fired_at']} ({one['severity']})" for one in (both["before"], both["after"]))
        out.print(f"  would change: {both['before']['rule']} {was} -> {would}", highlight=False, markup=False)


def _here(document: Document, plan: bool, home: Path | None, url: str | None) -> Any:
    with service_from(home=home, database_url=url) as service:
        act = plan_checked if plan else apply_checked
        return act(service, document, ServerTime(service.database)(), os.environ).to_json()


def _show(done: Mapping[str, Any], plan: bool) -> None:
    changes, version = done["changes"], done["version"]
    for warning in done.get("warnings", ()):
        out.print(f"   warning  {warning}", highlight=False, markup=False)
    for change in changes:
        keys = f" ({', '.join(change['keys'])})" if change["keys"] else ""
        out.print(f"{change['change']:>10}  {change['kind']} {change['name']}{keys}", highlight=False, markup=False)
    changed = sum(change["change"] != "unchanged" for change in changes)
    if plan:
        out.print(f"{changed} would change; nothing was changed.")
    else:
        out.print(f"{changed} changed; the configuration is at version {version}.")
