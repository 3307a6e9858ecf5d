"""What ``plimsoll backtest`` prints, however wide it may be."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from monitor.cli import backtest

RULE = "Anything moved far, told to the people of the flights"
PUT: dict[str, Any] = {"firing_before": False, "delay_hours": None, "fired_without": None, "cannot_tell": None}
INJECTED = [
    {
        **PUT,
        "kind": "unit_change",
        "feature": "departure_delay",
        "delay_hours": 4.2,
        "fired_at": "2026-01-16T04:05:00Z",
    },
    {**PUT, "kind": "concept", "feature": None, "fired_at": None, "cannot_tell": "no_labels"},
    {**PUT, "kind": "missing", "feature": "[x]", "fired_at": None},
]
FOUND = {
    "model": "flights",
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-01-31T00:00:00Z",
    "rules": [
        {
            "rule": rule,
            "check": "data_drift",
            "at": "warning",
            "fired": 2,
            "per_month": 2.5,
            "alerts": [],
            "injected": put,
        }
        for rule, put in ((RULE, INJECTED), ("short", INJECTED))
    ],
}


def shown(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(backtest, "out", Console(width=width, soft_wrap=True))
    backtest.show_backtest(FOUND)
    return capsys.readouterr().out.splitlines()


def test_a_table_where_there_is_room(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(200, monkeypatch, capsys)
    assert "unit_change of departure_delay" in lines[2]
    (mine,) = [line for line in lines if RULE in line]
    told = [cell.strip() for cell in mine.strip("│").split("│")]
    assert told == [RULE, "data_drift", "warning", "2", "2.5", "after 4 h", "cannot tell: no labels", "not seen"]


def test_a_list_where_there_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """80 columns: of a terminal, and of every pipe."""
    assert shown(80, monkeypatch, capsys) == [
        "flights, 2026-01-01T00:00:00Z to 2026-01-31T00:00:00Z",
        *(
            f"{rule} (data_drift at warning): fired 2, 2.5 a month; unit_change of departure_delay: after 4 h; "
            "concept: cannot tell: no labels; missing of [x]: not seen"
            for rule in (RULE, "short")
        ),
    ]
