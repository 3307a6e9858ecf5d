"""Rules step in the run's transaction: alerts, timeline, marks and outbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from alerting.rules import Rule
from alerting.words import DAY, HOUR
from monitor.store.alerts import list_transitions
from monitor.store.outbox import deliveries_of
from monitor.store.silences import add_silence
from monitor.store.tables import alert_states, judged, models, outbox, trigger_runs
from monitor.store.trigger_runs import get_run, move_run, runs_of_model
from monitor.store.verdicts import firing_at, forget
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import KnownModel, Runs, make_runs, make_service

QUIET = Rule("drift", "data_drift")
LOUD = Rule("drift", "data_drift", notify=("chat", "ops"))
RETRAINING = Rule("drift", "data_drift", notify=("chat",), trigger="retrain")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = make_runs(tmp_path)
    yield made
    made.database.close()


def day(n: int) -> int:
    return MIDNIGHT + n * DAY


def sent(runs: Runs) -> list[dict[str, Any]]:
    with runs.database.read() as connection:
        return [dict(row) for row in connection.execute(select(outbox).order_by(outbox.c.id)).mappings()]


def timeline(runs: Runs, alert: dict[str, Any]) -> list[str]:
    with runs.database.read() as connection:
        return [one["kind"] for one in list_transitions(connection, alert["id"])]


def test_an_alert_fires_and_resolves_and_is_told_on_every_channel(runs: Runs) -> None:
    (alert,) = runs.run([LOUD], reading("warning"), reading("critical", "wind"), as_of=day(0))
    assert list(alert) == [
        "id", "model", "rule", "check", "version", "segment", "severity", "state", "condition", "started_at",
        "fired_at", "resolved_at", "resolve_reason", "acknowledged_at", "summary", "owner", "reasons",
        "details",
    ]  # fmt: skip
    assert (alert["state"], alert["severity"], alert["model"], alert["owner"]) == (
        "firing", "critical", "flight-delays", "#ml",
    )  # fmt: skip
    assert alert["summary"] == "wind: critical (and 1 more)"
    for n in (1, 2):
        (alert,) = runs.run([LOUD], reading(end=day(n)), reading("ok", "wind", end=day(n)), as_of=day(n))
    assert (alert["state"], alert["resolve_reason"]) == ("resolved", "recovered")
    assert timeline(runs, alert) == ["pending", "firing", "resolved"]
    told = [(row["target"], row["body"]["entries"][0]["type"]) for row in sent(runs)]
    assert told == [
        ("chat", "alert.firing"), ("ops", "alert.firing"), ("chat", "alert.resolved"), ("ops", "alert.resolved"),
    ]  # fmt: skip
    assert sent(runs)[0]["body"]["timestamp"] == alert["fired_at"]
    with runs.database.read() as connection:
        (kept,) = connection.execute(select(alert_states.c.state)).scalars()
        assert kept == {"fired": {"24": [2]}}
        assert len(deliveries_of(connection, alert["id"])) == 4


def test_chat_gets_one_message_per_run_and_a_webhook_one_per_transition(runs: Runs) -> None:
    rules = [LOUD, Rule("quality", "data_quality", notify=("chat", "ops"))]
    broken = reading("warning", "wind", check="data_quality", kind="data_quality", metric="missing_share")
    runs.run(rules, reading("warning"), broken, as_of=day(0))
    assert [(row["target"], len(row["body"]["entries"])) for row in sent(runs)] == [("chat", 2), ("ops", 1), ("ops", 1)]


def test_a_window_is_judged_once_and_older_ones_step_nothing(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", for_=2)
    runs.run([rule], reading("warning"), as_of=day(0))
    assert runs.run([rule], reading("warning"), as_of=day(0)) == []
    assert runs.run([rule], reading("warning", end=day(-1)), as_of=day(0)) == []
    (alert,) = runs.run([rule], reading("warning", end=day(1)), as_of=day(1))
    assert alert["state"] == "firing"
    with runs.database.read() as connection:
        assert connection.execute(select(judged.c.window_end).order_by(judged.c.window_end)).scalars().all() == [
            day(0),
            day(1),
        ]


def test_several_windows_of_one_run_step_in_order(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", for_=3)
    found = [reading("warning", end=day(n)) for n in (2, 0, 1)]
    (alert,) = runs.run([rule], *found, as_of=day(2))
    assert alert["state"] == "firing"


def test_versions_and_segments_are_alerts_of_their_own(runs: Runs) -> None:
    rule = Rule("performance", "performance")
    given = {"check": "performance", "kind": "performance", "metric": "accuracy", "feature": None}
    found = [reading("warning", version="v1", **given), reading("warning", version="v2", segment="origin=EWR", **given)]
    made = runs.run([rule], *found, as_of=day(0))
    assert {(one["version"], one["segment"]) for one in made} == {("v1", None), ("v2", "origin=EWR")}
    only = reading("ok", version="v1", end=day(1), **given)
    after = {one["version"]: one for one in runs.run([rule], only, as_of=day(1))}
    assert after["v2"]["condition"] == "no_data"  # the window came, and this version was not in it
    assert after["v2"]["state"] == "firing"
    assert after["v1"]["condition"] == "ok"


def test_what_waits_for_labels_is_not_judged_yet(runs: Runs) -> None:
    waiting = reading("cannot_tell", reason="immature_labels")
    assert runs.run([QUIET], waiting, as_of=day(0)) == []
    (alert,) = runs.run([QUIET], reading("warning"), as_of=day(3))
    assert alert["state"] == "firing"


def test_without_delivery_states_change_and_nothing_is_sent(runs: Runs) -> None:
    (alert,) = runs.run([RETRAINING], reading("warning"), as_of=day(0), deliver=False)
    assert alert["state"] == "firing"
    for n in (1, 2):
        (alert,) = runs.run([RETRAINING], reading(end=day(n)), as_of=day(n))
    assert alert["state"] == "resolved"
    assert sent(runs) == []  # not even the resolve: nobody was told of the firing


def test_a_silence_mutes_and_is_noted(runs: Runs) -> None:
    with runs.database.write() as connection:
        matchers = {"model": "flight-delays", "rule": "drift"}
        add_silence(connection, "s1", matchers=matchers, until=day(1), comment="known", author=None, now=0)
    (alert,) = runs.run([RETRAINING], reading("warning"), as_of=day(0))
    assert (alert["state"], sent(runs)) == ("firing", [])
    with runs.database.read() as connection:
        entries = list_transitions(connection, alert["id"])
    assert [one["details"].get("silenced_by") for one in entries] == ["s1", "s1", None]
    assert entries[2]["kind"] == "retraining_suppressed"
    runs.run([LOUD], reading("critical", end=day(2)), as_of=day(2))  # the silence is over
    assert [row["body"]["entries"][0]["type"] for row in sent(runs)] == ["alert.firing"] * 2


def test_unknown_channels_are_left_out(runs: Runs) -> None:
    runs.run([Rule("drift", "data_drift", notify=("nobody",))], reading("warning"), as_of=day(0))
    assert sent(runs) == []


def test_a_retraining_is_asked_for_once(runs: Runs) -> None:
    (alert,) = runs.run([RETRAINING], reading("warning"), as_of=day(0))
    chat, trigger = sorted(sent(runs), key=lambda row: row["kind"])
    assert chat["body"]["entries"][0]["triggered"] == "retrain was asked for"
    assert (trigger["kind"], trigger["target"]) == ("trigger", "retrain")
    assert trigger["body"]["entries"][0]["type"] == "retraining.requested"
    assert "token" not in json.dumps(trigger["body"])
    with runs.database.read() as connection:
        run = get_run(connection, trigger["trigger_run_id"])
    assert run is not None
    assert (run.state, run.alert_id) == ("requested", alert["id"])
    assert run.finish_by - run.start_by == 23 * HOUR
    assert timeline(runs, alert) == ["pending", "firing", "retraining_requested"]


def test_never_two_at_once_and_one_per_cooldown(runs: Runs) -> None:
    def fire_again(first: int) -> dict[str, Any]:
        for n in (first, first + 1):
            runs.run([RETRAINING], reading(end=day(n)), as_of=day(n))
        return runs.run([RETRAINING], reading("warning", end=day(first + 2)), as_of=day(first + 2))[0]

    runs.run([RETRAINING], reading("warning"), as_of=day(0))
    second = fire_again(1)
    assert timeline(runs, second)[-1] == "retraining_suppressed"  # the first is still open
    with runs.database.write() as connection:
        run = get_run(connection, connection.execute(select(trigger_runs.c.id)).scalar_one())
        assert run is not None
        assert move_run(connection, run, "succeeded", day(3), ended_at=day(3))
    third = fire_again(4)
    assert timeline(runs, third)[-1] == "retraining_requested"
    with runs.database.read() as connection:
        assert len(connection.execute(select(trigger_runs.c.id)).all()) == 2


def test_cooldown_counts_in_the_time_of_the_runs(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", trigger="retrain", cooldown=30 * DAY)
    runs.run([rule], reading("warning"), as_of=day(0))
    with runs.database.write() as connection:
        run = get_run(connection, connection.execute(select(trigger_runs.c.id)).scalar_one())
        assert run is not None
        move_run(connection, run, "succeeded", day(3), ended_at=day(3))
    for n in (1, 2):
        runs.run([rule], reading(end=day(n)), as_of=day(n))
    (alert,) = runs.run([rule], reading("warning", end=day(3)), as_of=day(3), wall_now=day(100))
    assert timeline(runs, alert)[-1] == "retraining_suppressed"


def test_models_do_not_disturb_each_other(runs: Runs) -> None:
    with runs.database.write() as connection:
        connection.execute(insert(models).values(id=2, name="other", settings={}, created_at=0))
    other = Runs(runs.database, KnownModel(2, "other"))
    runs.run([RETRAINING], reading("warning"), as_of=day(0))
    (alert,) = other.run([RETRAINING], reading("warning"), as_of=day(0))
    assert (alert["model"], timeline(runs, alert)[-1]) == ("other", "retraining_requested")


def test_reminders_come_without_new_windows(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", notify=("chat",), remind=DAY)
    runs.run([rule], reading("warning"), as_of=day(0))
    runs.run([rule], as_of=day(1))
    reminder = sent(runs)[-1]["body"]["entries"][0]
    assert reminder["type"] == "alert.reminder"
    assert reminder["readings"][0]["feature"] == "temp"  # the newest evidence there is


def test_the_summary_is_that_of_the_newest_evidence(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", notify=("chat", "ops"), remind=DAY)

    def run(n: int, words: str) -> dict[str, Any]:
        seen = [reading("critical", name, end=MIDNIGHT + n * DAY, details={"summary": words}) for name in ("a", "b")]
        (alert,) = runs.run([rule], *seen, as_of=MIDNIGHT + n * DAY)
        return alert

    assert run(0, "40 % is missing")["summary"] == "40 % is missing (and 1 more)"
    alert = run(1, "80 % is missing")
    assert alert["summary"] == "80 % is missing (and 1 more)"
    assert alert["reasons"] == ["80 % is missing"] * 2
    reminders = [one["body"]["entries"][0] for one in sent(runs)][-2:]
    assert {(one["type"], one["alert"]["summary"]) for one in reminders} == {("alert.reminder", alert["summary"])}
    runs.run([rule], as_of=MIDNIGHT + 2 * DAY)  # no window of its own: the newest that there are
    with runs.database.read() as connection:
        said = [firing_at(connection, 1, MIDNIGHT + n * DAY, None)[0].summary for n in range(3)]
    assert said == [f"{words} is missing (and 1 more)" for words in ("40 %", "80 %", "80 %")]


def test_an_alert_whose_rule_is_gone_is_resolved(runs: Runs) -> None:
    (alert,) = runs.run([LOUD], reading("warning"), as_of=day(0))
    other = Rule("quality", "data_quality")
    (after,) = runs.run([other], as_of=day(1))
    assert (after["id"], after["state"], after["resolve_reason"]) == (alert["id"], "resolved", "rule_removed")
    assert runs.run([other], as_of=day(1)) == []
    (again,) = runs.run([LOUD], reading("warning", end=day(2)), as_of=day(2))
    assert again["id"] != alert["id"]


def test_alerts_that_lose_their_segment_end_in_one_notice(runs: Runs) -> None:
    make_service(runs)  # its channels are configured
    segments = [f"origin={n}" for n in range(5)]
    runs.run([LOUD], *(reading("warning", segment=one) for one in segments), as_of=day(0), segments=["origin"])
    before = len(sent(runs))
    ended = runs.run([LOUD], as_of=day(1), segments=["carrier"])
    assert {(one["segment"], one["resolve_reason"]) for one in ended} == {(one, "rule_removed") for one in segments}
    told = sent(runs)[before:]
    assert sorted(one["target"] for one in told) == ["chat", *["ops"] * 5]
    (notice,) = [one["body"]["entries"] for one in told if one["target"] == "chat"]
    assert [(one["type"], one["alert"]["state"]) for one in notice] == [("alert.resolved", "resolved")] * 5
    assert "origin=" in notice[0]["reason"]
    assert notice[0]["readings"]


def test_a_segment_whose_column_has_an_equals_sign_in_its_name_goes_on(runs: Runs) -> None:
    (alert,) = runs.run([LOUD], reading("warning", segment="a=b=c"), as_of=day(0), segments=["a=b"])
    assert runs.run([LOUD], as_of=day(0) + HOUR, segments=["a=b"]) == []
    assert timeline(runs, alert)[-1] == "firing"


def test_a_pending_alert_shows_what_is_wrong(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", for_=2)
    (alert,) = runs.run([rule], reading("ok", "wind"), reading("warning"), as_of=day(0))
    assert (alert["state"], alert["summary"], alert["reasons"]) == ("pending", "temp: warning", ["temp: warning"])


def test_a_replay_that_begins_anew_leaves_nothing_open_behind(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", trigger="retrain", cooldown=30 * DAY)
    (old,) = runs.run([rule], reading("warning"), as_of=day(0))
    with runs.database.write() as connection:
        run = runs_of_model(connection, 1)[0]
        move_run(connection, run, "succeeded", day(0), ended_at=day(0))
        forget(connection, 1, day(1))  # the alert began before: its row stays
    found = runs.run([rule], reading("warning", end=day(1)), as_of=day(1))
    by_id = {one["id"]: one for one in found}
    assert by_id[old["id"]]["resolve_reason"] == "superseded"
    (new,) = [one for one in found if one["id"] != old["id"]]
    assert (new["state"], timeline(runs, new)[-1]) == ("firing", "retraining_suppressed")
    with runs.database.write() as connection:
        forget(connection, 1, day(-1))
    (again,) = runs.run([rule], reading("warning"), as_of=day(0))
    assert timeline(runs, again)[-1] == "retraining_requested"
