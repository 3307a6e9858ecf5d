"""What a model says that is of no use is told, as there is nothing else that could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.monitor.world import T0, D, World, matching, one, traffic

pytestmark = pytest.mark.one_engine

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
