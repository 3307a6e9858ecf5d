"""What the demo found, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from examples.flights.stand_ins import Outside


def show(out: Console, url: str, model: str, outside: Outside, chat: str, seconds: float) -> None:
    """Drifted features with dates, alerts, the retraining, and where to look."""
    with httpx.Client(base_url=url, timeout=60) as client:
        alerts = list(_items(client, "/v1/alerts", model=model))
        readings = list(_items(client, f"/v1/models/{model}/readings", check="data_drift"))
        accuracy = list(_items(client, f"/v1/models/{model}/readings", metric="accuracy"))
        details = [client.get(f"/v1/alerts/{alert['id']}").raise_for_status().json() for alert in alerts]
    out.print(f"\n[bold]What it found[/] ({seconds:.0f} seconds)\n")
    out.print(_features(readings))
    out.print(_months(accuracy))
    out.print(_alerts(alerts))
    for alert in details:
        for run in alert["trigger_runs"]:
            out.print(
                f"Retraining [bold]{run['state']}[/]: asked for by alert {alert['rule']} of {alert['fired_at'][:10]}, "
                f"orchestrator's run {run['external_id']}"
            )
    out.print(f"\n{len(outside.messages)} chat messages, {len(outside.retrainings)} retrainings started.\n")
    out.print(f"  dashboards   {url}")
    out.print(f"  the model    {url}/models/{model}")
    if alerts:
        out.print(f"  an alert     {url}/alerts/{alerts[0]['id']}")
    out.print(f"  the chat     {chat}")


def _features(readings: list[dict[str, Any]]) -> Table:
    """For each feature the first window that drifted, and the worst one."""
    table = Table(
        "feature",
        "windows judged",
        "drifted",
        "first",
        "worst",
        "in words",
        title="Drift by feature, 7-day and 24-hour windows",
    )
    by_feature: dict[str, list[dict[str, Any]]] = {}
    for reading in readings:
        if reading["verdict"] is not None:
            by_feature.setdefault(reading["feature"], []).append(reading)
    for feature, those in sorted(by_feature.items(), key=lambda pair: -sum(_drifted(one) for one in pair[1])):
        drifted = [one for one in those if _drifted(one)]
        worst = max(drifted, key=lambda one: one["details"]["effect_lower"], default=None)
        first = min((one["window"]["end"] for one in drifted), default="")
        words = worst["details"]["summary"] if worst else ""
        table.add_row(
            feature,
            str(len(those)),
            str(len(drifted)),
            first[:10],
            (worst or {"window": {"end": ""}})["window"]["end"][:10],
            words,
        )
    return table


def _drifted(reading: dict[str, Any]) -> bool:
    return reading["verdict"] in ("warning", "critical")


def _months(readings: list[dict[str, Any]]) -> Table:
    """Accuracy of the last mature 7-day window of each month."""
    table = Table("7 days to", "version", "accuracy", "95 % interval", "labels", "verdict", title="Accuracy")
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for reading in readings:
        days = _days(reading["window"])
        if days == 7 and reading["value"] is not None and reading["version"]:
            last[(reading["window"]["end"][:7], reading["version"])] = reading
    for (_, version), reading in sorted(last.items()):
        interval = f"{reading['lower']:.3f} to {reading['upper']:.3f}"
        coverage = f"{reading['details']['coverage']:.0%}"
        table.add_row(
            reading["window"]["end"][:10],
            version,
            f"{reading['value']:.3f}",
            interval,
            coverage,
            reading["verdict"] or "",
        )
    return table


def _days(window: dict[str, str]) -> int:
    start, end = (datetime.fromisoformat(window[key]) for key in ("start", "end"))
    return (end - start).days


def _alerts(alerts: list[dict[str, Any]]) -> Table:
    table = Table("alert", "severity", "fired", "resolved", "what", title=f"{len(alerts)} alerts")
    for alert in sorted(alerts, key=lambda one: one["started_at"]):
        table.add_row(
            alert["rule"],
            alert["severity"],
            (alert["fired_at"] or "")[:16],
            (alert["resolved_at"] or "")[:16],
            alert["summary"],
        )
    return table


def _items(client: httpx.Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        given = {**query, "limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = client.get(path, params=given).raise_for_status().json()
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
