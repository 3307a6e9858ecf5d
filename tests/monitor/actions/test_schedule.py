"""The schedule: catching up in order, one holder per run, replay equal to live runs."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from monitor import clock
from monitor.actions import held_run
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.prune import prune
from monitor.actions.replay import replay
from monitor.actions.run_due import AT_ONCE, is_dormant, run_due
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import alerts, claims, tables
from tests.monitor.delivery.receiver import receiving
from tests.monitor.world import T0, D, H, World, at, still, traffic
from tests.stores import new_service

START = T0 + 14 * D
SET_AT = START - H  # when the reference was set
FIVE = 5 * clock.MINUTE


@pytest.fixture
def world(service: Service) -> World:
    return fill(World(service, now=START))


def fill(made: World) -> World:
    made.reference(traffic(T0, 24 * 9), now=SET_AT)
    made.now = START + 6 * D
    made.post(traffic(START - D, 24 * 6, seed=2))
    made.label(traffic(START - D, 24 * 6, seed=2))
    return made


def runs(world: World) -> list[str]:
    with world.service.database.read() as connection:
        query = select(tables.run_claims.c.as_of).where(tables.run_claims.c.finished_at.is_not(None))
        return [
            clock.render(as_of) for as_of in connection.execute(query.order_by(tables.run_claims.c.as_of)).scalars()
        ]


def everything(world: World) -> list[dict[str, Any]]:
    found = world.stored(all_revisions=True)
    return sorted(found, key=lambda r: (r["window"]["end"], r["check"], r["metric"], str(r["feature"]), r["as_of"]))


def test_missed_hours_are_caught_up_in_order(world: World) -> None:
    now = START + 3 * H + FIVE
    assert run_due(world.service, "a", still(now)) == 5
    expected = [clock.render(SET_AT + k * H + FIVE) for k in range(5)]
    assert runs(world) == expected
    assert run_due(world.service, "a", still(now)) == 0
    assert run_due(world.service, "a", still(now + H)) == 1
    ends = {one["window"]["end"] for one in world.stored()}
    assert ends == {"2026-01-19T00:00:00Z", "2026-01-19T04:00:00Z"}


def test_each_lease_begins_with_its_run(world: World) -> None:
    moments = itertools.count(START + 3 * H + FIVE, claims.LEASE)
    assert run_due(world.service, "a", lambda: next(moments)) == 5
    with world.service.database.read() as connection:
        t = tables.run_claims.c
        until = list(connection.execute(select(t.lease_until).order_by(t.as_of)).scalars())
    assert sorted(set(until)) == until


@pytest.mark.parametrize("longest", [60.0, 0.0])
def test_a_run_is_held_while_it_goes_on_but_not_for_good(
    longest: float, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LEASE", 60_000)
    monkeypatch.setattr(held_run, "LONGEST", longest)

    def lease() -> int:
        with world.service.database.read() as connection:
            return int(connection.execute(select(tables.run_claims.c.lease_until)).scalar_one())

    with world.service.database.write() as connection:
        model = world.found(connection)
        assert claims.claim(connection, model.id, START, "a", 0)
    before = set(threading.enumerate())
    with held_run.held(world.service, model, START, "a", still(START)):
        deadline = time.monotonic() + 20
        while lease() == 60_000 and set(threading.enumerate()) - before and time.monotonic() < deadline:
            time.sleep(0.01)
    assert lease() == (START + 60_000 if longest else 60_000)
    assert set(threading.enumerate()) <= before


def test_a_lease_is_renewed_also_after_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LEASE", 60_000)
    asked = list[int]()

    def now() -> int:
        asked.append(1)
        if len(asked) == 1:
            raise OSError("the clock is away")
        return START

    with world.service.database.write() as connection:
        model = world.found(connection)
        assert claims.claim(connection, model.id, START, "a", 0)
    with held_run.held(world.service, model, START, "a", now):
        deadline = time.monotonic() + 20
        while len(asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    with world.service.database.read() as connection:
        assert connection.execute(select(tables.run_claims.c.lease_until)).scalar_one() == START + 60_000


def test_windows_before_the_reference_are_left_alone(service: Service) -> None:
    world = fill(World(service, now=START))
    run_due(world.service, "a", still(START + FIVE))
    assert {at(one["window"]["end"]) > SET_AT for one in world.stored()} == {True}


def test_catching_up_goes_back_seven_days_and_takes_turns(world: World) -> None:
    second = World(world.service, "n", world.now)
    fill(second)
    now = SET_AT + 8 * D
    with world.service.database.write() as connection:  # the newest prediction must not be older than 7 d
        connection.execute(update(tables.models).values(newest_prediction=now - D))
    assert run_due(world.service, "a", still(now)) == 2 * AT_ONCE
    assert runs(world)[0] == clock.render(SET_AT + D + FIVE)
    assert len(runs(world)) == 2 * AT_ONCE


def test_two_holders_never_run_the_same(tmp_path: Any) -> None:
    service = new_service(tmp_path)
    fill(World(service, now=START))
    other = Service(service.settings, type(service.database)(service.settings.database_url), service.observations)
    now, made = START + 12 * H + FIVE, []
    gate = threading.Barrier(2)

    def work(mine: Service, holder: str) -> None:
        gate.wait()
        for _ in range(12):
            made.append(run_due(mine, holder, still(now)))

    threads = [threading.Thread(target=work, args=pair) for pair in ((service, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 14
    world = World(service, now=now)
    assert len(runs(world)) == 14
    assert {one["revision"] for one in everything(world) if one["kind"] != "performance"} == {1}
    for one in (service, other):
        one.database.close()


def test_a_dead_holder_s_run_is_taken_over_after_its_lease(world: World) -> None:
    now, due = START + FIVE, SET_AT + FIVE
    with world.service.database.write() as connection:
        model = world.found(connection)
        assert claims.claim(connection, model.id, due, "dead", now)
        assert not claims.claim(connection, model.id, due, "a", now)
    assert run_due(world.service, "a", still(now)) == 0
    assert run_due(world.service, "a", still(now + claims.LEASE)) == 0
    assert run_due(world.service, "a", still(now + claims.LEASE + 1)) == 2
    late = world.run(due, claimed_by="dead")  # who lost the claim changes nothing
    assert (late.readings, late.alerts) == ([], [])


def test_a_model_that_fails_keeps_no_other_waiting(world: World, caplog: pytest.LogCaptureFixture) -> None:
    other = fill(World(world.service, "z", START))
    with world.service.database.write() as connection:
        connection.execute(update(tables.profiles).values(data=b"torn").where(tables.profiles.c.reference_id == 1))
    with caplog.at_level(logging.CRITICAL):
        run_due(world.service, "a", still(START + FIVE))
    assert {one["reason"] for one in other.stored()} - {"error"}
    assert "error" not in {one["reason"] for one in other.stored()}
    failed = {one["check"]: one["verdict"] for one in world.stored() if one["reason"] == "error"}
    assert failed["data_drift"] == failed["data_quality"] == "cannot_tell"


def test_dormant_models_cost_nothing(world: World) -> None:
    with world.service.database.read() as connection:
        model = world.found(connection)
    assert model.newest_prediction is not None
    assert not is_dormant(model, model.newest_prediction + 7 * D)
    assert is_dormant(model, model.newest_prediction + 7 * D + 1)
    assert run_due(world.service, "a", still(model.newest_prediction + 7 * D + 1)) == 0
    assert runs(world) == []


def test_a_replay_equals_the_live_runs(tmp_path: Any) -> None:
    live, replayed = (fill(World(new_service(tmp_path / name), now=START)) for name in ("live", "replayed"))
    for hour in range(1, 26):
        run_due(live.service, "a", still(SET_AT + hour * H + FIVE - H))
    run_due(live.service, "a", still(SET_AT + 25 * H))
    done = replay(replayed.service, "m", SET_AT, SET_AT + 25 * H, now=lambda: replayed.now)
    assert done.runs == 25
    mine = [one for one in everything(replayed) if at(one["window"]["end"]) > SET_AT]
    assert everything(live) == mine
    assert len(mine) > 100
    again = replay(replayed.service, "m", SET_AT, SET_AT + 25 * H, now=lambda: replayed.now)
    assert again.runs == 25
    assert [one for one in everything(replayed) if at(one["window"]["end"]) > SET_AT] == mine
    for world in (live, replayed):
        world.service.database.close()


def test_reset_forgets_episodes_and_keeps_readings(world: World) -> None:
    world.post(traffic(START + D, 12, seed=5, per_hour=30, shift=4, prefix="odd"))

    def go(reset: bool) -> list[tuple[Any, ...]]:
        done = replay(world.service, "m", START + D, START + 2 * D, now=lambda: world.now, reset=reset)
        return sorted((one["rule"], one["fired_at"], one["severity"]) for one in done.alerts.values())

    first = go(reset=False)
    assert first
    readings = everything(world)
    assert [one for one in go(reset=False) if one not in first] == []
    assert go(reset=True) == first
    assert everything(world) == readings
    with world.service.database.read() as connection:
        kept = alerts.open_of(connection, world.found(connection).id)
    assert len({one["rule"] for one in kept}) == len(kept)


@pytest.mark.parametrize("deliver", [True, False])
@pytest.mark.parametrize("begun_before", [False, True])
def test_a_reset_tells_those_who_were_told(world: World, deliver: bool, begun_before: bool) -> None:
    """An incident that was opened elsewhere is closed before its alert is forgotten, or ended."""
    end = START + D + 12 * H
    with receiving() as outside:
        channel = {"type": "webhook", "url": f"{outside.url}/ops"}
        rules = [{"name": "drift", "check": "data_drift", "notify": ["ops"]}]
        world.apply({"channels": {"ops": channel}, "models": {"m": {"rules": rules}}})
        world.post(traffic(START + D, 12, seed=5, per_hour=30, shift=4, prefix="odd"))
        done = replay(world.service, "m", START + D, end, now=lambda: world.now, deliver=True)
        (fired,) = (clock.parse(one["fired_at"]) for one in done.alerts.values() if one["rule"] == "drift")
        start = fired + H if begun_before else START + D
        done = replay(world.service, "m", start, end, now=lambda: world.now, reset=True, deliver=deliver)
        deliver_due(world.service, lambda: world.now)
        told = [(got.json()["type"], got.json()["data"]) for got in outside.received]
    assert done.ended == 1
    (first, *later) = dict.fromkeys(data["alert"]["id"] for type_, data in told if type_ == "alert.firing")
    assert len(later) == deliver
    (over,) = [data for type_, data in told if type_ == "alert.resolved"]
    assert (over["alert"]["id"], over["alert"]["resolve_reason"]) == (first, "superseded")
    page = f"alerts/{first}" if begun_before else "models/m"
    assert over["links"]["alert"].endswith(f"/{page}")  # a page that is there
    with world.service.database.read() as connection:
        assert (alerts.get_alert(connection, first) is not None) == begun_before


@pytest.mark.parametrize(("start", "end"), [(START, START), (START + D, START), (START, START + 100 * D)])
def test_a_replay_needs_a_stretch_that_is_over(world: World, start: int, end: int) -> None:
    with pytest.raises(Invalid):
        replay(world.service, "m", start, end, now=lambda: world.now)


def test_retention_counts_back_from_the_newest_prediction(world: World) -> None:
    assert prune(world.service, world.now) == 0
    world.configure(retention="2d")
    world.read(START + 5 * D)
    gone = prune(world.service, world.now)
    assert gone == 24 * 6 * 6 - (2 * 24 + 1) * 6
    assert prune(world.service, world.now) == 0
    assert one_volume(world, START + 5 * D) == 144
    assert one_volume(world, START + 2 * D) == 0


def test_summaries_may_be_kept_longer_than_rows(world: World) -> None:
    before = {days: world.read(START + days * D, check="data_drift") for days in (2, 5)}
    world.configure(retention="2d", summary_retention="30d")
    assert prune(world.service, world.now) == 24 * 6 * 6 - (2 * 24 + 1) * 6
    assert prune(world.service, world.now) == 0
    assert {days: world.read(START + days * D, check="data_drift") for days in (2, 5)} == before
    assert one_volume(world, START + 2 * D) == 144
    world.post(traffic(START + D, 2, seed=9))  # too late: these hours cannot be counted again
    assert one_volume(world, START + 2 * D) == 144
    with world.service.database.read() as connection:
        assert clock.HOUR * (world.found(connection).rows_since or 0) == START + 3 * D - H
    for shorter in ({"retention": "3d", "summary_retention": "2d"}, {"summary_retention": "2d"}):
        with pytest.raises(Invalid, match="summaries are kept as long as rows"):
            world.configure(**shorter)


def one_volume(world: World, as_of: int) -> float:
    (found,) = world.read(as_of, metric="volume")
    return float(found["value"])
