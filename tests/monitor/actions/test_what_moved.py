"""What moved, as long as an alert is open: of its newest window at severity, in the store and on its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerting.reading import Reading
from alerting.rules import Rule
from alerting.words import DAY
from dashboards.views import Viewer
from monitor import clock
from monitor.actions.build_page import build_alert
from monitor.store.alerts import get_alert, latest_evidence, latest_moved, list_transitions
from monitor.store.verdicts import firing_at
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs, make_service

pytestmark = pytest.mark.one_engine

DRIFT = Rule("drift", "data_drift", notify=("ops",))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = make_runs(tmp_path)
    make_service(made)
    yield made
    made.database.close()


def window(n: int, length: int = 24, **verdicts: str) -> list[Reading]:
    given: dict[str, Any] = {"end": MIDNIGHT + n * DAY, "length": length, "details": {"effect": 0.1}}
    return [reading(verdict, feature, **given) for feature, verdict in verdicts.items()]


def listed(runs: Runs, alert: dict[str, Any]) -> tuple[list[str], str | None]:
    with runs.database.read() as connection:
        found = latest_moved(connection, alert["id"])
    return [one["feature"] for one in found], found[0]["window"]["end"] if found else None


def day(n: int) -> str:
    return clock.render(MIDNIGHT + n * DAY)


def test_it_is_of_the_newest_window_at_severity(runs: Runs) -> None:
    (alert,) = runs.run([DRIFT], *window(0, a="critical", b="ok", c="ok"), as_of=MIDNIGHT)
    assert listed(runs, alert) == (["a"], day(0))
    runs.run([DRIFT], *window(1, a="critical", b="warning", c="ok"), as_of=MIDNIGHT + DAY)
    assert listed(runs, alert) == (["a", "b"], day(1))
    runs.run([DRIFT], *window(2, a="ok", b="critical", c="warning"), as_of=MIDNIGHT + 2 * DAY)
    assert listed(runs, alert) == (["b", "c"], day(2))
    runs.run([DRIFT], *window(3, a="ok", b="ok", c="ok"), as_of=MIDNIGHT + 3 * DAY)
    assert listed(runs, alert) == (["b", "c"], day(2))  # not over yet, and nothing alarms


def said(runs: Runs, alert: dict[str, Any], at: int) -> tuple[str, list[str]]:
    """The alert's summary now, and what health says at a moment."""
    with runs.database.read() as connection:
        shown = get_alert(connection, alert["id"])
        return (shown or {})["summary"], [one.summary for one in firing_at(connection, 1, at, None)]


def test_the_summary_and_the_health_follow_it(runs: Runs) -> None:
    """Days after a is back, b joins the alert, as the window of a week still tells of a."""
    (alert,) = runs.run([DRIFT], *window(0, a="critical", b="ok"), as_of=MIDNIGHT)
    week = {"a": "critical", "b": "ok"}
    runs.run([DRIFT], *window(1, 168, **week), *window(1, a="ok", b="ok"), as_of=MIDNIGHT + DAY)
    assert said(runs, alert, MIDNIGHT + DAY) == ("a: critical", ["a: critical"])
    runs.run([DRIFT], *window(2, 168, **week), *window(2, a="ok", b="critical"), as_of=MIDNIGHT + 2 * DAY)
    assert said(runs, alert, MIDNIGHT + 2 * DAY) == ("b: critical", ["b: critical"])
    runs.run([DRIFT], *window(3, 168, **week), *window(3, a="ok", b="warning"), as_of=MIDNIGHT + 3 * DAY)
    assert said(runs, alert, MIDNIGHT + 3 * DAY) == ("b: warning", ["b: warning"])
    assert said(runs, alert, MIDNIGHT + 2 * DAY)[1] == ["b: critical"]  # as of then
    assert said(runs, alert, MIDNIGHT + DAY)[1] == ["a: critical"]
    runs.run([DRIFT], *window(4, 168, **week), *window(4, a="warning", b="ok"), as_of=MIDNIGHT + 4 * DAY)
    assert said(runs, alert, MIDNIGHT + 4 * DAY) == ("a: warning", ["a: warning"])
    runs.run([DRIFT], *window(5, a="ok", b="ok"), as_of=MIDNIGHT + 5 * DAY)
    assert said(runs, alert, MIDNIGHT + 5 * DAY)[0] == "a: warning"  # of the newest that alarmed
    with runs.database.read() as connection:
        kinds = [entry["kind"] for entry in list_transitions(connection, alert["id"])]
        shown = get_alert(connection, alert["id"])
        evidence = latest_evidence(connection, alert["id"])
    assert kinds == ["pending", "firing", "joined"]
    assert [one["feature"] for one in evidence] == ["b"]
    assert shown is not None
    assert "seen" not in shown["details"]


def test_the_shortest_of_several_windows_is_meant(runs: Runs) -> None:
    both = [*window(0, 168, a="critical", b="critical"), *window(0, a="ok", b="critical")]
    (alert,) = runs.run([DRIFT], *both, as_of=MIDNIGHT)
    assert listed(runs, alert) == (["b"], day(0))


def test_it_is_on_the_page_and_in_no_message(runs: Runs) -> None:
    (alert,) = runs.run([DRIFT], *window(0, a="critical"), as_of=MIDNIGHT)
    few = reading("cannot_tell", "few", end=MIDNIGHT + DAY, p_value=1e-9, details={"effect": 0.9})
    runs.run([DRIFT], *window(1, a="critical", b="warning"), few, as_of=MIDNIGHT + DAY)
    page = build_alert(make_service(runs), Viewer(now=MIDNIGHT + DAY), alert["id"])
    moved = page[page.index('id="moved-title"') :]
    moved = moved[: moved.index("</section>")]
    assert ["a: critical" in moved, "b: warning" in moved, "few" in moved] == [True, True, False]
    assert "of the newest window that alarmed (24 hours to " in moved
    with runs.database.read() as connection:
        shown = get_alert(connection, alert["id"])
    assert shown is not None
    assert "moved" not in shown["details"]
