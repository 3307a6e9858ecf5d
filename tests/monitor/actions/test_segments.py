"""Segments: counted apart, judged with their own budget, alerts of their own."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
import pytest

from dashboards.views import Viewer
from detectors.multiplicity import DEFAULT_WEIGHTS
from monitor.actions import build_page
from monitor.actions.distributions import distributions
from monitor.actions.exposition import exposition
from monitor.actions.frame import Frame
from monitor.actions.levels import expected_checks, segments_of
from monitor.config.inventory import runs_per_month
from monitor.errors import NotFound
from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, H, Record, World, at, matching, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
AS_OF = START + 2 * D
REGIONS = {"north": 0.3, "south": 0.65, "isle": 0.05}
BOTH = ("region=north", "region=south")
ENDS = ((1, "note"), (2, "place"), (3, "version"))
SLICED = ("data_quality", "data_drift", "prediction_drift", "performance")


def regional(records: list[Record], seed: int = 7, shift: float = 0.0, right: bool = True) -> list[Record]:
    """Each record in a region; in the north, x moves by ``shift``, and what is said may be wrong throughout."""
    where = np.random.default_rng(seed).choice(list(REGIONS), len(records), p=list(REGIONS.values()))
    for record, region in zip(records, where, strict=True):
        record["segments"] = {"region": str(region)}
        if region == "north":
            record["features"]["x"] += shift
            if not right:
                record["prediction"] = 1 - record["label"]
    return records


def segments_in(found: list[Record]) -> set[str | None]:
    return {reading["segment"] for reading in found if reading["kind"] in SLICED}


def lived(world: World, shift: float = 0.0, right: bool = True, **settings: Any) -> None:
    """A reference of 9 days, then two days of production."""
    world.configure(segments=["region"], **settings)
    world.reference(regional(traffic(T0, 24 * 9, 60)))
    records = regional(traffic(START, 48, 60, seed=2), 8, shift, right)
    world.post(records)
    world.label(records, delay=0)


def test_a_shift_inside_a_segment_is_found_there(world: World) -> None:
    lived(world, shift=0.6)
    found = [r for r in world.read(AS_OF) if r["segment"]]
    assert segments_in(found) == {"region=north", "region=south"}  # isle: too few rows a week to tell
    north = one(found, check="data_drift", feature="x", hours=168, segment="region=north")
    assert north["verdict"] == "warning"
    assert north["details"]["summary"].startswith("x in region=north: ")
    assert north["reference"] == {"name": "base", "version": 1}
    assert one(found, check="data_drift", feature="x", hours=168, segment="region=south")["verdict"] == "ok"
    whole = one(world.read(AS_OF), check="data_drift", feature="x", hours=168, segment=None)
    assert whole["verdict"] == "ok"
    assert whole["value"] < north["value"] / 2


def test_a_segment_too_small_to_judge_is_told_of(world: World) -> None:
    lived(world)
    world.read(AS_OF)
    told = {one["segment"]: one for one in Api(world.service, world.now).get("/v1/models/m")["segments"]}
    assert [name for name, one in told.items() if not one["judged"]] == ["region=isle"]
    isle = told["region=isle"]
    assert isle["reason"] == "too_few_rows"
    assert 500 < isle["reference_rows"] < 800  # 5 % of 12,960
    assert isle["weekly_rows"] == pytest.approx(isle["reference_rows"] / (9 / 7), abs=2)
    page = build_page.build_model(world.service, Viewer(now=world.now), "m", {})
    assert "1 segment too small to judge" in page
    assert f"region=isle: {isle['reference_rows']} rows in the reference, {isle['weekly_rows']} a week" in page


def test_a_column_that_gives_no_segment_is_named_with_the_reason(world: World) -> None:
    world.configure(segments=["region", "nosuch", "x"])
    world.reference(regional(traffic(T0, 24 * 9, 60)))
    world.post(regional(traffic(START, 48, 60, seed=2), 8))
    world.read(AS_OF)
    told = {one["segment"]: one for one in Api(world.service, world.now).get("/v1/models/m")["segments"]}
    assert {name: one["reason"] for name, one in told.items() if not one["judged"]} == {
        "region=isle": "too_few_rows",
        "nosuch": "unknown_column",
        "x": "no_values",  # numbers with six digits
    }
    page = build_page.build_model(world.service, Viewer(now=world.now), "m", {})
    assert "1 segment too small to judge" in page
    assert "nosuch gives no segment: no row has it." in page
    assert "x gives no segment: no value of it has 30 rows in the reference." in page


def test_texts_too_long_to_slice_by_are_kept_and_no_segment(world: World) -> None:
    """On every engine: what a database could not index refuses no body."""
    long = {
        value: "".join(np.random.default_rng(seed).choice(list(string.ascii_letters + string.digits), 6000))
        for seed, value in ENDS
    }

    def lengthy(records: list[Record]) -> list[Record]:
        for index, record in enumerate(regional(records)):
            record["features"]["note"] = long["note"] if index % 40 == 7 else "short"
            record["segments"]["place"] = long["place"] if index % 40 == 7 else "here"
        return records

    world.configure(segments=["region", "place", "note"])
    world.reference(lengthy(traffic(T0, 24 * 9, 60)))
    records = lengthy(traffic(START, 48, 60, seed=2))
    records[7]["version"] = long["version"]
    world.post(records)
    assert {"place=here", "note=short"} <= segments_in(world.read(AS_OF)) <= {None, "place=here", "note=short", *BOTH}
    kept = Api(world.service, world.now).get(f"/v1/models/m/predictions/{records[7]['id']}")
    assert kept["segments"]["place"] == long["place"]
    assert kept["features"]["note"] == long["note"]
    assert kept["version"] == long["version"]


def test_its_alert_is_its_own_and_named(world: World) -> None:
    lived(world, shift=2.0, checks=[{"name": "data_drift", "kind": "data_drift", "window": "24h"}])
    world.post(regional(traffic(AS_OF, 36, 60, seed=3), 9))
    made = [alert for alert in world.run(AS_OF).alerts if alert["segment"] and alert["rule"] == "data_drift"]
    assert [(one["rule"], one["segment"], one["version"], one["state"]) for one in made] == [
        ("data_drift", "region=north", None, "firing")
    ]
    assert made[0]["summary"].startswith("x in region=north: ")
    later = [alert for hours in range(4, 37, 4) for alert in world.run(AS_OF + hours * H).alerts if alert["segment"]]
    ended = [alert for alert in later if alert["rule"] == "data_drift"]
    assert {alert["id"] for alert in ended} == {made[0]["id"]}
    assert (ended[-1]["state"], ended[-1]["resolve_reason"]) == ("resolved", "recovered")


def test_what_is_missing_in_a_segment_is_found_there_and_the_feature_named(world: World) -> None:
    world.configure(segments=["region"])
    world.reference(regional(traffic(T0, 24 * 9, 60)))
    records = regional(traffic(START, 48, 60, seed=2), 8)
    for place, record in enumerate(r for r in records if r["segments"]["region"] == "north"):
        if place % 4 == 0:
            record["features"]["x"] = None
    world.post(records)
    found = [r for r in world.read(AS_OF) if r["segment"] and r["kind"] == "data_quality"]
    north = one(found, metric="missing_share", hours=24, segment="region=north")
    assert (north["verdict"], north["feature"], north["details"]["feature"]) == ("critical", None, "x")
    assert north["value"] == pytest.approx(0.25, abs=0.01)
    assert north["details"]["summary"].startswith("x in region=north: 25 % missing")
    assert north["p_value"] <= north["alpha"]
    assert one(found, metric="missing_share", hours=24, segment="region=south")["verdict"] == "ok"
    assert len(matching(found, hours=24, segment="region=north")) == 4


def test_a_month_of_segments_spends_their_budget_and_no_more(world: World) -> None:
    lived(world, false_alarms_per_month=3)
    found = [r for r in world.read(AS_OF) if r["verdict"] and r["alpha"]]
    spent = {True: 0.0, False: 0.0}
    for reading in found:
        hours = (at(reading["window"]["end"]) - at(reading["window"]["start"])) // H
        spent[reading["segment"] is not None] += reading["alpha"] * runs_per_month(hours)
    of_segments = {r["check"] for r in found if r["segment"]}
    assert of_segments == set(SLICED)
    assert spent[True] == pytest.approx(3 * DEFAULT_WEIGHTS["segments"])
    assert sum(spent.values()) <= 3 + 1e-9


def test_without_segments_the_others_have_all_of_the_budget(world: World) -> None:
    lived(world)
    with_segments = one(world.read(AS_OF), check="data_drift", feature="x", hours=24, segment=None)["alpha"]
    world.configure(segments=[])
    found = world.read(AS_OF)
    assert {r["segment"] for r in found} == {None}
    assert with_segments == pytest.approx(0.9 * one(found, check="data_drift", feature="x", hours=24)["alpha"])


def test_other_segments_make_stored_hours_be_counted_again(world: World) -> None:
    lived(world)
    world.read(AS_OF)
    world.configure(segments=["kind", "region"])
    found = segments_in(world.read(AS_OF))
    assert found == {None, "kind=a", "kind=b", "region=north", "region=south"}  # features may be segments
    world.configure(segments=["nowhere"])
    assert segments_in(world.read(AS_OF)) == {None}
    world.configure(segments=["region"])
    assert segments_in(world.read(AS_OF)) == {None, "region=north", "region=south"}


def test_what_is_counted_are_the_rows_of_the_segment(world: World) -> None:
    """Counts and labels of each segment, from the store, against the records themselves."""
    world.configure(segments=["region"])
    world.reference(regional(traffic(T0, 24 * 9, 60, version="1")))
    records = [*traffic(START, 24, 60, seed=2, version="1"), *traffic(START, 24, 20, seed=3, version="2")]
    regional(records, 8)
    world.post(records)
    world.label(records, delay=0)
    world.read(START + D)
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        windows = frame.segment_windows(START // H, START // H + 24)
        labels = frame.segment_labels(START // H, START // H + 24, START + 2 * D)
        for region in REGIONS:
            for version in ("1", "2"):
                mine = [r for r in records if r["segments"]["region"] == region and r["version"] == version]
                assert windows[f"region={region}"].versions[version].rows == len(mine)
                assert labels[f"region={region}"][version].rows == len(mine)
                place = [column.name for column in frame.binning.numeric].index("feature.x")
                moments = windows[f"region={region}"].versions[version].moments[place]
                assert moments[0] == pytest.approx(sum(r["features"]["x"] for r in mine))
        assert list(segments_of(frame)) == ["region=north", "region=south"]
        assert sum(segments_of(frame).values()) == pytest.approx(1)
        each = 2 + 2 + 2  # two features; classes and scores; accuracy and ROC AUC
        wholes = each + 3 * 2 + 3 + 1  # and of the whole concept drift
        sliced = each + 4  # of data quality four metrics, of the worst feature
        assert expected_checks(frame) == (wholes + 2 * sliced) * (180 + 30)


def test_performance_of_each_version_in_each_segment(world: World) -> None:
    lived(world, right=False)
    found = [r for r in world.read(AS_OF) if r["segment"] and r["kind"] == "performance"]
    assert {r["metric"] for r in found} == {"accuracy", "roc_auc"}
    north = one(found, metric="accuracy", hours=24, segment="region=north")
    assert (north["verdict"], north["value"]) == ("critical", 0)
    assert north["details"]["summary"].startswith("region=north: accuracy 0 ")
    assert one(found, metric="accuracy", hours=24, segment="region=south")["verdict"] == "ok"


def test_a_segment_whose_labels_are_still_coming(world: World) -> None:
    world.configure(segments=["region"], min_label_coverage=0.5)
    world.reference(regional(traffic(T0, 24 * 9, 60)))
    records = regional(traffic(START, 24, 60, seed=2), 8)
    world.post(records)
    world.label([r for r in records if r["segments"]["region"] == "south"], delay=0)
    found = [r for r in world.read(START + D) if r["kind"] == "performance" and r["metric"] == "accuracy"]
    assert one(found, hours=24, segment="region=south")["verdict"] == "ok"
    assert one(found, hours=24, segment="region=north")["reason"] == "immature_labels"
    assert one(found, hours=24, segment=None)["verdict"] == "ok"


def test_a_check_of_its_own_bound_looks_at_the_whole(world: World) -> None:
    own = {"name": "own", "kind": "data_drift", "features": ["x"], "method": "psi", "threshold": {"warning": 0.1}}
    lived(world, shift=3.0, checks=[own, {"name": "day", "kind": "data_drift", "window": "6h"}])
    found = world.read(AS_OF)
    assert {r["segment"] for r in matching(found, check="own")} == {None}
    assert {r["segment"] for r in matching(found, check="day", hours=6)} == {None, "region=north", "region=south"}


def test_segments_against_the_last_weeks(world: World) -> None:
    """A trailing reference is trailing in each segment: what the north has long been is no news."""
    own = {"name": "own", "kind": "data_drift", "window": "24h", "reference": {"trailing": "10d"}}
    world.configure(segments=["region"], checks=[own])
    world.reference(regional(traffic(T0, 24 * 9, 60)))
    world.post(regional(traffic(START, 24 * 12, 60, seed=2), 8, shift=2.0))
    found = [r for r in world.read(START + 12 * D) if r["segment"] == "region=north" and r["feature"] == "x"]
    assert one(found, check="data_drift", hours=24)["verdict"] == "critical"
    quiet = one(found, check="own")
    assert (quiet["verdict"], quiet["reference"]["name"]) == ("ok", "trailing 10d")
    assert quiet["details"]["reference_windows"] == 10


def test_pages_and_distributions_of_a_segment(world: World) -> None:
    lived(world, shift=2.0)
    world.read(AS_OF)
    viewer = Viewer(now=world.now)
    whole = build_page.build_model(world.service, viewer, "m", {})
    assert whole.index("region=north</a>") < whole.index("region=south</a>")  # the worst first
    assert 'href="?segment=region%3Dnorth"' in whole
    north = build_page.build_model(world.service, viewer, "m", {"segment": "region=north"})
    assert "x</a> in region=north: " in north
    assert "region=south" not in north
    assert 'href="/models/m/features/x?segment=region%3Dnorth"' in north
    feature = build_page.build_feature(world.service, viewer, "m", "x", {"segment": "region=north"})
    assert "x</a> in region=north: " in feature
    both = [distributions(world.service, "m", "x", now=world.now, segment=one) for one in (None, "region=north")]
    rows = [sum(one["counts"]["current"]) for one in both]
    assert 0.2 < rows[1] / rows[0] < 0.4
    assert both[1]["distances"]["ks"]["value"] > 2 * both[0]["distances"]["ks"]["value"]
    with pytest.raises(NotFound, match="no segment"):
        distributions(world.service, "m", "x", now=world.now, segment="region=moon")
    with pytest.raises(NotFound, match="no segment"):
        build_page.build_model(world.service, viewer, "m", {"segment": "region=moon"})
    metrics = exposition(world.service, world.now)
    assert 'feature="x",segment="region=north"' in metrics
    assert len(set(metrics.splitlines())) == len(metrics.splitlines())
