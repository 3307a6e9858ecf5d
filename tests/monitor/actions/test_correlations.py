"""Correlations through the store: the default check finds them, says which, and asks nothing of rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from dashboards.views import Viewer
from detectors.cuts import Binning
from monitor import clock
from monitor.actions import build_page
from monitor.store import references, tables
from tests.monitor.actions.test_multivariate import paired
from tests.monitor.world import T0, D, Record, World, matching, one

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D


@pytest.fixture
def drifted(world: World) -> World:
    """Two weeks of reference, then four days in which two features come apart."""
    world.reference(paired(T0, 14, 0.9, seed=1))
    world.post(paired(START, 4, 0.2, seed=2))
    return world


def test_the_default_check_finds_it_and_says_what(drifted: World) -> None:
    run = drifted.run(START + 4 * D)
    (found,) = [r for r in run.readings if r.metric == "correlation" and r.length_hours == 24]
    assert (found.check, found.kind, found.feature, found.verdict) == ("data_drift", "data_drift", None, "critical")
    assert (found.threshold, found.details["critical"]) == (0.10, 0.30)
    assert found.details["summary"].startswith("a and b: correlation 0.89 -> 0.")
    assert "(change at least 0." in found.details["summary"]
    assert found.details["effect_lower"] > 0.3
    assert found.details["pairs"][0]["features"] == ["a", "b"]
    assert (found.n_reference, found.n_current) == (14 * 288, 288)
    assert found.p_value is not None
    assert found.alpha is not None
    assert found.p_value <= found.alpha
    (alert,) = run.alerts
    assert (alert["rule"], alert["severity"]) == ("data_drift", "critical")
    assert "a and b: correlation" in alert["summary"]
    quiet = [r for r in run.readings if r.kind == "data_drift" and r.feature is not None]
    assert quiet
    assert all(r.verdict == "ok" for r in quiet)


def test_the_ledger_pays_for_one_number_more(drifted: World) -> None:
    def alpha(**match: Any) -> float:
        (found,) = {r["alpha"] for r in matching(drifted.read(START + 4 * D), hours=24, **match)} - {None}
        return float(found)

    # W 0.70 of three kinds without labels and performance 0.20; of quality 3 numbers a feature and 3 of traffic
    assert alpha(metric="ks") == pytest.approx(0.45 / (0.90 * 3 * 2 * 180))
    assert alpha(metric="correlation") == pytest.approx(0.10 / (0.90 * (3 * 3 + 3 + 1) * 2 * 180))
    drifted.configure(checks=[{"name": "data_quality", "kind": "data_quality", "enabled": False}])
    assert alpha(metric="ks") == alpha(metric="correlation") == pytest.approx(0.45 / (0.80 * 4 * 2 * 180))


def test_no_change_is_no_alarm(world: World) -> None:
    world.reference(paired(T0, 14, 0.9, seed=1))
    world.post(paired(START, 4, 0.9, seed=2))
    found = one(world.read(START + 4 * D), metric="correlation", hours=24)
    assert found["verdict"] == "ok"
    assert found["details"]["summary"].startswith("a and b: correlation 0.89 -> 0.")


def test_a_check_looks_at_pairs_of_its_own_features(drifted: World) -> None:
    drifted.configure(checks=[{"name": "data_drift", "kind": "data_drift", "features": ["a", "kind"]}])
    assert matching(drifted.read(START + 4 * D), metric="correlation") == []


def test_a_bound_of_your_own_is_not_for_correlations(drifted: World) -> None:
    drifted.configure(checks=[{"name": "data_drift", "kind": "data_drift", "threshold": {"warning": 0.5}}])
    assert matching(drifted.read(START + 4 * D), metric="correlation") == []


def test_versions_are_shown_and_segments_left_out(world: World) -> None:
    def sliced(records: list[Record]) -> list[Record]:
        return [{**record, "segments": {"side": "ab"[i % 2]}} for i, record in enumerate(records)]

    world.configure(segments=["side"])
    world.reference(sliced(paired(T0, 14, 0.9, seed=1)))
    world.post(sliced(paired(START, 4, 0.2, seed=2, version="1")))
    world.post(sliced(paired(START, 4, 0.9, seed=3, version="2")))
    found = matching(world.read(START + 4 * D), metric="correlation", hours=24)
    by_version = {r["version"]: r for r in found}
    assert {r["segment"] for r in found} == {None}
    assert by_version["1"]["verdict"] is None
    assert by_version["1"]["details"]["effect_lower"] > 0.3
    assert by_version["2"]["details"]["effect_lower"] == 0.0
    assert by_version[None]["verdict"] in ("warning", "critical")


def test_trailing_weeks_are_a_reference_too(world: World) -> None:
    world.configure(checks=[{"name": "data_drift", "kind": "data_drift", "reference": {"trailing": "14d"}}])
    world.reference(paired(T0, 2, 0.9, seed=1))
    world.post(paired(START, 14, 0.9, seed=3))
    world.post(paired(START + 14 * D, 1, 0.2, seed=2))
    found = one(world.read(START + 15 * D), metric="correlation", hours=24)
    assert found["reference"]["name"] == "trailing 14d"
    assert found["verdict"] == "critical"


def test_what_was_stored_before_pairs_were_counted(drifted: World) -> None:
    """Cuts of an older service know of no pairs: readings say so until a reference is set."""
    with drifted.service.database.write() as connection:
        model = drifted.found(connection)
        assert model.binning_id is not None
        binning = Binning.from_bytes(references.binning(connection, model.binning_id))
        old = dataclasses.replace(binning, pairs=()).to_bytes()
        table = tables.binnings
        connection.execute(table.update().where(table.c.id == model.binning_id).values(data=old))
    found = one(drifted.read(START + 4 * D), metric="correlation", hours=24)
    assert (found["verdict"], found["reason"]) == ("cannot_tell", "not_counted")
    assert "from the next reference on" in found["details"]["summary"]
    drifted.reference(paired(T0, 14, 0.9, seed=1, version="new"), "second")
    assert one(drifted.read(START + 4 * D, check="data_drift"), metric="correlation", hours=24)["verdict"] == "critical"


def test_a_reading_is_the_same_again_and_later_rows_change_nothing(drifted: World) -> None:
    as_of = START + 2 * D
    first = one(drifted.read(as_of), metric="correlation", hours=24)
    drifted.post(paired(START + 4 * D, 1, 0.9, seed=5))
    assert one(drifted.read(as_of), metric="correlation", hours=24) == first


def test_the_page_draws_them_and_keeps_them_out_of_the_rows_moved(drifted: World) -> None:
    drifted.run(START + 4 * D)
    page = build_page.build_model(drifted.service, Viewer(START + 4 * D + clock.HOUR), drifted.model, {})
    assert 'data-for="correlations"' in page
    assert "Correlations between features" in page
    assert "a and b: correlation 0.89" in page
    heatmap = page.split('data-for="drift_heatmap">')[1].split("</script>")[0]
    assert '"y":["' in heatmap.replace(" ", "")
    assert '""' not in heatmap.split('"y"')[1].split("]")[0]


def test_infinite_and_missing_values_are_left_out_by_pairs(world: World) -> None:
    rng = np.random.default_rng(6)
    records = paired(T0, 14, 0.9, seed=1)
    world.reference(records)
    log = paired(START, 1, 0.9, seed=2)
    for record in log:
        if rng.random() < 0.3:
            record["features"] = {**record["features"], "a": None}
        elif rng.random() < 0.3:
            record["features"] = {**record["features"], "b": float("inf")}
    world.post(log)
    found = one(world.read(START + D), metric="correlation", hours=24)
    both = sum(r["features"]["a"] is not None and r["features"]["b"] != float("inf") for r in log)
    assert found["n_current"] == both
    assert found["verdict"] == "ok"
