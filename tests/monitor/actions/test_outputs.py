"""What a model says that is of no use is told, as there is nothing else that could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.errors import Invalid
from monitor.store import coverage, unusable
from tests.monitor.world import T0, D, H, World, matching, one, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
Row = dict[str, Any]


def unlike(rows: list[Row], change: Callable[[Row], Row], every: int = 1) -> list[Row]:
    """Of every so many rows one is changed."""
    return [{**row, **change(row)} if place % every == 0 else row for place, row in enumerate(rows)]


def of_a_day(world: World, rows: list[Row]) -> Row:
    world.post(rows)
    return one(world.read(START + D), check="data_quality", metric="unusable_output_share", hours=24)


@pytest.mark.parametrize(
    ("change", "column", "wrong"),
    [
        (lambda _: {"probability": None}, "score", "missing"),
        (lambda _: {"prediction": None, "probability": None}, "prediction", "missing"),
        (lambda row: {"probability": 100 * row["probability"] + 2}, "score", "missing"),  # no probability
    ],
)
def test_outputs_of_a_classifier(world: World, change: Callable[[Row], Row], column: str, wrong: str) -> None:
    world.reference(traffic(T0, 24 * 14, 6))
    found = of_a_day(world, unlike(traffic(START, 24, 20, seed=2), change, 3))
    assert (found["verdict"], found["feature"], found["details"]["column"]) == ("critical", None, column)
    assert found["value"] == pytest.approx(1 / 3)
    assert found["details"][wrong] == 160
    words = {"score": "probabilities", "prediction": "predictions"}[column]
    assert found["details"]["summary"].startswith(f"{words}: 33 % missing, no number or of the wrong type")


@pytest.mark.parametrize(("value", "wrong"), [("NaN", "nan"), ("Infinity", "pos_inf")])
def test_numbers_that_a_regression_cannot_mean(world: World, value: str, wrong: str) -> None:
    def regression(rows: list[Row]) -> list[Row]:
        return [
            {name: row[name] for name in ("id", "timestamp", "features")} | {"prediction": row["probability"]}
            for row in rows
        ]

    world.configure(task="regression")
    world.reference(regression(traffic(T0, 24 * 14, 6)))
    rows = unlike(regression(traffic(START, 24, 20, seed=2)), lambda _: {"prediction": float(value)}, 4)
    found = of_a_day(world, rows)
    assert (found["verdict"], found["details"]["column"], found["details"][wrong]) == ("critical", "prediction", 120)


def test_a_reference_that_is_no_better_has_nothing_to_tell(world: World) -> None:
    half = unlike(traffic(T0, 24 * 14, 6), lambda _: {"probability": None}, 2)
    world.reference(half)
    found = of_a_day(world, unlike(traffic(START, 24, 20, seed=2), lambda _: {"probability": None}, 2))
    assert found["verdict"] == "ok"
    assert found["details"]["effect_lower"] < 0.01
    world.post(unlike(traffic(START + D, 24, 20, seed=3), lambda _: {"probability": None}))
    later = matching(world.read(START + 2 * D), metric="unusable_output_share", hours=24)
    assert [(row["verdict"], row["value"]) for row in later] == [("critical", 1.0)]


def test_a_model_that_abstains_is_judged_by_what_it_says(world: World) -> None:
    """A third of the rows have no prediction: their labels are known, and can make nothing right or wrong."""
    world.configure(task="binary", segments=["kind"])
    world.reference(traffic(T0, 24 * 14, 60, version="v1"))

    def abstains(_: Row) -> Row:
        return {"prediction": None, "probability": None}

    for day in range(3):
        rows = traffic(START + day * D, 24, 60, seed=2 + day, right=0.9 if day == 0 else 0.6, version="v1")
        world.post(unlike(rows, abstains, 3))
        world.label(rows)
    found = matching(world.read(START + D + 4 * H), check="performance", metric="accuracy", hours=24, segment=None)
    assert [(row["verdict"], row["details"]["labelled"]) for row in found] == [("ok", 840)]  # two thirds of 21 hours
    later = world.read(START + 3 * D + 4 * H)
    whole = matching(later, check="performance", metric="accuracy", hours=24, segment=None)
    assert [(row["verdict"], row["details"]["coverage"]) for row in whole][-2:] == 2 * [("critical", 1.0)]
    of_segments = [row for row in matching(later, metric="accuracy") if row["segment"] == "kind=a"]
    assert of_segments[-1]["verdict"] == "critical"
    with world.service.database.read() as connection:
        covered = coverage.by_hour(connection, 1, START // H, START // H + 24, START // H + 48)
        known = unusable.by_hour(connection, 1, START // H, START // H + 24)
        of_kind = unusable.by_hour(connection, 1, START // H, START // H + 24, "kind=a")
    assert sum(rows for _, _, rows, _ in covered) == sum(labelled for *_, labelled in covered) == 960
    assert sum(known.values()) == 480 > sum(of_kind.values()) > 0


def test_errors_beyond_all_numbers_are_called_so(world: World) -> None:
    world.configure(task="regression")

    def regression(rows: list[Row]) -> list[Row]:
        names = ("id", "timestamp", "features")
        return [{name: row[name] for name in names} | {"prediction": row["probability"], "label": 0.5} for row in rows]

    world.reference(regression(traffic(T0, 24 * 14, 6)))
    rows = unlike(regression(traffic(START, 24, 20, seed=2)), lambda _: {"prediction": 1e160}, 50)
    world.post(rows)
    world.label(rows)
    found = world.read(START + D + 4 * H)
    mae, rmse = (one(found, check="performance", metric=name, hours=24, segment=None) for name in ("mae", "rmse"))
    assert (mae["verdict"], mae["reason"], rmse["reason"]) == ("cannot_tell", "too_large", "too_large")
    assert mae["details"]["summary"].endswith("errors are so large that their squares are beyond all numbers")


def test_a_method_that_is_for_no_column_says_so(world: World) -> None:
    """No probabilities are sent, so nothing of what the model says is a number."""
    check = {"name": "said", "kind": "prediction_drift", "method": "ks", "threshold": {"p_value": 0.01}}
    world.configure(task="binary", checks=[check])
    world.reference([{**row, "probability": None} for row in traffic(T0, 24 * 14, 6)])
    world.post([{**row, "probability": None} for row in traffic(START, 24, 20, seed=2)])
    found = one(world.read(START + D), check="said", hours=24)
    assert (found["verdict"], found["reason"], found["metric"]) == ("cannot_tell", "no_column", "ks")
    assert "no column is numeric" in found["details"]["summary"]
    with pytest.raises(Invalid, match="a regression predicts numbers"):
        world.configure(task="regression", checks=[{**check, "method": "fisher_exact"}])
