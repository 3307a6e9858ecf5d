"""Classes that a reference never had, and those past the hundredth, from posted rows to readings."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from detectors.cuts import Binning, ScoreLayout
from detectors.performance.others import others_right
from detectors.performance.scored import confusion, decode, encode
from detectors.profile import ReferenceProfile
from monitor import clock
from monitor.actions.summarise_hours import summarise
from monitor.store import references, tables
from tests import stores
from tests.monitor.world import T0, D, H, Record, World, one

pytestmark = pytest.mark.one_engine("sqlite")

START, DAYS = T0 + 14 * D, 2
END = START + DAYS * D
AS_OF = END + 2 * H
MANY = [f"k{number:03d}" for number in range(130)]


def of_classes(start: int, hours: int, classes: list[str], *, seed: int, right: float = 0.8) -> list[Record]:
    """40 predictions an hour, in two places, a share of them right."""
    rng = np.random.default_rng(seed)
    n = hours * 40
    said = rng.choice(classes, n)
    truth = np.where(rng.random(n) < right, said, rng.choice(classes, n))
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * H // 40),
            "features": {"x": 0.0, "place": ["north", "south"][i % 2]},
            "prediction": str(said[i]),
            "label": str(truth[i]),
        }
        for i in range(n)
    ]


def share(records: list[Record]) -> float:
    return float(np.mean([each["prediction"] == each["label"] for each in records]))


def given(world: World, task: str, then: list[str], now: list[str]) -> list[Record]:
    """A reference and a labelled log of these classes; the rows of its newest day."""
    world.configure(task=task, segments=["place"])
    world.reference(of_classes(T0, 24 * 9, then, seed=1))
    rows = of_classes(START, 24 * DAYS, now, seed=2)
    world.post(rows)
    world.label(rows, delay=H)
    return [each for each in rows if clock.parse(each["timestamp"]) >= END - D]


def newest(world: World, segment: str | None = None) -> dict[str, Any]:
    """The reading of the newest day."""
    found = world.read(AS_OF, metric="accuracy", segment=segment, hours=24)
    return one([each for each in found if each["window"]["end"] == clock.render(END)], metric="accuracy")


@pytest.mark.parametrize(
    ("task", "then", "now"),
    [
        ("multiclass", list("abc"), list("abcd")),
        ("binary", list("ab"), list("abc")),
        ("multiclass", list("abc"), list("xyz")),
        ("multiclass", MANY, MANY),
    ],
    ids=["another class", "a third of two", "all others", "many"],
)
def test_accuracy_is_that_of_the_rows(world: World, task: str, then: list[str], now: list[str]) -> None:
    today = given(world, task, then, now)
    found = newest(world)
    assert found["value"] == pytest.approx(share(today), abs=1e-9)
    assert found["details"]["reference_value"] == pytest.approx(share(of_classes(T0, 24 * 9, then, seed=1)), abs=1e-9)
    assert found["lower"] < share(today) < found["upper"]
    assert found["verdict"] == "ok"
    north = [each for each in today if each["features"]["place"] == "north"]
    assert newest(world, "place=north")["value"] == pytest.approx(share(north), abs=1e-9)


def test_a_loss_among_other_classes_is_told(world: World) -> None:
    world.reference(of_classes(T0, 24 * 9, MANY, seed=1))
    rows = of_classes(START, 24 * DAYS, MANY[100:], seed=2, right=0.5)
    world.post(rows)
    world.label(rows, delay=H)
    assert newest(world)["verdict"] == "critical"


def as_before(layout: ScoreLayout, counts: Any) -> Any:
    """As such rows were counted before: in the cell of other values, right or wrong."""
    old = counts.astype(np.int64)
    confusion(layout, old)[..., -1, -1] += others_right(layout, old).astype(np.int64)
    return old


def take_back(world: World) -> None:
    """Make the counts of the store those of a program that did not tell right from wrong among other values."""
    with world.service.database.write() as connection:
        model = world.found(connection)
        assert model.binning_id is not None
        layout = Binning.from_bytes(references.binning(connection, model.binning_id)).scores
        for table in (tables.label_summaries, tables.profiles):
            for (data,) in connection.execute(select(table.c.data)).all():
                if table is tables.profiles:
                    profile = ReferenceProfile.from_bytes(data)
                    old = replace(profile, label_counts=as_before(layout, profile.label_counts)).to_bytes()
                else:
                    labels = decode(data)
                    old = encode(as_before(layout, labels.counts), labels.sums)
                connection.execute(update(table).where(table.c.data == data).values(data=old))


def test_a_store_written_before_is_read_and_goes_on(world: World) -> None:
    """Rows of other values that were counted then stay wrong; an hour that is counted again, and a reference that is
    set again, are right."""
    today = given(world, "multiclass", MANY, MANY)
    summarise(world.service, world.model, AS_OF // H, AS_OF)
    take_back(world)
    then = of_classes(T0, 24 * 9, MANY, seed=1)
    found = newest(world)
    known = sorted({each[side] for each in then for side in ("prediction", "label")})[:100]
    assert found["value"] == pytest.approx(right_of(today, known), abs=1e-9)
    assert found["details"]["reference_value"] == pytest.approx(right_of(then, known), abs=1e-9)
    world.reference(then)
    late = of_classes(END - H, 1, MANY, seed=3)
    world.post(late)
    world.label(late, delay=H // 4)
    found, last = newest(world), [each for each in today if clock.parse(each["timestamp"]) >= END - H]
    before = [each for each in today if clock.parse(each["timestamp"]) < END - H]
    total = share([*last, *late]) * len([*last, *late]) + right_of(before, known) * len(before)
    assert found["value"] == pytest.approx(total / (len(today) + len(late)), abs=1e-9)
    assert found["details"]["reference_value"] == pytest.approx(share(then), abs=1e-9)


def right_of(records: list[Record], known: list[str]) -> float:
    """The share that is right where other values never are."""
    return float(np.mean([each["prediction"] == each["label"] and each["label"] in known for each in records]))


def test_hours_that_the_engine_counts_have_the_same_accuracy(tmp_path: Path, on_sqlite: None) -> None:
    """The engine counts rows; labelled ones are read."""
    service = stores.new_service(tmp_path, observations_url=f"chdb://{tmp_path / 'observations'}?counts=1")
    with closing(service):
        world = World(service)
        today = given(world, "multiclass", list("abc"), list("abcd"))
        assert newest(world)["value"] == pytest.approx(share(today), abs=1e-9)
