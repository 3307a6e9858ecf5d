"""What broken data hides, what late labels correct, what a new version ends, and what is missing: in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerting.reading import Reading
from alerting.rules import Rule
from alerting.words import DAY
from dashboards.views import Viewer
from monitor import clock
from monitor.actions.build_page import build_alert
from monitor.actions.page_data.alerts import alert_page
from monitor.store import readings
from monitor.store.alerts import get_alerts, list_transitions, open_of
from monitor.store.silences import add_silence
from monitor.store.tables import outbox
from monitor.store.trigger_runs import move_run, runs_of_model
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs, make_service

DRIFT = Rule("drift", "data_drift", notify=("ops",), trigger="retrain")
QUALITY = Rule("quality", "data_quality", notify=("ops",))
RULES = [DRIFT, QUALITY]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = make_runs(tmp_path)
    make_service(made)  # configures the channels
    yield made
    made.database.close()


def day(n: int) -> int:
    return MIDNIGHT + n * DAY


def drift(verdict: str, feature: str, n: int, **given: Any) -> Reading:
    return reading(verdict, feature, end=day(n), **given)


def missing(verdict: str, feature: str, n: int, value: float = 0.4, metric: str = "missing_share") -> Reading:
    given = {"check": "data_quality", "kind": "data_quality", "metric": metric, "value": value}
    return reading(verdict, feature, end=day(n), **given)


def accuracy(verdict: str, version: str | None, n: int, **given: Any) -> Reading:
    of = {"check": "performance", "kind": "performance", "metric": "accuracy", "version": version, "p_value": None}
    return reading(verdict, None, end=day(n), **{**of, **given})


def told(runs: Runs) -> list[tuple[str, str, list[str | None]]]:
    """What waits in the outbox: rule, type, features."""
    with runs.database.read() as connection:
        bodies = list(
            connection.execute(select(outbox.c.body).where(outbox.c.kind == "channel").order_by(outbox.c.id)).scalars()
        )
    entries = [body["entries"][0] for body in bodies]
    return [(one["alert"]["rule"], one["type"], [r["feature"] for r in one["readings"]]) for one in entries]


def story(runs: Runs, alert_id: str) -> list[dict[str, Any]]:
    with runs.database.read() as connection:
        return list_transitions(connection, alert_id)


def kinds(runs: Runs, alert_id: str) -> list[str]:
    return [one["kind"] for one in story(runs, alert_id)]


def now(runs: Runs, alert_id: str) -> dict[str, Any]:
    with runs.database.read() as connection:
        return get_alerts(connection, [alert_id])[0]


def why_untold(runs: Runs, alert: dict[str, Any]) -> str:
    service = make_service(runs)
    untold = alert_page(service, alert["id"], day(9)).untold
    assert f"Nobody was told: {untold}." in build_alert(service, Viewer(now=day(9)), alert["id"])
    return untold


def by_rule(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["rule"]: one for one in found}


def test_broken_data_hides_drift_of_its_feature_until_it_is_mended(runs: Runs) -> None:
    found = by_rule(runs.run(RULES, drift("critical", "temp", 0), missing("critical", "temp", 0), as_of=day(0)))
    assert [(rule, kind) for rule, kind, _ in told(runs)] == [("quality", "alert.firing")]
    hidden = now(runs, found["drift"]["id"])
    assert hidden["state"] == "firing"
    (by,) = hidden["details"]["hidden_by"]
    assert (by["alert"], by["rule"]) == (found["quality"]["id"], "quality")
    last = story(runs, hidden["id"])
    assert [one["kind"] for one in last] == ["pending", "firing", "retraining_suppressed"]
    assert last[1]["details"]["hidden_by"] == [by]
    assert "quality fires" in last[2]["reason"]
    for n in (1, 2):
        runs.run(RULES, drift("warning", "temp", n), missing("ok", "temp", n), as_of=day(n))
    assert kinds(runs, hidden["id"])[-2:] == ["uncovered", "retraining_requested"]
    assert told(runs)[1][:2] == ("drift", "alert.firing")
    (shown,) = story(runs, hidden["id"])[3]["readings"]
    assert shown["window"]["end"] == clock.render(day(1))  # as it is now, not as it was when it was hidden
    assert "hidden_by" not in now(runs, hidden["id"])["details"]
    for n in (3, 4):
        runs.run(RULES, drift("ok", "temp", n), missing("ok", "temp", n), as_of=day(n))
    assert told(runs)[-1][:2] == ("drift", "alert.resolved")
    assert [rule for rule, kind, _ in told(runs) if kind == "alert.firing"] == ["quality", "drift"]


def test_of_what_is_told_late_only_what_is_to_be_seen_is_counted(runs: Runs) -> None:
    both = ("temp", "wind")
    data = [missing("critical", name, 0) for name in both]
    found = by_rule(runs.run(RULES, *(drift("critical", name, 0) for name in both), *data, as_of=day(0)))
    alert = found["drift"]["id"]
    for n in (1, 2):
        data = [missing("ok", "temp", n), missing("critical", "wind", n)]
        runs.run(RULES, *(drift("critical", name, n) for name in both), *data, as_of=day(n))
    assert [(rule, features) for rule, _, features in told(runs) if rule == "drift"] == [("drift", ["temp"])]
    (late,) = [one for one in story(runs, alert) if one["kind"] == "uncovered"]
    assert (late["details"]["told"], late["details"]["hidden"]) == (1, [["ks", "wind"]])
    assert now(runs, alert)["summary"].startswith("temp")


def test_a_little_that_is_missing_hides_no_critical_drift(runs: Runs) -> None:
    runs.run(RULES, drift("critical", "temp", 0), missing("warning", "temp", 0), as_of=day(0))
    assert ("drift", "alert.firing", ["temp"]) in told(runs)
    runs.run(RULES, drift("warning", "wind", 1, segment="a=b"), missing("warning", "wind", 1), as_of=day(1))
    assert [features for rule, _, features in told(runs) if rule == "drift"] == [["temp"]]


def test_a_notice_leaves_out_what_is_hidden_and_says_so(runs: Runs) -> None:
    found = [drift("critical", "temp", 0), drift("warning", "wind", 0), missing("critical", "temp", 0)]
    alert = by_rule(runs.run(RULES, *found, as_of=day(0)))["drift"]
    assert ("drift", "alert.firing", ["wind"]) in told(runs)
    with runs.database.read() as connection:
        bodies = list(connection.execute(select(outbox.c.body).where(outbox.c.kind == "channel")).scalars())
    (entry,) = [one for body in bodies for one in body["entries"] if one["alert"]["rule"] == "drift"]
    assert entry["total"] == 1
    assert "some of it is not told, as quality fires" in entry["reason"]
    assert [one["feature"] for one in story(runs, alert["id"])[1]["readings"]] == ["temp", "wind"]


def test_the_end_of_what_was_told_is_told_while_its_data_is_broken(runs: Runs) -> None:
    runs.run(RULES, drift("warning", "temp", 0), missing("ok", "temp", 0), as_of=day(0))
    for n in (1, 2):
        runs.run(RULES, drift("ok", "temp", n), missing("warning", "temp", n), as_of=day(n))
    assert [kind for rule, kind, _ in told(runs) if rule == "drift"] == ["alert.firing", "alert.resolved"]


def test_hidden_drift_that_ends_before_what_hides_it_is_never_told(runs: Runs) -> None:
    runs.run(RULES, drift("critical", "temp", 0), missing("critical", "temp", 0), as_of=day(0))
    for n in (1, 2):
        runs.run(RULES, drift("ok", "temp", n), missing("critical", "temp", n), as_of=day(n))
    assert {rule for rule, _, _ in told(runs)} == {"quality"}


@pytest.mark.parametrize(
    "broken",
    [
        [missing("critical", "wind", 0, 1.0, "type_mismatch_share")],
        [missing("critical", "wind", 0, 1.0), missing("critical", "rain", 0, 1.0)],
    ],
    ids=["another type", "vanished together"],
)
def test_a_change_of_the_schema_hides_all_drift(runs: Runs, broken: list[Reading]) -> None:
    scores = Rule("scores", "prediction_drift", notify=("ops",))
    predicted = reading("critical", None, check="prediction_drift", kind="prediction_drift", metric="score_ks")
    found = runs.run([*RULES, scores], drift("critical", "temp", 0), predicted, *broken, as_of=day(0))
    assert {rule for rule, _, _ in told(runs)} == {"quality"}
    (by,) = (
        by_rule(found)["scores"]["details"].get("hidden_by")
        or now(runs, by_rule(found)["scores"]["id"])["details"]["hidden_by"]
    )
    assert by["reason"].startswith("the schema has changed: ")


def test_drift_is_hidden_by_what_is_broken_in_windows_as_long(runs: Runs) -> None:
    weeks = {"length": 168}
    given = {"check": "data_quality", "kind": "data_quality", "metric": "missing_share"}
    broken = [reading("warning", "temp", end=day(0), **given), reading("warning", "temp", end=day(0), **given, **weeks)]
    runs.run(RULES, *broken, as_of=day(0))
    mended = reading("ok", "temp", end=day(1), **given)
    still = reading("warning", "temp", end=day(1), **given, **weeks)
    (alert, *_) = runs.run(RULES, mended, still, drift("warning", "temp", 1, **weeks), as_of=day(1))
    assert {rule for rule, _, _ in told(runs)} == {"quality"}
    runs.run(RULES, drift("warning", "temp", 2), reading("ok", "temp", end=day(2), **given), as_of=day(2))
    assert told(runs)[-1][0] == "drift"
    assert now(runs, alert["id"])["details"]["hidden_by"]  # of 7 d it is still


def test_a_small_break_hides_no_drift_of_other_features(runs: Runs) -> None:
    runs.run(RULES, drift("critical", "temp", 0), missing("critical", "wind", 0, 1.0), *(
        missing("ok", f"f{n}", 0, 0.0) for n in range(9)
    ), as_of=day(0))  # fmt: skip
    assert {rule for rule, _, _ in told(runs)} == {"drift", "quality"}


def test_a_firing_that_a_silence_held_back_is_told_when_it_ends(runs: Runs) -> None:
    with runs.database.write() as connection:
        matchers = {"model": "flight-delays"}
        add_silence(connection, "s1", matchers=matchers, until=day(1), comment="", author=None, now=0)
    (alert,) = runs.run([DRIFT], drift("warning", "temp", 0), as_of=day(0))
    assert told(runs) == []
    runs.run([DRIFT], drift("warning", "temp", 1), as_of=day(1))
    assert told(runs) == [("drift", "alert.firing", ["temp"])]
    runs.run([DRIFT], drift("warning", "temp", 2), as_of=day(2))
    assert len(told(runs)) == 1
    assert "uncovered" in kinds(runs, alert["id"])


def test_a_rise_that_a_silence_held_back_is_told_later_and_asks_for_no_second_retraining(runs: Runs) -> None:
    rule = replace(DRIFT, cooldown=0)
    (alert,) = runs.run([rule], drift("warning", "temp", 0), as_of=day(0))
    with runs.database.write() as connection:
        (asked,) = runs_of_model(connection, 1)
        move_run(connection, asked, "succeeded", day(0), ended_at=day(0))
        matchers = {"model": "flight-delays"}
        add_silence(connection, "s1", matchers=matchers, until=day(2), comment="", author=None, now=0)
    runs.run([rule], drift("critical", "temp", 1), as_of=day(1))
    runs.run([rule], drift("critical", "temp", 2), as_of=day(2))
    assert kinds(runs, alert["id"])[-2:] == ["raised", "uncovered"]
    assert [kind for _, kind, _ in told(runs)] == ["alert.firing", "alert.firing"]
    with runs.database.read() as connection:
        assert len(runs_of_model(connection, 1)) == 1


PERFORMANCE = Rule("worse", "performance", notify=("ops",))


def test_an_episode_of_a_version_that_nobody_serves_ends_and_none_begins(runs: Runs) -> None:
    (old,) = runs.run([PERFORMANCE], accuracy("warning", "v1", 0), as_of=day(0))
    (ended,) = runs.run([PERFORMANCE], accuracy("ok", "v2", 1), as_of=day(1), replaced={"v1": "v2"})
    assert (ended["id"], ended["resolve_reason"]) == (old["id"], "superseded")
    assert ended["details"]["superseded_by"] == "v2"
    assert "v2 took over" in story(runs, old["id"])[-1]["reason"]
    assert [kind for _, kind, _ in told(runs)] == ["alert.firing", "alert.resolved"]
    late = accuracy("critical", "v1", 2)
    assert runs.run([PERFORMANCE], late, as_of=day(2), replaced={"v1": "v2"}) == []


def test_rows_without_a_version_are_replaced_too_and_pooled_drift_goes_on(runs: Runs) -> None:
    unnamed, pooled = accuracy("warning", None, 0), drift("warning", "temp", 0)
    runs.run([PERFORMANCE, DRIFT], unnamed, pooled, as_of=day(0))
    found = by_rule(runs.run([PERFORMANCE, DRIFT], drift("warning", "temp", 1), as_of=day(1), replaced={"": "v2"}))
    assert (found["worse"]["resolve_reason"], found["drift"]["state"]) == ("superseded", "firing")


def test_late_labels_correct_what_is_open_and_what_is_over(runs: Runs) -> None:
    (alert,) = runs.run([PERFORMANCE], accuracy("warning", "v1", 0), as_of=day(0))
    better = replace(accuracy("ok", "v1", 0), as_of=day(1), revision=2)
    (after,) = runs.run([PERFORMANCE], as_of=day(1), again=[better])
    assert (after["state"], after["resolve_reason"], after["details"]["corrected"]) == ("resolved", "corrected", True)
    assert kinds(runs, alert["id"]) == ["pending", "firing", "corrected", "resolved"]
    assert [kind for _, kind, _ in told(runs)] == ["alert.firing", "alert.resolved"]
    assert runs.run([PERFORMANCE], as_of=day(2), again=[better]) == []  # nothing new is known
    worse = replace(accuracy("critical", "v1", 0), as_of=day(3), revision=3)
    (same,) = runs.run([PERFORMANCE], as_of=day(3), again=[worse])
    assert (same["id"], same["state"]) == (alert["id"], "resolved")
    last = story(runs, alert["id"])[-1]
    assert (last["kind"], last["details"]["now"]) == ("corrected", "critical")
    assert "is at critical" in last["reason"]
    assert len(told(runs)) == 2


def test_a_closed_alert_that_recovered_is_corrected_where_it_never_was(runs: Runs) -> None:
    (alert,) = runs.run([PERFORMANCE], accuracy("warning", "v1", 0), as_of=day(0))
    for n in (1, 2):
        runs.run([PERFORMANCE], accuracy("ok", "v1", n), as_of=day(n))
    runs.run([PERFORMANCE], as_of=day(3), again=[replace(accuracy("ok", "v1", 0), as_of=day(3), revision=2)])
    assert kinds(runs, alert["id"]) == ["pending", "firing", "resolved", "corrected"]
    assert now(runs, alert["id"])["resolve_reason"] == "recovered"


def lost(n: int) -> Reading:
    return drift("cannot_tell", "temp", n, reason="too_few_rows", n_current=0)


def store(runs: Runs, *found: Reading) -> None:
    with runs.database.write() as connection:
        readings.save(connection, 1, 1, found)


def test_what_was_never_told_is_not_missing(runs: Runs) -> None:
    runs.run([DRIFT], drift("ok", "wind", 0), as_of=day(0))
    for n in range(1, 6):
        assert runs.run([DRIFT], lost(n), drift("ok", "wind", n), as_of=day(n)) == []


def test_a_firing_that_was_held_back_asks_for_the_retraining_once(runs: Runs) -> None:
    rule = Rule("drift", "data_drift", trigger="retrain")  # nobody is told of it
    rules = [rule, QUALITY]
    (alert,) = [one for one in runs.run(rules, drift("warning", "temp", 0), missing("warning", "temp", 0), as_of=day(0))
                if one["rule"] == "drift"]  # fmt: skip
    for n in (1, 2, 3):
        runs.run(rules, drift("critical", "temp", n), missing("ok", "temp", n), as_of=day(n))
    assert kinds(runs, alert["id"])[3:] == ["raised", "uncovered", "retraining_requested"]


def test_a_vanished_feature_is_told_once_and_its_end_too(runs: Runs) -> None:
    runs.run([DRIFT], drift("ok", "temp", 0), drift("ok", "wind", 0), as_of=day(0))
    store(runs, drift("ok", "temp", 0))
    for n in range(1, 6):
        runs.run([DRIFT], lost(n), drift("ok", "wind", n), as_of=day(n))
    assert told(runs) == [("drift", "alert.no_data", ["temp"])]
    (ended,) = runs.run([DRIFT], drift("ok", "temp", 6), drift("ok", "wind", 6), as_of=day(6))
    assert (ended["state"], ended["resolve_reason"], ended["fired_at"]) == ("resolved", "data_back", None)
    assert ended["summary"].startswith("no data of temp")
    assert [kind for _, kind, _ in told(runs)] == ["alert.no_data", "alert.resolved"]
    assert kinds(runs, ended["id"]) == ["data_missing", "resolved"]


def test_what_the_quality_alert_tells_is_not_told_again_as_missing_data(runs: Runs) -> None:
    runs.run(RULES, drift("ok", "temp", 0), drift("ok", "wind", 0), missing("ok", "temp", 0), as_of=day(0))
    store(runs, drift("ok", "temp", 0))
    for n in range(1, 6):
        runs.run(RULES, lost(n), drift("ok", "wind", n), missing("critical", "temp", n, 1.0), as_of=day(n))
    assert {rule for rule, _, _ in told(runs)} == {"quality"}
    with runs.database.read() as connection:
        (alert,) = [one for one in open_of(connection, 1) if one["rule"] == "drift"]
    assert kinds(runs, alert["id"]) == ["data_missing"]
    assert (alert["state"], alert["condition"]) == ("pending", "no_data")
    assert [by["rule"] for by in alert["details"]["hidden_by"]] == ["quality"]
    assert why_untold(runs, alert) == "it is hidden by quality, which still fires"
    for n in (6, 7):
        runs.run(RULES, drift("ok", "temp", n), drift("ok", "wind", n), missing("ok", "temp", n), as_of=day(n))
    assert why_untold(runs, alert) == "it was hidden by quality"


def test_a_pending_alert_says_what_would_hide_it(runs: Runs) -> None:
    rules = [replace(DRIFT, for_=2), QUALITY]
    alert = by_rule(runs.run(rules, drift("critical", "temp", 0), missing("critical", "temp", 0), as_of=day(0)))[
        "drift"
    ]
    kept = now(runs, alert["id"])
    assert (kept["state"], [by["rule"] for by in kept["details"]["hidden_by"]]) == ("pending", ["quality"])
    assert why_untold(runs, alert) == "it has not fired"


def test_an_alert_that_nobody_was_told_of_says_why(runs: Runs) -> None:
    (alert,) = runs.run([replace(DRIFT, notify=(), trigger=None)], drift("critical", "temp", 0), as_of=day(0))
    assert why_untold(runs, alert).startswith("no channel of the rule takes it")
    with runs.database.write() as connection:
        add_silence(connection, "s1", matchers={"rule": "scores"}, until=day(9), comment="", author=None, now=day(0))
    found = runs.run([replace(DRIFT, name="scores", trigger=None)], drift("critical", "temp", 1), as_of=day(1))
    assert why_untold(runs, by_rule(found)["scores"]) == "a silence held"


def test_an_unstable_alert_is_told_once_and_marked(runs: Runs) -> None:
    verdicts = ["warning", "ok", "ok"] * 4
    for n, verdict in enumerate(verdicts):
        runs.run([PERFORMANCE], accuracy(verdict, "v1", n), as_of=day(n))
    assert [kind for _, kind, _ in told(runs)] == ["alert.firing", "alert.resolved"] * 2 + ["alert.firing"]
    with runs.database.read() as connection:
        newest = list(connection.execute(select(outbox.c.body).order_by(outbox.c.id)).scalars())[-1]["entries"][0]
    assert newest["alert"]["details"]["unstable"] is True
    assert "unstable" in newest["reason"]


def test_what_was_told_ends_for_those_who_heard_even_where_nothing_was_confirmed(runs: Runs) -> None:
    rule = replace(DRIFT, for_=2, trigger=None)
    runs.run([rule], drift("ok", "temp", 0), drift("ok", "wind", 0), as_of=day(0))
    store(runs, drift("ok", "temp", 0))
    for n in range(1, 4):
        runs.run([rule], lost(n), drift("ok", "wind", n), as_of=day(n))
    runs.run([rule], lost(4), drift("warning", "wind", 4), as_of=day(4))
    (alert, *_) = runs.run([rule], drift("ok", "temp", 5), drift("ok", "wind", 5), as_of=day(5))
    assert (alert["resolve_reason"], kinds(runs, alert["id"])[-1]) == ("not_confirmed", "not_confirmed")
    assert [kind for _, kind, _ in told(runs)] == ["alert.no_data", "alert.resolved"]


def test_the_end_goes_to_those_who_were_told_of_the_beginning(runs: Runs) -> None:
    def targets() -> list[tuple[str, str]]:
        with runs.database.read() as connection:
            rows = connection.execute(select(outbox.c.target, outbox.c.body).order_by(outbox.c.id)).all()
        return [(target, one["type"]) for target, body in rows for one in body["entries"]]

    rule = replace(DRIFT, trigger=None)
    runs.run([rule], drift("warning", "temp", 0), as_of=day(0))
    for n in (1, 2):
        runs.run([replace(rule, notify=("chat",))], drift("ok", "temp", n), as_of=day(n))
    assert targets() == [("ops", "alert.firing"), ("ops", "alert.resolved")]
    runs.run([rule], drift("warning", "temp", 3), as_of=day(3))
    windows = (drift("critical", "temp", 4), drift("ok", "temp", 5), drift("ok", "temp", 6))
    runs.run([replace(rule, notify=("chat",))], *windows, as_of=day(6))
    heard = [("ops", "alert.firing"), ("chat", "alert.firing"), ("ops", "alert.resolved"), ("chat", "alert.resolved")]
    assert sorted(targets()[2:]) == sorted(heard)


def test_the_end_of_what_was_told_is_told_under_a_silence_too(runs: Runs) -> None:
    """An incident elsewhere would stay open for ever."""
    runs.run([DRIFT], drift("warning", "temp", 0), as_of=day(0))
    with runs.database.write() as connection:
        add_silence(connection, "s1", matchers={"rule": "drift"}, until=day(9), comment="", author=None, now=day(0))
    for n in (1, 2):
        runs.run([DRIFT], drift("ok", "temp", n), as_of=day(n))
    assert [kind for _, kind, _ in told(runs)] == ["alert.firing", "alert.resolved"]


def test_what_was_never_told_ends_untold(runs: Runs) -> None:
    with runs.database.write() as connection:
        add_silence(connection, "s1", matchers={"rule": "drift"}, until=day(9), comment="", author=None, now=0)
    for n, verdict in enumerate(("warning", "ok", "ok")):
        runs.run([DRIFT], drift(verdict, "temp", n), as_of=day(n))
    assert told(runs) == []
