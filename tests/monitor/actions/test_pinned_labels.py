"""Labels that come after their rows were made the reference join it; none counts before it was known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor.actions.accept_alert import accept
from monitor.actions.frame import Frame
from monitor.actions.labelled_rows import Asked, of_reference
from monitor.actions.pinned_labels import standing_in
from monitor.actions.prepare_reference import pin_reference
from monitor.actions.prune import prune
from monitor.bootstrap import build
from monitor.service import Service
from monitor.store import alerts, locks, pinned_hours, references
from tests.monitor.world import T0, D, H, Record, World, at, matching, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
LATE = 20 * D


def drifting(world: World) -> dict[str, Any]:
    with world.service.database.read() as connection:
        (found,) = [a for a in alerts.open_of(connection, world.found(connection).id) if a["check"] == "data_drift"]
    return found


def right(records: list[Record]) -> float:
    return float(np.mean([one["prediction"] == one["label"] for one in records]))


def day(world: World, since: int, delay: int, **more: Any) -> None:
    """A day of the new normal."""
    records = traffic(since, 24, per_hour=12, seed=since // D, shift=2.0, prefix="day", **more)
    world.post(records)
    world.label(records, delay)


def accuracy(world: World, as_of: int, hours: int = 24) -> dict[str, Any]:
    found = matching(world.read(as_of), check="performance", metric="accuracy", segment=None, hours=hours)
    return max((r for r in found if r["reason"] in (None, "no_reference")), key=lambda r: r["window"]["end"])


@pytest.fixture
def accepted(service: Service) -> tuple[World, list[Record], dict[str, Any]]:
    """Days before the change and after it, whose labels all take 20 days; the change is accepted after four."""
    world = World(service)
    world.reference(traffic(T0, 24 * 9))
    before = traffic(START - 3 * D, 24 * 3, per_hour=12, seed=4, prefix="before")
    after = traffic(START, 24 * 4, per_hour=12, seed=5, shift=2.0, right=0.8)
    world.post(before)
    world.post(after)
    world.label(before, LATE)
    world.label(after, LATE)
    world.run(START + D)
    alert = drifting(world)
    return world, after, accept(service, alert["id"], START + 4 * D)


def test_accepting_warns_of_labels_that_are_late(accepted: tuple[World, list[Record], dict[str, Any]]) -> None:
    world, _, told = accepted
    assert told["warnings"][0].startswith("0 of the 1,152 predictions of the new base have a label by now. The others")
    assert told["warnings"][0].endswith("performance is compared with version 1")
    with world.service.database.read() as connection:
        assert told["warnings"][0] in alerts.list_transitions(connection, told["id"])[-1]["reason"]


def test_labels_of_what_was_accepted_join_it(accepted: tuple[World, list[Record], dict[str, Any]]) -> None:
    world, after, _ = accepted
    day(world, START + 4 * D, LATE)
    found = accuracy(world, START + 26 * D)
    assert (found["reference"]["version"], found["n_reference"]) == (2, len(after))
    assert found["details"]["reference_value"] == pytest.approx(right(after))
    assert found["verdict"] == "ok"
    assert at(found["window"]["end"]) > START + 4 * D
    names = {r["metric"] for r in world.stored(check="performance")}
    assert {"estimated_accuracy", "calibration_gap"} <= names


def test_until_then_windows_are_compared_with_the_version_before(
    accepted: tuple[World, list[Record], dict[str, Any]],
) -> None:
    world, _, _ = accepted
    found = accuracy(world, START + 19 * D)
    assert found["reference"] == {"name": "base", "version": 1}
    assert found["verdict"] == "ok"
    assert at(found["window"]["end"]) <= START


def test_a_restart_changes_nothing(accepted: tuple[World, list[Record], dict[str, Any]]) -> None:
    world, _, _ = accepted
    day(world, START + 4 * D, LATE)
    before = world.read(START + 25 * D, check="performance")
    again = build(world.service.settings)
    assert World(again).read(START + 25 * D, check="performance") == before
    again.close()


@pytest.fixture
def pinned(world: World) -> tuple[World, list[Record]]:
    """Ten days whose labels take 20, pinned when all of it is over; labels of later days come at once."""
    records = traffic(T0, 24 * 10, per_hour=12)
    world.post(records)
    world.label(records, LATE)
    for since in (14, 24, 40):
        later = traffic(T0 + since * D, 24, per_hour=12, seed=since, prefix="later")
        world.post(later)
        world.label(later)
    world.pin(T0, T0 + 10 * D)
    return world, records


def test_a_replay_knows_no_label_before_its_time(pinned: tuple[World, list[Record]]) -> None:
    world, records = pinned
    found = accuracy(world, T0 + 15 * D + 4 * H)
    assert (found["verdict"], found["reason"], found["n_reference"]) == ("cannot_tell", "no_reference", 0)
    assert found["details"]["awaited"] == {"labelled": 0, "rows": 2880, "by": "2026-02-14T00:00:00Z"}
    assert found["details"]["summary"] == (
        "accuracy: cannot tell: the reference waits for its labels: 0 of 2,880 are known, "
        "enough are expected by 14 Feb 2026, 00:00 UTC"
    )
    half = accuracy(world, T0 + 25 * D + 4 * H)  # of the first five days, by midnight
    assert half["details"]["reference_value"] == pytest.approx(right(records[: 5 * 288]))
    whole = accuracy(world, T0 + 41 * D + 4 * H)
    assert whole["details"]["reference_value"] == pytest.approx(right(records))
    assert whole["p_value"] is not None


def test_what_was_known_outlives_the_rows(pinned: tuple[World, list[Record]]) -> None:
    world, records = pinned
    pin_reference(world.service, "m", "pinned", T0, T0 + 10 * D, T0 + 10 * D)  # when no label was known
    accuracy(world, T0 + 41 * D + 4 * H)
    last = traffic(T0 + 50 * D, 24, per_hour=12, seed=50, prefix="later")
    world.post(last)
    world.label(last)
    world.configure(retention="5d")
    world.run(T0 + 51 * D)
    assert prune(world.service, world.now) > len(records)
    found = accuracy(world, T0 + 51 * D + 4 * H)
    assert found["details"]["reference_value"] == pytest.approx(right(records))


def test_a_version_that_has_labels_serves_until_the_newest_has_its_own(
    accepted: tuple[World, list[Record], dict[str, Any]],
) -> None:
    world, _, _ = accepted
    world.run(START + 26 * D)
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        asked = frame.known[-1], references.WHOLE
        served = [standing_in(frame, asked, START + days * D)[0].version for days in (19, 26)]
    assert served == [1, 2]


def test_retention_spares_the_labels_of_the_two_newest_versions(pinned: tuple[World, list[Record]]) -> None:
    world, _ = pinned
    world.run(T0 + 41 * D)
    kept = []
    for first, last in ((0, 5), (5, 10), (5, 10)):
        with world.service.database.read() as connection:
            name = references.newest(connection, world.found(connection).id)[0].name
        pin_reference(world.service, "m", name, T0 + first * D, T0 + last * D, T0 + 41 * D)
        with world.service.database.write(locks.model("m")) as connection:
            model = world.found(connection)
            pinned_hours.drop_labels_before(connection, model.id, (T0 + 30 * D) // H)
            asked = model.id, model.binning_id, T0 // H, T0 // H + 240, (T0 + 41 * D) // H
            kept.append(len(pinned_hours.labels_by_hour(connection, *asked)[0]))
    assert kept == [240, 240, 120]


@pytest.mark.parametrize(("as_of", "days"), [(15, 0), (25, 5), (41, 10)])
def test_what_learns_from_rows_has_the_same_labels(pinned: tuple[World, list[Record]], as_of: int, days: int) -> None:
    world, records = pinned
    world.run(T0 + 41 * D)
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        found = of_reference(frame, Asked(None, None, [], "wrong_share"), frame.known[0], T0 + as_of * D)
    assert len(found) == 288 * days
    assert not days or 1 - found.loss.mean() == pytest.approx(right(records[: 288 * days]))
