"""Runs: the ledger, maturity of labels, schedules, configured checks and what a run answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from detectors.registry import TWO_SAMPLE
from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.levels import expected_checks, level
from monitor.actions.measuring.performance import tolerated_losses
from monitor.actions.replay import replay
from monitor.bootstrap import build
from monitor.config.inventory import checks_of
from monitor.config.reading import from_object
from monitor.errors import Invalid, NotFound
from monitor.settings import load
from monitor.store import outbox, summaries
from tests.monitor.world import T0, D, H, World, at, labels_of, matching, one, traffic

START = T0 + 14 * D


def wide(records: list[dict[str, Any]], features: int) -> list[dict[str, Any]]:
    for record in records:
        record["features"] = {f"f{i}": record["features"]["x"] + i for i in range(features)}
    return records


def test_the_ledger_of_ten_features(world: World) -> None:
    world.reference(wide(traffic(T0, 24 * 9), 10))
    world.post(wide(traffic(START, 48, seed=2), 10))
    found = world.read(START + 2 * D)
    for hours, alpha in ((24, 1.39e-4), (168, 8.3e-4)):
        (used,) = {r["alpha"] for r in matching(found, check="data_drift", metric="ks", hours=hours)}
        assert used == pytest.approx(alpha, rel=0.01)
        # Correlations and concept drift are one more each of the numbers that data quality's share pays for.
        together = one(found, check="data_drift", metric="correlation", hours=hours)["alpha"]
        quality = {r["alpha"] for r in matching(found, check="data_quality", hours=hours) if r["alpha"] is not None}
        assert quality == {together}
        assert together == pytest.approx(1 * 0.10 / (0.90 * 35 * 2 * (180 if hours == 24 else 30)))
    assert {r["alpha"] for r in matching(found, check="serving")} == {None}
    shown = matching(found, check="performance", verdict=None)
    assert {r["alpha"] for r in shown} == {None}


def test_what_stands_outside_the_ledger(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 48, seed=2))
    default = one(world.read(START + 2 * D), check="data_drift", feature="x", hours=24)["alpha"]
    world.configure(
        checks=[
            {"name": "own", "kind": "data_drift", "method": "ks", "threshold": {"p_value": 0.01}, "window": "24h"},
            {"name": "bound", "kind": "data_drift", "threshold": {"warning": 0.3}, "window": "24h"},
            {"name": "serving", "kind": "serving", "enabled": False},
            {"name": "prediction_drift", "kind": "prediction_drift", "enabled": False},
        ]
    )
    found = world.read(START + 2 * D)
    for name in ("own", "bound"):
        assert {r["alpha"] for r in matching(found, check=name)} == {None}
    assert matching(found, check="serving") + matching(found, check="prediction_drift") == []
    # the other kinds share what prediction_drift had: W falls from 0.90 to 0.75
    assert one(found, check="data_drift", feature="x", hours=24)["alpha"] == pytest.approx(default * 0.9 / 0.75)
    own = one(found, check="own", feature="x")
    assert (own["metric"], own["threshold"]) == ("ks", 0.01)
    assert matching(found, check="own", feature="kind") == []  # ks is for numbers


@pytest.mark.parametrize(
    ("threshold", "method", "verdict"),
    [
        ({"p_value": 0.001}, "ks", "warning"),
        ({"warning": 0.1, "critical": 0.25}, "psi", "critical"),
        ({"warning": 0.1}, "psi", "warning"),
        ({"warning": 99.0}, "wasserstein", "ok"),
        ({"warning": 0.05}, "auto", "warning"),
        ({"p_value": 0.01}, "auto", "warning"),
    ],
)
def test_thresholds(world: World, threshold: dict[str, float], method: str, verdict: str) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 24, seed=2, shift=1.5))
    check = {"name": "x", "kind": "data_drift", "features": ["x"], "method": method, "threshold": threshold}
    world.configure(checks=[check])
    found = one(world.read(START + D), check="x", hours=24)
    assert (found["verdict"], found["feature"]) == (verdict, "x")
    assert found["threshold"] == threshold.get("warning", threshold.get("p_value"))


def test_every_method_as_a_check(world: World) -> None:
    before, after = traffic(T0, 24 * 9), traffic(START, 24, seed=2, shift=0.8)
    world.reference(before)
    world.post(after)
    checks = [
        {
            "name": name,
            "kind": "data_drift",
            "method": name,
            "window": "24h",
            "threshold": {"p_value": 0.001} if test.has_p_value else {"warning": 0.05},
        }
        for name, test in TWO_SAMPLE.items()
    ]
    world.configure(checks=checks)
    found = world.read(START + D)
    for name, test in TWO_SAMPLE.items():
        if "numeric" in test.kinds:
            assert one(found, check=name, feature="x")["verdict"] in ("warning", "critical"), name
        if "categorical" in test.kinds:
            expected = "cannot_tell" if name in ("fisher_exact", "z_test") else "ok"
            assert one(found, check=name, feature="kind")["verdict"] == expected, name
    unfit = one(found, check="fisher_exact", feature="kind")
    assert (unfit["reason"], unfit["value"], unfit["details"]["effect"]) == ("not_two_levels", None, None)
    assert unfit["details"]["summary"] == "kind: cannot tell: this test is for columns of exactly two categories"
    x = [np.array([record["features"]["x"] for record in records]) for records in (before, after)]
    welch = one(found, check="t_test", feature="x")
    assert welch["value"] == pytest.approx(stats.ttest_ind(*x, equal_var=False).statistic, rel=1e-9)
    assert welch["details"]["error_bound"] == 0


def test_a_drop_of_performance(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 24, seed=2, right=0.6)
    world.post(records)
    world.label(records, delay=H)
    check = {"name": "auc", "kind": "performance", "metric": "roc_auc", "window": "24h", "threshold": {"drop": 0.03}}
    world.configure(checks=[check])
    found = matching(world.read(START + D + H), check="auc")
    assert [(r["metric"], r["verdict"]) for r in found] == [("roc_auc", "warning"), ("label_coverage", None)]


@pytest.mark.one_engine
def test_labels_in_another_spelling_are_named(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 24, seed=2)
    world.post(records)
    world.label([{**one, "label": str(bool(one["label"]))} for one in records[::2]] + records[1::2], delay=H)
    accuracy = one(world.read(START + D + H), metric="accuracy", hours=24)
    assert accuracy["verdict"] == "critical"
    assert accuracy["details"]["new_labels"] == pytest.approx(0.5, abs=0.01)
    assert accuracy["details"]["summary"].endswith("; 50 % of the labels are none of the model's classes")


DROPS = ("precision", "recall", "f1", "log_loss", "brier")


@pytest.mark.parametrize(("right", "verdict"), [(0.6, "warning"), (0.9, "ok")])
@pytest.mark.parametrize("form", [{"drop": 0.03}, {"p_value": 0.001}])
def test_a_drop_of_a_metric_that_is_only_shown_otherwise(
    world: World, right: float, verdict: str, form: dict[str, float]
) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 24, seed=2, right=right)
    world.post(records)
    world.label(records, delay=H)
    world.configure(
        checks=[
            {"name": metric, "kind": "performance", "metric": metric, "window": "24h", "threshold": form}
            for metric in DROPS
        ]
    )
    found = world.read(START + D + H)
    for metric in DROPS:
        reading = one(found, check=metric, metric=metric)
        assert (reading["verdict"], reading["reason"]) == (verdict, None), metric
        assert reading["details"]["tolerance"] == form.get("drop", 0.02)
        assert reading["p_value"] is not None
    assert "points below the reference" in one(found, check="recall", metric="recall")["details"]["summary"] or (
        verdict == "ok"
    )
    assert one(found, check="performance", metric="precision", hours=24)["p_value"] is None  # shown, as ever


def test_a_check_that_only_shows_a_metric_costs_no_false_alarms(world: World) -> None:
    """The budget is that of a model that has no check of performance at all."""

    def charged(**check: Any) -> tuple[int, float]:
        world.configure(checks=[{"name": "performance", "kind": "performance", **check}])
        with world.service.database.read() as connection:
            frame = Frame.load(world.service, connection, world.found(connection))
            assert frame is not None
            (drift,) = (one for one in frame.checks if one.name == "data_drift")
            return expected_checks(frame), level(frame, drift, 24, 1)

    world.reference(traffic(T0, 24 * 9))
    none = charged(enabled=False)
    assert charged(metric="precision") == none
    assert charged(metric="accuracy")[0] == none[0] + 210
    assert charged(metric="accuracy")[1] < none[1]


def test_prediction_drift_by_a_method(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 24, seed=2))
    world.configure(
        checks=[
            {"name": "classes", "kind": "prediction_drift", "method": "psi", "threshold": {"warning": 0.1}},
            {"name": "scores", "kind": "prediction_drift", "method": "ks", "threshold": {"p_value": 0.001}},
        ]
    )
    found = world.read(START + D)
    assert one(found, check="classes", hours=24)["value"] < 0.1
    scores = one(found, check="scores", hours=24)
    assert (scores["feature"], scores["verdict"]) == (None, "ok")


def test_windows_are_judged_as_their_labels_mature(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 72, seed=2)
    world.post(records)
    world.configure(checks=[{"name": "performance", "kind": "performance", "window": "24h"}])
    ends = [START + hour * H for hour in (24, 28, 32, 36)]
    for end in ends:
        found = matching(world.read(end), metric="accuracy")
        assert [(r["verdict"], r["reason"]) for r in found] == [("cannot_tell", "immature_labels")]
    some = [one for one in records if at(one["timestamp"]) < START + 26 * H]
    world.poster.labels(labels_of(some, 10 * H), now=world.now)  # known from START + 10 h to START + 36 h
    first = matching(world.read(ends[3]), metric="accuracy")  # none judged yet: the newest mature one alone
    assert (first[0]["window"]["end"], first[0]["verdict"]) == ("2026-01-20T04:00:00Z", "ok")
    assert first[-1]["reason"] == "immature_labels"
    rest = [one for one in records if START + 26 * H <= at(one["timestamp"]) < START + 60 * H]
    world.poster.labels(labels_of(rest, H), now=world.now)
    later = matching(world.read(START + 61 * H), metric="accuracy", verdict="ok")
    assert [at(r["window"]["end"]) for r in later] == [START + hour * H for hour in range(32, 64, 4)]
    again = matching(world.read(START + 61 * H), metric="accuracy", verdict="ok")
    assert again == later


def test_alerts_do_not_step_on_windows_older_than_the_last_judged(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 72, seed=2, right=0.2)
    world.post(records)
    world.configure(checks=[{"name": "performance", "kind": "performance", "window": "24h"}])
    newer = [one for one in records if at(one["timestamp"]) >= START + 48 * H]
    world.poster.labels(labels_of(newer, 0), now=world.now)
    (alert,) = world.run(START + 72 * H).alerts
    assert (alert["rule"], alert["state"], alert["severity"]) == ("performance", "firing", "critical")
    older = [one for one in records if at(one["timestamp"]) < START + 48 * H]
    late = [{**one, "timestamp": "2026-01-22T06:00:00Z", "label": 1 - one["label"]} for one in labels_of(older)]
    world.poster.labels(late, now=world.now)  # flawless, but of windows before the judged one
    run = world.run(START + 80 * H)
    assert [one["id"] for one in run.alerts] == [alert["id"]]
    assert run.alerts[0]["state"] == "firing"


def test_readings_of_relabelled_windows_at_midnight(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 24, seed=2)
    world.post(records)
    first = labels_of(records, H)
    second = [{**one, "label": 1 - one["label"], "timestamp": "2026-01-22T10:00:00Z"} for one in first]
    world.poster.labels(first + second, now=world.now)
    for hour in (28, 72 + 4, 72 + 20):
        world.run(START + hour * H)
    end = "2026-01-20T04:00:00Z"
    assert len(matching(world.stored(all_revisions=True), metric="accuracy", hours=24, window=window(end))) == 1
    world.run(START + 96 * H)
    found = matching(world.stored(all_revisions=True), metric="accuracy", hours=24, window=window(end))
    assert [reading["revision"] for reading in found] == [1, 2]
    assert found[1]["value"] == pytest.approx(1 - found[0]["value"])


def window(end: str) -> dict[str, str]:
    return {"start": clock.render(at(end) - D), "end": end}


def test_each_check_runs_on_its_own_schedule(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 96, seed=2))
    world.configure(
        checks=[{"name": "daily", "kind": "data_drift", "features": ["x"], "window": "24h", "schedule": "0 6 * * *"}]
    )
    replay(world.service, "m", START + 24 * H, START + 96 * H, now=lambda: world.now)
    assert [one["window"]["end"] for one in world.stored(check="daily")] == [
        "2026-01-20T04:00:00Z",
        "2026-01-21T04:00:00Z",
        "2026-01-22T04:00:00Z",
    ]
    hourly = {one["window"]["end"] for one in world.stored(check="data_drift") if one["feature"] == "x"}
    assert len(hourly) == 1 + 72 // 4 - 1


def test_a_run_refuses(world: World) -> None:
    with pytest.raises(NotFound):
        world.run(START)
    world.post(traffic(START, 2))
    with pytest.raises(Invalid, match="later than now"):
        world.run(world.now + 1)
    with pytest.raises(Invalid, match="none before a reference"):
        world.run(START + 4 * H, checks=["data_drift"])
    assert world.read(START + 4 * H) == []
    world.reference(traffic(T0, 48))
    with pytest.raises(Invalid, match="There is no check 'x'"):
        world.run(START + 4 * H, checks=["x"])


def test_without_delivery_states_change_and_nobody_is_told(world: World) -> None:
    world.apply(
        {
            "default_notify": ["ops"],
            "channels": {"ops": {"type": "webhook", "url": "https://ops.example/hook"}},
            "models": {"m": {}},
        }
    )
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 48, seed=2, shift=3))
    quiet = world.run(START + D, deliver=False)
    assert {one["state"] for one in quiet.alerts} == {"firing"}
    assert messages(world) == 0
    world.post(traffic(START + 3 * D, 24, seed=3, shift=9))
    world.configure(rules=[{"name": "again", "check": "data_drift"}])
    told = world.run(START + 4 * D)
    assert any(one["rule"] == "again" and one["state"] == "firing" for one in told.alerts)
    assert messages(world) > 0


def messages(world: World) -> int:
    with world.service.database.read() as connection:
        return outbox.count_untried(connection, 2**60)


IN_ANOTHER_PROCESS = """
import sys
from monitor.actions.run_checks import run_checks
from monitor.bootstrap import build
from monitor.settings import load
service, as_of = build(load({}, home=sys.argv[1])), int(sys.argv[2])
found = run_checks(service, "m", as_of, now=as_of).readings
print(sorted(repr((reading.revision, reading.alpha)) for reading in found))
"""


@pytest.mark.one_engine
def test_every_process_makes_the_same_readings(tmp_path: Path) -> None:
    world = World(build(load({}, home=tmp_path)), now=START + 2 * D)
    world.reference(wide(traffic(T0, 24 * 9), 3))
    world.post(wide(traffic(START, 48, seed=2), 3))
    world.service.database.close()
    arguments = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(tmp_path), str(START + 2 * D)]
    answers = {
        subprocess.run(
            arguments, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in "012"
    }
    assert len(answers) == 1
    assert "(2, " not in answers.pop()


@pytest.mark.parametrize(
    ("threshold", "short", "expected"),
    [
        (None, False, {"accuracy": 0.02, "roc_auc": 0.02, "mae": 0.05}),
        (None, True, {"accuracy": 0.05, "roc_auc": 0.05, "mae": 0.05}),
        ({"drop": 0.1}, True, {"accuracy": 0.1, "roc_auc": 0.1, "mae": 0.1}),
        ({"warning": 0.7}, False, {"accuracy": 0.02, "roc_auc": 0.02, "mae": 0.05}),
    ],
)
def test_the_loss_that_is_tested_is_the_loss_that_is_judged(
    threshold: dict[str, float] | None, short: bool, expected: dict[str, float]
) -> None:
    given = {"name": "p", "kind": "performance"} | ({"threshold": threshold} if threshold else {})
    document = from_object({"models": {"m": {"checks": [given]}}})
    (check,) = (one for one in checks_of(document.models["m"]) if one.name == "p")
    assert tolerated_losses(check, short=short) == expected


def test_what_comes_between_counting_and_measuring_is_measured_later(world: World) -> None:
    world.reference(traffic(T0, 24 * 14))
    world.post(traffic(START, 72, seed=2))
    as_of = START + 3 * D
    world.run(as_of)
    with world.service.database.read() as connection:
        before = world.found(connection)
        counted = summaries.counted_up_to(connection, before.id, as_of // H, before.change)
    assert counted == before.change
    world.post(traffic(START + D, 1, seed=3, prefix="late"))
    with world.service.database.read() as connection:
        model = world.found(connection)
        assert summaries.counted_up_to(connection, model.id, as_of // H, model.change) == before.change
        assert summaries.counted_up_to(connection, model.id, (START + D) // H, model.change) == model.change
