"""A model that sends probabilities and never a prediction: the likeliest class is its prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitor.actions.from_probabilities import likeliest
from monitor.actions.meaning import Meaning
from monitor.service import Service
from tests.monitor.posting import Poster
from tests.monitor.world import T0, D, H, Record, World, bare, encoded, traffic

START = T0 + 14 * D
NAN = float("nan")


def alone(records: list[Record]) -> list[Record]:
    return [{key: value for key, value in one.items() if key != "prediction"} for one in records]


def of_classes(records: list[Record]) -> list[Record]:
    """The same with three classes, a probability each, and the likeliest as prediction."""
    found = []
    for one in records:
        high = 0.4 + 0.6 * abs(2 * one["probability"] - 1)
        names = ("red", "green", "blue") if one["probability"] > 0.5 else ("green", "blue", "red")
        said = dict(zip(names, (high, 0.6 * (1 - high), 0.4 * (1 - high)), strict=True))
        truth = names[0] if one["label"] == one["prediction"] else names[1]
        found.append({**one, "prediction": names[0], "probability": said, "label": truth})
    return found


def told(world: World, as_of: int) -> list[dict[str, Any]]:
    """What is read, without what tells one model from another."""
    kinds = ("performance", "prediction_drift", "fairness")
    found = [one for one in world.read(as_of) if one["kind"] in kinds]
    return [{**one, "reference": None, "model": None, "id": None} for one in found]


@pytest.mark.parametrize("several", [False, True])
def test_all_is_told_as_if_the_likeliest_class_had_been_sent(service: Service, several: bool) -> None:
    readings = []
    for name, change in (("with", lambda rows: rows), ("without", alone)):
        world = World(service, name)
        world.configure(segments=["kind"], label_horizon="5d")
        for start, days, seed in ((T0, 14, 1), (START, 2, 2)):
            rows = traffic(start, 24 * days, 12, seed=seed, right=0.9 if seed == 1 else 0.7)
            rows = of_classes(rows) if several else rows
            if start == T0:
                world.reference(change(rows))
            else:
                world.post(change(rows))
                world.label(rows)
        readings.append(told(world, START + 2 * D + 6 * H))
    assert readings[0] == readings[1]
    judged = {one["verdict"] for one in readings[1] if one["metric"] == "accuracy" and one["segment"] is None}
    assert "critical" in judged
    assert {"class_share", "score_ks"} <= {one["metric"] for one in readings[1]}


def test_rows_with_a_probability_alone_are_nothing_odd(service: Service) -> None:
    rows = alone(traffic(T0, 2))
    assert Poster(service, "m").predictions(encoded(bare(rows)), now=T0 + D)["warnings"] == []
    nothing = [{key: value for key, value in one.items() if key != "probability"} for one in bare(rows)]
    nothing = [{**one, "id": f"n{one['id']}"} for one in nothing]
    warned = Poster(service, "m").predictions(encoded(nothing), now=T0 + D)["warnings"]
    assert warned == [f"prediction: {len(rows)} rows have no prediction, no probability and no error"]


def test_the_likeliest_class() -> None:
    two = Meaning("binary", ("late", "on time"), likeliest=True)
    scores = {"": np.array([0.2, 0.5, 0.8, NAN])}
    assert likeliest(two, scores, 4).to_pylist() == ["late", "on time", "on time", None]
    other = {"late": np.array([0.2, 0.5, 0.8, NAN])}
    assert likeliest(two, other, 4).to_pylist() == ["on time", "on time", "late", None]
    assert likeliest(Meaning("binary", likeliest=True), scores, 4) == pa.nulls(4, pa.string())
    three = Meaning("multiclass", ("1", "2", "3"), likeliest=True)
    each = {
        "1.0": np.array([0.5, 0.1, NAN, NAN]),
        "2": np.array([0.3, 0.2, 0.1, NAN]),
        "3": np.array([0.2, 0.7, NAN, NAN]),
    }
    assert likeliest(three, each, 4).to_pylist() == ["1", "3", "2", None]
    assert likeliest(three, {}, 2) == pa.nulls(2, pa.string())


@pytest.mark.parametrize(
    ("task", "labels", "said"),
    [
        (None, (0, 1), "so the task is taken for a regression"),
        ("binary", (0, 1), "so none is a class of this binary model"),
        ("binary", ("yes", "no"), "so none is a class of this binary model"),
        ("regression", (0, 1), None),
        (None, (0.25, 0.5, 0.7), None),
    ],
)
def test_probabilities_sent_as_predictions_are_told(
    service: Service, task: str | None, labels: tuple[Any, ...], said: str | None
) -> None:
    world = World(service)
    world.configure(**({} if task is None else {"task": task}))
    rows = alone(traffic(T0, 24, 4))
    rows = [
        {**one, "prediction": one.pop("probability"), "label": labels[place % len(labels)]}
        for place, one in enumerate(rows)
    ]
    warnings = world.reference(rows)["warnings"]
    assert (len(warnings) == 0) if said is None else (said in warnings[0] and "as 'probability'" in warnings[0])
    whole = [{**one, "prediction": round(one["prediction"])} for one in rows]
    assert world.reference(whole)["warnings"] == []


def test_rows_without_a_prediction_that_others_have_are_told(service: Service) -> None:
    poster = Poster(service, "m")
    assert poster.predictions(encoded(bare(traffic(T0, 2))), now=T0 + D)["warnings"] == []
    later = alone(traffic(T0 + 2 * H, 2, seed=3))
    (warned,) = poster.predictions(encoded(bare(later)), now=T0 + D)["warnings"]
    assert warned.startswith(f"prediction: {len(later)} rows have a probability and no prediction, as other rows of")
