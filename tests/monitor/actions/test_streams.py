"""Checks on the stream of errors: which labels it has, in which order, what is judged, and that it stays the same."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from detectors.registry import SEQUENTIAL
from detectors.streams import START, Usual
from monitor import clock
from monitor.config.reading import from_object
from monitor.errors import Invalid
from tests.monitor.world import T0, D, H, World, labels_of, matching, one, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START_DAY = T0 + 14 * D
ALPHA = 0.001


def watched(method: str = "shiryaev_roberts", window: str = "24h", **threshold: float) -> dict[str, Any]:
    given = threshold or ({"p_value": ALPHA} if SEQUENTIAL[method].guaranteed else {"warning": 0})
    return {"name": "errors", "kind": "performance", "method": method, "window": window, "threshold": given}


def prepared(world: World, *checks: dict[str, Any], **model: Any) -> World:
    world.configure(checks=list(checks) or [watched()], **model)
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    return world


def errors_of(records: list[dict[str, Any]]) -> np.ndarray:
    return np.array([float(r["prediction"] != r["label"]) for r in records])


def test_the_stream_is_the_labels_that_became_known_in_the_window(world: World) -> None:
    """Labels come 30 hours after their predictions: those of day 1 and 2 make the stream of day 3."""
    prepared(world)
    records = traffic(START_DAY, 72, per_hour=20, seed=2)
    world.post(records)
    world.label(records, delay=30 * H)
    found = one(world.read(START_DAY + 3 * D), check="errors")
    mine = [r for r in records if START_DAY + 2 * D < _known(r, 30 * H) <= START_DAY + 3 * D]
    usual = found["details"]["usual"]
    _, expected = SEQUENTIAL["shiryaev_roberts"].step(START, errors_of(mine), Usual(usual, 0.02, 1 / ALPHA))
    assert found["n_current"] == len(mine) == 480
    assert found["value"] == expected.value
    assert (found["metric"], found["verdict"], found["alpha"]) == ("shiryaev_roberts", "ok", None)
    assert found["threshold"] == pytest.approx(math.log(1000))
    assert found["details"]["guarantee"] == "at most one false alarm expected in 1,000 labels"
    assert usual == pytest.approx(0.1, abs=0.02)


def _known(record: dict[str, Any], delay: int) -> int:
    """When its label counts: rounded up to the hour."""
    return -(-(clock.parse(record["timestamp"]) + delay) // H) * H


def test_more_errors_raise_an_alarm_that_ends(world: World) -> None:
    prepared(world)
    good, bad = (
        traffic(START_DAY, 48, per_hour=20, seed=2),
        traffic(START_DAY + 2 * D, 24, per_hour=20, seed=3, right=0.7),
    )
    again = traffic(START_DAY + 3 * D, 72, per_hour=20, seed=4)
    for records in (good, bad, again):
        world.post(records)
        world.label(records, delay=H)
    states = []
    for day in range(2, 7):
        run = world.run(START_DAY + day * D + H)
        found = one(matching(world.read(START_DAY + day * D + H), check="errors"))
        states.append((found["verdict"], [a["state"] for a in run.alerts if a["check"] == "errors"]))
    assert [verdict for verdict, _ in states] == ["ok", "warning", "ok", "ok", "ok"]
    assert states[1][1] == ["firing"]
    assert "resolved" in states[3][1]
    alarm = world.stored()
    (fired,) = [r for r in alarm if r["verdict"] == "warning" and r["check"] == "errors"]
    assert fired["value"] > fired["threshold"]
    assert clock.parse(fired["details"]["first_alarm"]) > START_DAY + 2 * D
    assert fired["details"]["summary"].startswith("Shiryaev–Roberts: ")


@pytest.mark.parametrize("method", list(SEQUENTIAL))
def test_every_method_as_a_check(world: World, method: str) -> None:
    prepared(world, watched(method))
    records = traffic(START_DAY, 12, per_hour=20, seed=2) + traffic(
        START_DAY + 12 * H, 12, per_hour=20, seed=3, right=0.3
    )
    world.post(records)
    world.label(records, delay=0)
    found = one(world.read(START_DAY + D), check="errors")
    assert found["metric"] == method
    assert (found["verdict"] == "warning") == (found["value"] > found["threshold"])
    if method not in ("kswin", "hddm_w"):
        assert found["verdict"] == "warning"
    assert world.read(START_DAY + D) == world.read(START_DAY + D)
    promise = "at most one false alarm" if method == "shiryaev_roberts" else "no guarantee on false alarms"
    assert promise in found["details"]["summary"]


def test_each_version_has_a_stream_and_a_corrected_label_counts_once(world: World) -> None:
    prepared(world)
    first = traffic(START_DAY, 24, per_hour=20, seed=2, version="1")
    second = traffic(START_DAY, 24, per_hour=20, seed=3, version="2")
    world.post(first + second)
    world.label(first, delay=0)
    later = [{**label, "label": 1 - label["label"]} for label in labels_of(first, 2 * H)]
    world.poster.labels(later, now=world.now)
    found = matching(world.read(START_DAY + D), check="errors")
    assert [(r["version"], r["reason"]) for r in found] == [("1", None), ("2", "too_few_rows")]
    mine = [r for r in first if _known(r, 2 * H) <= START_DAY + D]
    untouched = [r for r in first if _known(r, 2 * H) > START_DAY + D]
    wrong = (1 - errors_of(mine)).sum() + errors_of([r for r in untouched if _known(r, 0) <= START_DAY + D]).sum()
    assert found[0]["n_current"] == 480
    assert found[0]["details"]["error_rate"] == pytest.approx(wrong / 480)


def test_labels_posted_later_for_old_predictions_measure_the_window_again(world: World) -> None:
    prepared(world)
    records = traffic(START_DAY, 72, per_hour=20, seed=2)
    world.post(records)
    world.label(records[480:], delay=H)
    before = one(world.read(START_DAY + 3 * D), check="errors")
    world.label(records[:480], delay=50 * H)  # known on the third day, told now
    after = one(world.read(START_DAY + 3 * D), check="errors")
    assert after["n_current"] > before["n_current"]
    assert (before["revision"], after["revision"]) == (1, 2)


def test_what_it_cannot_tell(world: World) -> None:
    prepared(world)
    world.post(traffic(START_DAY, 24, per_hour=20, seed=2))
    found = one(world.read(START_DAY + D), check="errors")
    assert (found["verdict"], found["reason"]) == ("cannot_tell", "too_few_rows")


def test_a_regression_has_no_stream(world: World) -> None:
    world.configure(checks=[watched()])
    records = [{**r, "prediction": r["features"]["x"], "label": r["features"]["x"] + 0.5} for r in traffic(T0, 24 * 9)]
    world.reference(records)
    world.post([{**r, "prediction": r["features"]["x"]} for r in traffic(START_DAY, 24, seed=2)])
    assert one(world.read(START_DAY + D), check="errors")["reason"] == "not_classes"


MISTAKES = [
    (watched() | {"kind": "data_drift"}, {}, "only a performance check can"),
    (watched(), {"task": "regression"}, "a regression has none"),
    ({"name": "a", "kind": "performance", "method": "adwin"}, {}, "needs a threshold: warning"),
    (watched(drop=0.1), {}, "needs a threshold: p_value"),
    (watched("ddm", p_value=0.1), {}, "has no p-value"),
    (watched(warning=5, critical=9), {}, "one alone"),
    (watched("ddm", warning=5, critical=3), {}, "better side"),
    (watched() | {"metric": "accuracy"}, {}, "measures that alone"),
]


@pytest.mark.parametrize(("check", "model", "words"), MISTAKES)
def test_mistakes(check: dict[str, Any], model: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        from_object({"models": {"m": {**model, "checks": [check]}}})


def test_the_extra_must_be_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(world, watched("adwin"))
    records = traffic(START_DAY, 24, per_hour=20, seed=2)
    world.post(records)
    world.label(records, delay=0)
    monkeypatch.setitem(sys.modules, "river", None)
    found = one(world.read(START_DAY + D), check="errors")
    assert (found["verdict"], found["reason"]) == ("cannot_tell", "missing_extra")
    with pytest.raises(Invalid, match=r"pip install 'plimsoll\[river\]'"):
        from_object({"models": {"m": {"checks": [watched("adwin")]}}})
