"""Labels of a regression that are no numbers are told to who sends them."""

from __future__ import annotations

import json

import pytest

from monitor.actions.record_posts import Post, record_posts
from monitor.ingest.records import read_json
from monitor.service import Service
from tests.monitor.posting import Poster
from tests.monitor.world import T0, D, World

SAID = "label: 3 labels are no numbers, and the model is a regression: its metrics take them as not known"
LABELS = [{"id": f"p{i}", "label": label} for i, label in enumerate(["n/a", 3, "4.5", "", None, "-1e3", "NaN"])]


def warnings_of(service: Service, apart: bool) -> list[str]:
    if apart:
        found: list[str] = Poster(service, "m").labels(LABELS, now=T0 + D)["warnings"]
        return found
    (told,) = record_posts(service, [Post("m", "labels", read_json(json.dumps(LABELS).encode()))], T0 + D)
    assert isinstance(told, dict)
    found = told["warnings"]
    return found


@pytest.mark.parametrize("apart", [True, False])
def test_labels_that_are_no_numbers(service: Service, apart: bool) -> None:
    World(service).configure(task="regression")
    assert SAID in warnings_of(service, apart)


@pytest.mark.parametrize("apart", [True, False])
def test_of_classes_they_are_classes(service: Service, apart: bool) -> None:
    World(service).configure(task="multiclass")
    assert not [one for one in warnings_of(service, apart) if "no numbers" in one]
