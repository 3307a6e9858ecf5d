"""Labels that stop: what replayed months of their habits tell, through a real store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerting.reading import to_json
from monitor import clock
from monitor.actions.describe import health
from monitor.actions.explain_alert import explain_alert
from monitor.actions.frame import Frame
from monitor.actions.promise import ledger_of
from monitor.errors import Conflict
from monitor.store import alerts
from tests.monitor.world import T0, D, H, Record, World, at, matching, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D  # a Monday
Known = Callable[[int], int | None]  # when the label of a prediction of a moment is known


def filled(world: World, days: int, known: Known, task: str = "binary", **configured: Any) -> list[Record]:
    """A model of which one prediction comes every half an hour for so many days, with the labels of that habit."""
    world.configure(task=task, **configured)
    reference = traffic(T0, 24 * 9, per_hour=2)
    records = traffic(START, 24 * days, per_hour=2, seed=2)
    if task == "regression":
        for one in (*reference, *records):
            one["prediction"], one["label"] = one["probability"] * 10, one["label"] * 10.0
            del one["probability"]
    world.reference(reference)
    world.post(records)
    label(world, records, known)
    return records


def label(world: World, records: list[Record], known: Known) -> None:
    moments = [(one, known(at(one["timestamp"]))) for one in records]
    labels = [
        {"id": one["id"], "label": one["label"], "timestamp": clock.render(when)}
        for one, when in moments
        if when is not None
    ]
    if labels:
        world.poster.labels(labels, now=world.now)


def told(world: World, days: range, check: str = "label_pause") -> dict[int, dict[str, Any]]:
    """The readings of runs at 00:05 of these days after the start, by day; those of other checks are not made."""
    found = {}
    for day in days:
        readings = [to_json(one) for one in world.run(START + day * D + 5 * clock.MINUTE, checks=[check]).readings]
        assert all((r["metric"], r["version"], r["feature"]) == ("label_pause", None, None) for r in readings)
        if readings:
            (found[day],) = readings
    return found


def verdicts(found: dict[int, dict[str, Any]]) -> dict[int, str]:
    return {day: one["verdict"] for day, one in found.items() if one["verdict"] not in ("ok", None)}


def until(stop: int, habit: Known, again: int | None = None) -> Known:
    """The habit, with nothing from day ``stop`` to day ``again``, on which what was held back comes."""

    def known(moment: int) -> int | None:
        when = habit(moment)
        if when is None or when < START + stop * D:
            return when
        if again is None:
            return None
        return max(when, START + again * D)

    return known


def daily(moment: int) -> int:
    """Once a night at about six."""
    day = moment // D + 1
    return day * D + 6 * H + (day * 7919 % 100) * clock.MINUTE


def weekly(moment: int) -> int:
    """On Tuesdays at noon, as is START + 1."""
    return START + ((moment - START - 36 * H) // (7 * D) + 1) * 7 * D + 36 * H


def on_business_days(moment: int) -> int:
    """Within three hours, in office hours from Monday to Friday; no Monday of the fifth week."""
    when = moment + 3 * H
    while not is_open(when):
        when += H
    return when


def is_open(moment: int) -> bool:
    day, hour = (moment - START) // D, moment % D // H
    return day % 7 < 5 and 9 <= hour < 17 and day != 28


def ten_days_late(moment: int) -> int:
    return moment + 10 * D


HABITS = {
    "steady": (lambda moment: moment + 2 * H, 30, 3),
    "daily": (daily, 30, 4),
    "business days": (on_business_days, 39, 7),  # a Friday
    "ten days late": (ten_days_late, 40, 3),
    "weekly": (weekly, 65, 11),
}


@pytest.mark.parametrize("habit", list(HABITS))
def test_a_habit_is_no_news_and_its_end_is(world: World, habit: str) -> None:
    """``stop``: from that day on nothing comes; it is told within ``days``, and for as long as it lasts."""
    known, stop, days = HABITS[habit]
    filled(world, stop + 35, until(stop, known))
    found = told(world, range(stop - 28 if stop > 39 else 1, stop + 35, 1 if stop < 40 else 2))
    assert len([one for day, one in found.items() if day < stop and one["verdict"] == "ok"]) >= 4
    first = min(verdicts(found))
    assert stop < first <= stop + days + 1, found[first]["details"]["summary"]
    assert set(verdicts(found)) == {day for day in found if day >= first}
    assert set(verdicts(found).values()) == {"warning"}
    assert all(one["alpha"] is None and one["details"]["critical"] is None for one in found.values())


def test_a_stop_is_told_and_over_when_labels_come_again(world: World) -> None:
    filled(world, 60, until(30, daily, again=44))
    found = told(world, range(20, 60))
    assert set(verdicts(found)) == set(range(32, 44))
    one = found[39]
    assert one["details"]["summary"].startswith("no label has become known since 17 Feb 2026, ")
    assert one["details"]["summary"].endswith("(10 days; the longest pause before was 25 hours)")
    assert (one["value"], one["threshold"]) == ((at(one["window"]["end"]) - at(one["details"]["since"])) / H, 50)
    alert = the_alert(world)
    assert (alert["rule"], alert["version"], alert["state"]) == ("label_pause", None, "resolved")
    assert alert["severity"] == "warning"
    assert START + 32 * D < at(alert["started_at"]) < at(alert["resolved_at"]) < START + 47 * D
    with world.service.database.read() as connection:
        model = world.found(connection)
        ledger = ledger_of(Frame.load(world.service, connection, model), START + 59 * D)
        assert ledger is not None
        assert (ledger.opened, ledger.opened_outside) == (0, 1)
        assert health(connection, model, START + 40 * D + H).status == "degraded"
    with pytest.raises(Conflict):
        explain_alert(world.service, alert["id"], world.now)
    # one long pause is no habit: the next stop is told as soon as the first was
    assert found[59]["details"]["longest_before"] == 25


def the_alert(world: World) -> dict[str, Any]:
    (found,) = all_alerts(world)
    return found


def all_alerts(world: World) -> list[dict[str, Any]]:
    with world.service.database.read() as connection:
        return list(alerts.list_alerts(connection, model="m", state=None, since=None, after=None, limit=10))


def test_a_replay_tells_the_same(world: World) -> None:
    filled(world, 40, until(30, daily))
    first = told(world, range(28, 40))
    assert [told(world, range(day, day + 1))[day] for day in range(39, 27, -1)] == [first[d] for d in range(39, 27, -1)]


def test_a_regression_and_several_versions_have_it_as_well(world: World) -> None:
    records = filled(world, 30, until(20, daily), task="regression")
    assert {one["prediction"] for one in records} - {0, 1}
    newer = traffic(START + 15 * D, 24 * 15, seed=5, version="v2", prefix="v")
    for one in newer:
        del one["probability"]
    world.post(newer)
    label(world, newer, until(21, daily))
    assert min(verdicts(told(world, range(15, 30)))) == 23


def test_a_version_that_took_over_from_rows_without_one_ends_no_alert(world: World) -> None:
    filled(world, 15, daily)
    newer = traffic(START + 15 * D, 24 * 20, per_hour=2, seed=5, version="v2", prefix="v")
    world.post(newer)
    label(world, newer, until(25, daily))
    told(world, range(20, 35))
    assert the_alert(world)["state"] == "firing"


@pytest.mark.parametrize("habit", ["none", "once", "a handful"])
def test_models_without_a_habit_are_silent(world: World, habit: str) -> None:
    once = START + 20 * D
    known: dict[str, Known] = {
        "none": lambda moment: None,
        "once": lambda moment: once if moment < once else None,
        "a handful": lambda moment: moment + H if moment % (6 * D) < H else None,
    }
    filled(world, 40, known[habit])
    found = told(world, range(1, 40, 3))
    assert {one["verdict"] for one in found.values()} <= {None}
    assert bool(found) == (habit == "a handful")


def test_no_pause_is_news_before_thirty_labels_should_have_come(world: World) -> None:
    """Labels stop together with the predictions, all of which are labelled."""
    filled(world, 20, lambda moment: moment + 2 * H)
    found = told(world, range(18, 27))
    assert verdicts(found) == {}
    assert found[25]["value"] > 24 * 4
    assert found[25]["details"]["expected"] == 0


def test_labels_posted_once_a_night_with_times_of_their_own(world: World) -> None:
    """At as_of they were not there: what was seen then is usual, too."""
    records = filled(world, 40, lambda moment: None)
    seen = {}
    for day in range(40):
        seen |= told(world, range(day, day + 1))
        world.run(START + day * D + 13 * H, checks=["label_pause"])
        label(world, records[48 * (day - 1) : 48 * day] if day else [], lambda moment: moment + 5 * clock.MINUTE)
    assert seen[39]["details"]["longest_before"] >= 24
    assert all_alerts(world) == []


def test_a_check_states_hours_of_its_own(world: World) -> None:
    own = {
        "name": "mine",
        "kind": "performance",
        "metric": "label_pause",
        "threshold": {"warning": 72, "critical": 240},
    }
    off = {"name": "label_pause", "kind": "performance", "enabled": False}
    filled(world, 40, until(25, daily), checks=[own, off])
    found = told(world, range(1, 40), check="mine")
    assert (found[1]["reason"], found[2]["verdict"]) == ("no_labels", "ok")  # no habit is needed
    assert verdicts(found) == {1: "cannot_tell"} | {day: "warning" if day < 35 else "critical" for day in range(28, 40)}
    assert found[30]["details"]["summary"].endswith("the longest pause before was 25 hours), above 72")
    assert matching(world.read(START + 39 * D), metric="label_pause", check="label_pause") == []


def test_labels_that_come_after_the_horizon_are_told(world: World) -> None:
    """Every third label takes 12 days where 10 are waited for."""
    filled(world, 40, lambda moment: moment + (12 * D if moment // H % 3 == 0 else H), label_horizon="10d")
    (found,) = matching(world.read(START + 39 * D), metric="label_coverage", hours=24)
    late = found["details"]["too_late"]
    assert late["share"] == pytest.approx(1 / 3, abs=0.02)
    assert late["count"] == pytest.approx(late["labels"] / 3, abs=5)
    assert found["verdict"] is None
    said = (
        "; 33 % of the labels of the last 10 days came more than 10 days (label_horizon) after their rows and were "
        "never judged: a longer label_horizon would wait for them"
    )
    assert found["details"]["summary"].endswith(said)
    (waits,) = matching(world.read(START + 39 * D), metric="accuracy", hours=24)
    assert waits["reason"] == "immature_labels"
    assert waits["details"]["summary"].startswith(
        "accuracy: cannot tell: labels are still coming, 62 % are known; 33 %"
    )
    world.configure(label_horizon="13d")
    found = matching(world.read(START + 39 * D + 4 * H), metric="label_coverage", hours=24)[-1]
    assert "too_late" not in found["details"]


def test_labels_that_are_back_after_longer_than_is_looked_at_end_the_alert(world: World) -> None:
    def known(moment: int) -> int | None:
        return None if START + 20 * D <= moment < START + 90 * D else moment + 2 * H

    filled(world, 96, known, label_horizon="5d")
    found = told(world, range(86, 96))
    assert set(verdicts(found)) == set(range(86, 91))
    assert [found[day]["verdict"] for day in range(91, 96)] == ["ok"] * 5
