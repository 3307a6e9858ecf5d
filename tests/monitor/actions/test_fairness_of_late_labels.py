"""A model that is calibrated in both groups, whose positives' labels come late: it is not called unfair for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitor import clock
from tests.monitor.world import T0, D, H, Record, World, matching, traffic
from tests.stores import new_service

START = T0 + 14 * D
DAYS = 24
END = START + DAYS * D
CALIBRATION = "calibration_difference"
LIMIT = {
    "name": "calibrated",
    "kind": "fairness",
    "segment": "gender",
    "metric": CALIBRATION,
    "threshold": {"warning": 0.02},
    "window": "7d",
}


def calibrated(records: list[Record], seed: int) -> list[Record]:
    """Half of them F, of whom half are positive, of the others a tenth; what scores say comes true."""
    rng = np.random.default_rng(seed)
    n = len(records)
    women = rng.random(n) < 0.5
    score = np.where(women, rng.beta(4, 4, n), rng.beta(1.5, 13.5, n)).round(6)
    truth = rng.random(n) < score
    for record, f, s, t in zip(records, women.tolist(), score.tolist(), truth.tolist(), strict=True):
        record |= {"segments": {"gender": "F" if f else "M"}, "probability": s, "prediction": int(s > 0.4)}
        record["label"] = int(t)
    return records


def late(records: list[Record]) -> list[dict[str, Any]]:
    """Labels, those of positives after two days on average, others after 6 hours."""
    slow = np.array([one["label"] for one in records]) == 1
    delay = np.random.default_rng(3).exponential(np.where(slow, 48.0, 6.0)) * H
    return [
        {"id": one["id"], "label": one["label"], "timestamp": clock.render(clock.parse(one["timestamp"]) + int(wait))}
        for one, wait in zip(records, delay.tolist(), strict=True)
    ]


@pytest.fixture(scope="module")
def readings(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    service = new_service(tmp_path_factory.mktemp("store"))
    world = World(service)
    world.configure(segments=["gender"], label_horizon="5d", min_label_coverage=0.8, checks=[LIMIT])
    world.reference(calibrated(traffic(T0, 24 * 9, per_hour=20), 4))
    records = calibrated(traffic(START, 24 * DAYS, per_hour=20, seed=2), 5)
    world.post(records)
    world.poster.labels(late(records), now=world.now)
    yield world.read(END)
    service.database.close()


def newest(readings: list[dict[str, Any]], **match: Any) -> dict[str, Any]:
    return max(matching(readings, **match), key=lambda r: str(r["window"]["end"]))


def test_a_calibrated_model_is_within_its_limit(readings: list[dict[str, Any]]) -> None:
    found = newest(readings, check="calibrated")
    assert 0.8 <= found["details"]["coverage"] < 0.95
    assert found["details"]["unweighted"]["lower"] > 0.02  # which would alarm
    assert (found["verdict"], found["lower"]) == ("ok", 0)
    assert found["details"]["groups"]["F"]["n_effective"] < found["details"]["groups"]["F"]["rows"]
    assert " without)" in found["details"]["summary"]


def test_labels_that_are_not_there_yet_are_shown_and_not_judged(readings: list[dict[str, Any]]) -> None:
    found = newest(readings, check="fairness", hours=24, metric=CALIBRATION)
    assert (found["verdict"], found["reason"]) == (None, "immature_labels")
    assert found["lower"] > 0  # of the labels that are there
    weighted = found["details"]["weighted"]
    assert (weighted["lower"], found["details"]["effect"]) == (0, None)
    assert weighted["value"] < found["value"]
    assert "; so far they point to " in found["details"]["summary"]
    assert found["details"]["summary"].startswith("gender: labels are still coming, ")
