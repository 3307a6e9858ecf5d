"""What the demo found, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
from rich import box
from rich.console import Console
from rich.table import Table

from examples.flights.stand_ins import Outside


def show(out: Console, url: str, model: str, outside: Outside, chat: str, seconds: float) -> None:
    """Drifted features with dates, alerts, the retraining, and where to look."""
    with httpx.Client(base_url=url, timeout=60) as client:
        alerts = sorted(_items(client, "/v1/alerts", model=model), key=lambda one: str(one["started_at"]))
        readings = list(_items(client, f"/v1/models/{model}/readings", check="data_drift"))
        accuracy = list(_items(client, f"/v1/models/{model}/readings", metric="accuracy"))
        details = [client.get(f"/v1/alerts/{alert['id']}").raise_for_status().json() for alert in alerts]
    out.print(f"\n[bold]What it found[/] ({seconds:.0f} seconds in all)")
    out.print(_features(readings))
    out.print(_months(accuracy))
    out.print(f"\n[bold]{len(alerts)} alerts[/]")
    for alert in alerts:
        out.print(_line(alert), markup=False, soft_wrap=True)
    runs = [(alert, run) for alert in details for run in alert["trigger_runs"]]
    out.print(f"\n[bold]{len(outside.messages)} chat messages, {len(runs)} retrainings[/]")
    for alert, run in runs:
        out.print(
            f"  {alert['fired_at'][:16]} {alert['rule']}: {run['state']} (the orchestrator's {run['external_id']})",
            soft_wrap=True,
        )
    out.print("\n[bold]Look at[/]")
    out.print(f"  the dashboards   {url}")
    out.print(f"  the model        {url}/models/{model}")
    if alerts:
        out.print(f"  an alert         {url}/alerts/{alerts[-1]['id']}")
    out.print(f"  the chat         {chat}")


def _table(*columns: str, title: str) -> Table:
    return Table(*columns, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _features(readings: list[dict[str, Any]]) -> Table:
    """For each feature how many 7-day windows drifted, the first of them and the worst."""
    table = _table("feature", "drifted", "first seen", "worst", "rows moved", title="\nDrift in 7-day windows")
    weeks = [one for one in readings if _days(one["window"]) == 7 and one["verdict"] and one["version"] is None]
    by_feature: dict[str, list[dict[str, Any]]] = {}
    for reading in weeks:
        by_feature.setdefault(reading["feature"] or "correlations", []).append(reading)
    for feature, those in sorted(by_feature.items(), key=lambda pair: -sum(_drifted(one) for one in pair[1])):
        drifted = [one for one in those if _drifted(one)]
        if not drifted:
            table.add_row(feature, f"0 of {len(those)}", "", "", "")
            continue
        worst = max(drifted, key=lambda one: one["details"]["effect_lower"])
        low, high = worst["details"]["effect_lower"], worst["details"]["effect_upper"]
        moved = f"{worst['value']:.0%} (between {low:.0%} and {high:.0%})"
        first = min(one["window"]["end"] for one in drifted)[:10]
        table.add_row(feature, f"{len(drifted)} of {len(those)}", first, worst["window"]["end"][:10], moved)
    return table


def _drifted(reading: dict[str, Any]) -> bool:
    return reading["verdict"] in ("warning", "critical")


def _months(readings: list[dict[str, Any]]) -> Table:
    """Accuracy of the last 7-day window of each month."""
    table = _table("7 days to", "version", "accuracy", "95 % interval", "labels", "verdict", title="Accuracy")
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for reading in readings:
        if _days(reading["window"]) == 7 and reading["value"] is not None and reading["version"]:
            last[(reading["window"]["end"][:7], reading["version"])] = reading
    for (_, version), reading in sorted(last.items()):
        interval = f"{reading['lower']:.3f} to {reading['upper']:.3f}"
        labels = f"{reading['details']['coverage']:.0%}"
        end, verdict = reading["window"]["end"][:10], reading["verdict"] or ""
        table.add_row(end, version, f"{reading['value']:.3f}", interval, labels, verdict)
    return table


def _days(window: dict[str, str]) -> int:
    start, end = (datetime.fromisoformat(window[key]) for key in ("start", "end"))
    return (end - start).days


def _line(alert: dict[str, Any]) -> str:
    fired = (alert["fired_at"] or alert["started_at"])[:16].replace("T", " ")
    ended = (alert["resolved_at"] or "still firing")[:16].replace("T", " ")
    return f"  {fired} .. {ended:16}  {alert['severity']:8}  {alert['rule']}: {alert['summary']}"


def _items(client: httpx.Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        given = {**query, "limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = client.get(path, params=given).raise_for_status().json()
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
