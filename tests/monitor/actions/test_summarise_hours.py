"""Counting hours while rows come."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from monitor.actions import summarise_hours
from monitor.actions.erase import erase_prediction
from monitor.actions.prepare_reference import make_new_cuts
from monitor.actions.prune import prune
from monitor.actions.summarise_hours import Rests, summarise, summarise_waiting
from monitor.store import locks, summaries
from monitor.store.summaries import Summary
from tests.monitor.world import T0, D, H, World, traffic
from tests.stores import is_sqlite, new_service

START = T0 + 14 * D
MOST = 30


def only_on_sqlite() -> None:
    if not is_sqlite():
        pytest.skip("Elsewhere whoever counts holds the model.")


@contextlib.contextmanager
def meanwhile(world: World, come: Callable[[], object]) -> Iterator[None]:
    """Something happens, once, when a count has its snapshot and has read nothing yet."""
    left = [come]

    def once(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if left and "dirty_hours" in statement and "ORDER BY" in statement:
            left.pop()()

    engine = world.service.database.engine
    event.listen(engine, "after_cursor_execute", once)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", once)
    assert not left


def counted(world: World, hours: int) -> list[Summary]:
    """The summaries of the first so many hours."""
    with world.service.database.read() as connection:
        model = world.found(connection)
        return summaries.load(connection, model.id, model.binning_id or 0, START // H, START // H + hours)


def test_an_hour_to_which_rows_keep_coming_is_counted_once(world: World) -> None:
    """Whenever a connection is given back, somebody else has just posted another late row."""
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 3))
    late = [traffic(START + H, 1, seed=10 + number)[:1] for number in range(MOST)]

    def come(*_: Any) -> None:
        if late and not world.now % 2:
            world.now += 1  # not again for the connections of this post
            world.post(late.pop())
            world.now += 1

    world.now += world.now % 2
    engine = world.service.database.engine
    event.listen(engine, "checkin", come)
    try:
        assert summarise(world.service, world.model, START // H + 3, world.now) == 3
    finally:
        event.remove(engine, "checkin", come)
    assert 0 < len(late) < MOST
    with world.service.database.read() as connection:
        waiting = summaries.dirty(connection, world.found(connection).id, START // H + 3)
    assert [mark.hour for mark in waiting] == [START // H + 1]
    world.read(START + 3 * H)
    with world.service.database.read() as connection:
        assert not summaries.waits(connection, world.model, START // H + 3)


def test_cuts_that_are_made_in_between_hold_for_all_hours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 4))
    monkeypatch.setattr(summarise_hours, "HOURS_AT_ONCE", 2)
    connections: list[int] = []
    counted = 2 if is_sqlite() else 3  # asked, rows read elsewhere, and the first two hours are counted

    def come(*_: Any) -> None:
        connections.append(1)
        if len(connections) == counted:
            with world.service.database.write(locks.model(world.model)) as connection:
                make_new_cuts(world.service, connection, world.found(connection), world.now)

    with world.service.database.read() as connection:
        before = world.found(connection).binning_id
    engine = world.service.database.engine
    event.listen(engine, "checkin", come)
    try:
        summarise(world.service, world.model, START // H + 4, world.now)
    finally:
        event.remove(engine, "checkin", come)
    with world.service.database.read() as connection:
        model = world.found(connection)
        assert model.binning_id not in (None, before)
        found = summaries.load(connection, model.id, model.binning_id or 0, START // H, START // H + 4)
    assert [one.hour for one in found] == [START // H + hour for hour in range(4)]


def test_what_was_counted_on_cuts_that_are_gone_is_not_kept(world: World) -> None:
    only_on_sqlite()
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 3))

    def come() -> None:
        with world.service.database.write(locks.model(world.model)) as connection:
            make_new_cuts(world.service, connection, world.found(connection), world.now)

    with meanwhile(world, come):
        assert summarise(world.service, world.model, START // H + 3, world.now) == 3
    assert len(counted(world, 3)) == 3


@pytest.mark.parametrize(("elsewhere", "retention", "left"), [(False, "5d", 121), (True, "30d", 240)])
def test_rows_that_are_pruned_meanwhile_leave_summaries_as_they_are_kept(
    tmp_path: Path, elsewhere: bool, retention: str, left: int
) -> None:
    """Those that retention took do not come back, and those that outlive their rows do not go."""
    only_on_sqlite()
    flags = {"observations_url": f"chdb://{tmp_path / 'rows'}"} if elsewhere else {}
    world = World(new_service(tmp_path, **flags))
    world.configure(retention="5d", summary_retention=retention)
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 240))
    assert summarise(world.service, world.model, START // H + 240, world.now) == 240
    world.post(traffic(START + 10 * H, 5, seed=7, prefix="late"))
    with meanwhile(world, lambda: prune(world.service, world.now)):
        assert summarise(world.service, world.model, START // H + 240, world.now) == 5
    found = counted(world, 240)
    assert [one.rows for one in found] == [6] * left
    assert found[-1].hour == START // H + 239
    world.service.close()


def test_posts_go_on_while_what_was_erased_waits_for_those_who_count(world: World) -> None:
    """Then the bytes are gone from the log, too."""
    only_on_sqlite()
    files = list(world.service.settings.home.glob("plimsoll.db*"))
    records = traffic(START, 3)
    records[0]["features"]["kind"] = "SECRETWORD"
    world.post(records)
    database = world.service.database
    with ThreadPoolExecutor() as pool:
        with database.read() as counting:
            counting.exec_driver_sql("SELECT count(*) FROM models")
            erasing = pool.submit(erase_prediction, world.service, world.model, records[0]["id"], world.now)
            for number in range(5):
                world.post(traffic(START + H, 1, seed=20 + number, prefix=f"other{number}-"))
        erasing.result(30)
    world.post(traffic(START + H, 1, seed=50, prefix="last"))
    assert not any(b"SECRETWORD" in file.read_bytes() for file in files)


def test_a_log_that_could_not_be_cut_in_time_is_cut_later(world: World) -> None:
    only_on_sqlite()
    database = world.service.database
    log = world.service.settings.home / "plimsoll.db-wal"
    world.post(traffic(START, 3))
    with database.read() as counting:
        counting.exec_driver_sql("SELECT count(*) FROM models")
        world.post(traffic(START + H, 1, seed=9))
        database.to_cut = True
        database.cut_log()
        assert log.stat().st_size > 0
    database.cut_log()
    assert log.stat().st_size == 0


def test_rows_are_taken_while_hours_are_counted(world: World) -> None:
    """And do not count before their hour is counted again."""
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 3))
    late = traffic(START + H, 1, seed=10)[:1]
    with meanwhile(world, lambda: world.post(late)):
        assert summarise(world.service, world.model, START // H + 3, world.now) == 3
    before = [one.rows for one in counted(world, 3)]
    assert summarise(world.service, world.model, START // H + 3, world.now) == 1
    assert [one.rows - then for one, then in zip(counted(world, 3), before, strict=True)] == [0, 1, 0]


def test_the_clockwork_rests_after_counting(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    rests = Rests()
    world.post(traffic(START, 3))
    assert summarise_waiting(world.service, START + D, rests) == 3
    world.post(traffic(START, 3, seed=2))
    rests.until[world.model] += 3600
    assert summarise_waiting(world.service, START + D, rests) == 0
    assert summarise(world.service, world.model, START // H + 24, world.now) == 3  # as a run does
    world.post(traffic(START, 3, seed=3))
    rests.until[world.model] -= 7200
    assert summarise_waiting(world.service, START + D, rests) == 3


def test_labels_of_many_rows_are_counted_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which tells nobody anything."""
    records = traffic(START, 5)
    world.reference(traffic(T0, 24 * 9))
    world.post(records)
    world.label(records, delay=0)

    def counted() -> list[Any]:
        summarise(world.service, world.model, START // H + 5, world.now)
        with world.service.database.read() as connection:
            model = world.found(connection)
            hours = START // H, START // H + 5
            return [
                (one.version, one.hour, one.known_hour, one.rows, one.data)
                for one in summaries.load_labels(connection, model.id, model.binning_id or 0, *hours, 1 << 40)
            ]

    at_once = counted()
    assert sum(row[3] for row in at_once) == len(records)
    with world.service.database.write(locks.model(world.model)) as connection:
        summaries.mark_all_dirty(connection, world.found(connection).id)
    monkeypatch.setattr(summarise_hours, "LABEL_ROWS_AT_ONCE", 13)  # two of the hours, or one
    assert counted() == at_once
