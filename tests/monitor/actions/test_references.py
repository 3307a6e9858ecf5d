"""Which reference a window is compared with, and when there are new cuts."""

from __future__ import annotations

from typing import Any

import pytest

from monitor import clock
from monitor.errors import Invalid, NotFound
from monitor.store import references
from tests.monitor.world import NOW, T0, D, H, World, at, matching, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
AS_OF = START + 2 * D


def drift(world: World, as_of: int = AS_OF, **match: Any) -> dict[str, Any]:
    return one(world.read(as_of), check="data_drift", feature="x", hours=24, **match)


def cuts(world: World) -> int | None:
    with world.service.database.read() as connection:
        return world.found(connection).binning_id


def test_versions_are_compared_with_their_own_reference(world: World) -> None:
    world.reference(traffic(T0, 48, version="1"), "base")
    world.reference(traffic(T0, 48, seed=2, version="2", shift=1), "second")
    world.reference(traffic(T0, 48, seed=3, version="2", shift=1), "third")
    world.post(traffic(START, 48, version="1", seed=4))
    assert drift(world)["reference"] == {"name": "base", "version": 1}
    world.post(traffic(START + 3 * D, 24, version="2", seed=5, shift=1))
    alone = drift(world, START + 4 * D)
    assert alone["reference"] == {"name": "third", "version": 1}
    assert alone["n_reference"] == 48 * 6
    assert alone["value"] < 0.2
    world.post(traffic(START + 5 * D, 24, version="9", seed=6))
    nobodys = drift(world, START + 6 * D)
    assert nobodys["reference"] == {"name": "base", "version": 1}


def test_the_default_gives_its_rows_of_the_version_alone(world: World) -> None:
    both = [*traffic(T0, 48, version="1"), *traffic(T0, 24, seed=2, version="2", shift=5)]
    world.reference(both, "base")
    world.reference(traffic(T0, 48, seed=3, version="2"), "later")
    world.post(traffic(START, 48, version="2", seed=4, shift=5))
    found = drift(world)
    assert (found["reference"], found["n_reference"]) == ({"name": "base", "version": 1}, 24 * 6)
    assert found["value"] < 0.2


def test_a_check_names_its_reference(world: World) -> None:
    world.reference(traffic(T0, 48), "base")
    world.reference(traffic(T0, 48, seed=2, shift=4), "other")
    world.post(traffic(START, 48, seed=4))
    world.configure(
        checks=[
            {"name": "named", "kind": "data_drift", "reference": "other"},
            {"name": "nowhere", "kind": "data_drift", "reference": "gone"},
        ]
    )
    assert drift(world)["reference"]["name"] == "base"
    named = one(world.read(AS_OF), check="named", feature="x", hours=24)
    assert (named["reference"]["name"], named["verdict"]) == ("other", "critical")
    nowhere = one(world.read(AS_OF), check="nowhere", feature="x", hours=24)
    assert (nowhere["reference"], nowhere["verdict"], nowhere["reason"]) == (None, "cannot_tell", "no_reference")


def test_a_pooled_window_is_compared_with_a_mixture(world: World) -> None:
    world.reference(traffic(T0, 24 * 10, version="1"), "base")
    world.reference(traffic(T0, 24 * 10, seed=2, version="2", shift=5), "second")
    world.post(traffic(START, 48, version="1", seed=4, per_hour=6))
    world.post(traffic(START, 48, version="2", seed=5, per_hour=2, shift=5))
    found = matching(world.read(AS_OF), check="data_drift", feature="x", hours=24)
    pooled, first, second = (one(found, version=version) for version in (None, "1", "2"))
    assert pooled["verdict"] == "ok"
    assert pooled["value"] < 0.15
    assert pooled["reference"]["name"] == "base"
    for shown in (first, second):
        assert (shown["verdict"], shown["alpha"], shown["threshold"]) == (None, None, None)
    assert (first["reference"]["name"], second["reference"]["name"]) == ("base", "second")
    assert first["n_current"] + second["n_current"] == pooled["n_current"]
    accuracy = matching(world.read(AS_OF), metric="accuracy", hours=24)
    assert [(reading["version"], reading["verdict"]) for reading in accuracy] == [
        ("1", "cannot_tell"),
        ("2", "cannot_tell"),
        (None, None),
    ]


def test_set_again_it_is_version_2_and_old_readings_keep_theirs(world: World) -> None:
    assert world.reference(traffic(T0, 48)) == {
        "name": "base",
        "version": 1,
        "rows": 288,
        "rejected": 0,
        "errors": [],
        "warnings": [],
    }
    world.post(traffic(START, 72, seed=4))
    before, on = drift(world), cuts(world)
    assert world.reference(traffic(T0, 24, seed=2))["version"] == 2
    assert cuts(world) == on
    after = drift(world, AS_OF + D)
    assert (before["reference"]["version"], after["reference"]["version"]) == (1, 2)
    assert one(world.stored(), check="data_drift", feature="x", hours=24, as_of=before["as_of"]) == before


def test_a_new_model_version_makes_new_cuts_and_recounts(world: World) -> None:
    world.reference(traffic(T0, 24 * 9, version="1"))
    world.post(traffic(START, 72, seed=4, version="1"))
    before, on = drift(world), cuts(world)
    world.reference(traffic(T0, 24 * 9, seed=2, version="2", shift=3), "second")
    assert cuts(world) != on
    world.run(AS_OF + 4 * H)  # hours are counted again; what was measured stays as it was
    stored = matching(world.stored(all_revisions=True), check="data_drift", feature="x", hours=24)
    assert matching(stored, window=before["window"]) == [before]
    assert len(stored) == 2
    after = drift(world, AS_OF + D)
    assert after["n_current"] == before["n_current"]
    assert after["verdict"] == "ok"


def test_a_pinned_stretch_is_whole_hours_with_labels(world: World) -> None:
    records = traffic(T0, 24 * 10)
    world.post(records)
    world.label(records)
    told = world.pin(T0 + 90 * 60 * 1_000_000, T0 + 24 * H - 1)
    assert told == {"name": "pinned", "version": 1, "rows": 23 * 6}
    with world.service.database.read() as connection:
        (stored,) = references.newest(connection, world.found(connection).id)
    assert (stored.pinned, stored.timed, stored.labelled) == (True, True, 23 * 6)
    reading = one(world.read(T0 + 3 * D), metric="accuracy", hours=24)
    assert reading["details"]["reference_value"] is not None


def test_pinning_nothing(world: World) -> None:
    world.post(traffic(T0, 2))
    with pytest.raises(Invalid):
        world.pin(T0 + 10 * D, T0 + 11 * D)
    with pytest.raises(Invalid):
        world.pin(T0 + H, T0)
    with pytest.raises(NotFound):
        World(world.service, "unknown").pin(T0, T0 + H)


@pytest.mark.parametrize("timed", [True, False])
def test_short_and_untimed_references(world: World, timed: bool) -> None:
    rows = traffic(T0, 24 * 12)
    if not timed:
        rows = [{key: value for key, value in row.items() if key != "timestamp"} for row in rows]
    world.reference(rows)
    world.post(traffic(START, 48, seed=4))
    short = {
        at(r["window"]["end"]) - at(r["window"]["start"]): r["details"].get("short_reference")
        for r in matching(world.read(AS_OF), check="data_drift", feature="x")
    }
    assert short == {D: None if timed else True, 7 * D: True}
    threshold = {r["threshold"] for r in matching(world.read(AS_OF), check="data_drift", hours=24)}
    assert threshold == {0.02 if timed else 0.05}


def test_an_untimed_reference_learns_from_the_first_weeks(world: World) -> None:
    """Until four weeks are known the rule of rows stands; then their unrest is the reference's, about its own level."""
    world.reference([{k: v for k, v in row.items() if k != "timestamp"} for row in traffic(T0, 24 * 9)])
    world.post(traffic(START, 24 * 28, seed=4))
    end = START + 28 * D
    world.post(
        [{**row, "features": {**row["features"], "x": row["features"]["x"] + 1.0}} for row in traffic(end, 48, seed=5)]
    )

    def of(as_of: int) -> dict[str, Any]:
        return one(world.read(as_of), check="data_drift", feature="x", hours=24)

    learning, learned, later = (of(moment) for moment in (end, end + D, end + 2 * D))
    assert learning["details"]["short_reference"] is True
    assert learning["threshold"] == 0.05
    for found in (learned, later):
        assert "short_reference" not in found["details"]
        assert found["details"]["learned"] is True
        assert (found["threshold"], found["verdict"]) == (0.02, "critical")
        assert found["details"]["reference_windows"] >= 27
    assert of(end + D) == learned  # what came since changes nothing


def test_windows_are_measured_again_when_the_weeks_they_learned_from_change(world: World) -> None:
    world.reference(traffic(T0, 24 * 7))
    world.post(traffic(START, 24 * 32, seed=4))
    end = START + 31 * D
    world.run(end)

    def of() -> dict[str, Any]:
        found = world.stored(check="data_drift", feature="x", metric="ks")
        return one(found, window={"start": clock.render(end - D), "end": clock.render(end)})

    before = of()
    for day in range(3, 21, 2):  # every other one: days in a row would be a spell, which is no unrest
        world.post(traffic(START + day * D, 24, per_hour=60, seed=day, shift=1.5, prefix=f"late{day}"))
    world.run(end + D)
    after = of()
    assert (before["revision"], after["revision"]) == (1, 2)
    assert after["details"]["effect_upper"] > before["details"]["effect_upper"]  # those weeks were wilder than known


def test_a_few_rows_of_a_new_version_do_not_switch_off_what_is_known(world: World) -> None:
    world.reference(traffic(T0, 24 * 9, version="1"))
    world.reference(
        [{k: v for k, v in row.items() if k != "timestamp"} for row in traffic(T0, 48, seed=2, version="2")], "second"
    )
    world.post(traffic(START, 24, seed=4, version="1"))
    world.post(traffic(START, 24, per_hour=1, seed=5, version="2", prefix="canary")[:10])
    few = drift(world, START + D, version=None)
    assert "short_reference" not in few["details"]
    world.post(traffic(START + 3 * D, 24, per_hour=3, seed=6, version="1", prefix="later"))
    world.post(traffic(START + 3 * D, 24, per_hour=3, seed=7, version="2", prefix="half"))
    half = drift(world, START + 4 * D, version=None)
    assert half["details"]["short_reference"] is True


def test_a_type_configured_later_is_taken_over(world: World) -> None:
    rows = traffic(T0, 24 * 9)
    for place, row in enumerate(rows):
        row["features"]["code"] = place % 40 * 10 + 0.5
    world.reference(rows)
    world.post([{**row, "features": {"code": 0.5, "x": 0.1}} for row in traffic(START, 48, seed=4)])
    assert one(world.read(AS_OF), check="data_drift", feature="code", hours=24)["metric"] == "ks"
    world.configure(features={"code": {"type": "categorical"}})
    found = one(world.read(AS_OF), check="data_drift", feature="code", hours=24, metric="l_infinity")
    assert found["verdict"] == "critical"


def test_a_reference_without_usable_rows(world: World) -> None:
    with pytest.raises(Invalid, match="needs rows"):
        world.reference([])
    assert world.now == NOW
