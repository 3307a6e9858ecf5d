"""Prometheus Alertmanager as Debian has it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from peers.environments import CannotHave, tried
from peers.plimsoll import Plimsoll
from peers.programs import Program, answers, running, until
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.ports import free_port

NAME = "prometheus-alertmanager"
QUIETLY = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
NEXT_REPEAT = 275  # seconds: four minutes, and the clockwork that looks every 15
ROUTES = """
route: {{receiver: people, group_by: [alert_id], group_wait: 1s, group_interval: 2s, repeat_interval: 4h}}
receivers: [{{name: people, webhook_configs: [{{url: "{url}", send_resolved: true}}]}}]
"""


def binary() -> Path:
    """The program. Debian's reads its templates where the package has them, so the package is installed, as the browser
    of the tests is; its service is not started. Raises CannotHave."""
    if not (there := found()):
        if not shutil.which("apt-get") or os.geteuid() != 0:
            raise CannotHave(f"{NAME} is not on the path; installing it takes apt-get, and root")
        tried(["apt-get", "install", "-y", "-qq", "--no-install-recommends", NAME], names=QUIETLY)
        there = found()
    if not there:
        raise CannotHave(f"{NAME} was installed, and is not on the path")
    return Path(there)


def found() -> str | None:
    return shutil.which(NAME) or shutil.which("alertmanager")


class Alertmanager:
    """``people`` are told by it."""

    def __init__(self, home: Path, people: Receiver) -> None:
        port = free_port()
        self.root, self.people = f"http://127.0.0.1:{port}", people
        config = home / "alertmanager.yml"
        config.write_text(ROUTES.format(url=people.url))
        options: dict[str, object] = {
            "config.file": config,
            "storage.path": home / "data",
            "web.listen-address": f"127.0.0.1:{port}",
            "cluster.listen-address": "",  # alone
        }
        command = [str(binary()), *(f"--{name}={value}" for name, value in options.items())]
        self.program = Program(command, home / "alertmanager.log")

    def held(self) -> list[dict[str, Any]]:
        """The alerts that it holds as active."""
        return list(httpx.get(f"{self.root}/api/v2/alerts", params={"active": "true"}).raise_for_status().json())

    def told(self, status: str) -> list[dict[str, Any]]:
        """The alerts of each note of that status that people got."""
        return [one for got in self.people.received for one in got.json()["alerts"] if one["status"] == status]


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with receiving() as people:
        made = Alertmanager(tmp_path_factory.mktemp("alertmanager"), people)
        with running(made.program):
            answers(f"{made.root}/-/ready", made.program)
            yield made


def ends(alert: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(alert["endsAt"])


def test_it_is_told_told_again_after_a_kill_and_told_of_the_end(plimsoll: Plimsoll, alertmanager: Alertmanager) -> None:
    name = plimsoll.watched({"type": "alertmanager", "url": alertmanager.root})
    plimsoll.move(name)
    alert = plimsoll.fire(name)
    (held,) = until("it holds the alert", alertmanager.held, 20)
    assert held["labels"].items() >= {"alert_id": alert, "model": name, "alertname": "data_drift"}.items()
    assert (ends(held) - datetime.now(ends(held).tzinfo)).total_seconds() > 3600  # past the next run
    until("people are told", lambda: len(alertmanager.told("firing")) == 1, 20)

    alertmanager.program.kill()
    alertmanager.program.start()
    answers(f"{alertmanager.root}/-/ready", alertmanager.program)
    assert alertmanager.held() == []  # all it knew was in its memory
    began = time.monotonic()
    (again,) = until("it is told again", alertmanager.held, NEXT_REPEAT, 1)
    print(f"told again {time.monotonic() - began:.0f} s after the kill; until {held['endsAt']}, then {again['endsAt']}")
    assert again["labels"] == held["labels"]
    assert ends(again) > ends(held)

    until("people are told by the new one", lambda: len(alertmanager.told("firing")) >= 2, 20)
    plimsoll.must("POST", f"/v1/alerts/{alert}/resolve", json={})
    until("it is over there", lambda: alertmanager.held() == [], 20)
    (over,) = until("people are told of the end", lambda: alertmanager.told("resolved"), 20)
    assert over["labels"]["alert_id"] == alert


def test_an_end_while_it_is_away_is_told_when_it_is_back(plimsoll: Plimsoll, alertmanager: Alertmanager) -> None:
    name = plimsoll.watched({"type": "alertmanager", "url": alertmanager.root})
    plimsoll.move(name)
    alert = plimsoll.fire(name)
    until("it holds the alert", alertmanager.held, 20)
    until("people are told", lambda: any(one["labels"]["alert_id"] == alert for one in alertmanager.told("firing")), 20)
    alertmanager.program.stop()  # cleanly: it remembers whom it told of what
    plimsoll.must("POST", f"/v1/alerts/{alert}/resolve", json={})
    time.sleep(1)
    alertmanager.program.start()
    answers(f"{alertmanager.root}/-/ready", alertmanager.program)
    (over,) = until(
        "people are told of the end",
        lambda: [one for one in alertmanager.told("resolved") if one["labels"]["alert_id"] == alert],
        90,
    )
    print(over["labels"])
