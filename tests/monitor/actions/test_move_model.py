"""A whole model out of one store and into another: every reading, old and new, is the same to the bit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from monitor import bootstrap, settings
from monitor.actions.erase import delete_model
from monitor.actions.find_prediction import find_prediction
from monitor.actions.move_model import MANIFEST, export_model, import_model
from monitor.errors import Conflict, Invalid, NotFound
from monitor.service import Service
from monitor.store import alerts, quarantine
from tests.monitor.world import NOW, T0, D, H, World, traffic
from tests.stores import filled

START = T0 + 14 * D
AS_OF = START + 3 * D


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Service]:
    """A file, whatever engine the world is on: models move between engines, too."""
    made = bootstrap.build(settings.load({}, home=tmp_path / "other"))
    yield made
    made.database.close()


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[World]:
    """A model that went through a lot."""
    made = filled(tmp_path / "lived", live)
    yield World(made)
    made.database.close()


def live(service: Service) -> None:
    """Versions, segments, corrected and early labels, odd values, rejects, a pinned reference, alerts, erased rows."""
    world = World(service)
    World(service, "neighbour").reference(traffic(T0, 24))  # other numbers than in the other store
    world.configure(task="binary", segments=["kind"], owner="me", checks=[], min_label_coverage=0.5)
    world.reference([{**one, "version": "1"} for one in traffic(T0, 24 * 9)])
    records = [{**one, "version": str(1 + i % 2)} for i, one in enumerate(traffic(START, 72, 20, seed=2, shift=1.5))]
    records[5]["features"]["x"] = "five"
    records[6]["features"] |= {"x": float("inf"), "late": 3.5}
    world.post(records)
    world.label(records, delay=0)
    world.label([{**one, "label": 1 - one["label"]} for one in records[:200]], delay=2 * H)
    world.label([{**records[0], "id": "early"}])
    assert world.poster.predictions([{"id": "x", "timestamp": "never"}], now=world.now)["rejected"] == 1
    world.pin(START, START + D)
    for as_of in (START + D, START + 2 * D, AS_OF):
        world.run(as_of)


def moved(world: World, other: Service, folder: Path, name: str = "m") -> World:
    export_model(world.service, "m", folder)
    import_model(other, name, folder, NOW)
    return World(other, name)


def everything(world: World) -> list[dict[str, Any]]:
    found = world.stored(all_revisions=True)
    return sorted(found, key=lambda r: (r["window"]["end"], r["check"], r["metric"], str(r), r["as_of"]))


def test_every_reading_is_the_same_to_the_bit(lived: World, other: Service, tmp_path: Path) -> None:
    world = lived
    there = moved(world, other, tmp_path / "out")
    known = everything(world)
    assert len(known) > 100
    assert everything(there) == known
    assert world.read(AS_OF) == there.read(AS_OF)
    assert everything(there) == known  # nothing was measured anew
    records = traffic(AS_OF, 24, 20, seed=5, version="2")
    for one in (world, there):
        one.post(records)
        one.label(records, delay=0)
    assert world.read(AS_OF + D) == there.read(AS_OF + D)
    world.reference(traffic(T0, 24 * 9, seed=6, version="3"))  # cuts are made anew of rows that were moved
    there.reference(traffic(T0, 24 * 9, seed=6, version="3"))
    assert world.read(AS_OF + D) == there.read(AS_OF + D)


def test_everything_else_is_there_too(lived: World, other: Service, tmp_path: Path) -> None:
    world = lived
    there = moved(world, other, tmp_path / "out")
    for prediction in ("p2-0", "p2-5", "p2-6"):
        assert find_prediction(other, "m", prediction) == find_prediction(world.service, "m", prediction)
    told = []
    for one in (world, there):
        with one.service.database.read() as connection:
            model = one.found(connection)
            rejected = [
                {k: v for k, v in row.items() if k != "key"} for row in quarantine.list_page(connection, model.id, 10)
            ]
            rows = one.service.observations.stats(connection, model.stored)
            told.append((model.settings, model.columns, model.n_labels, rejected, rows))
            told[-1] = (*told[-1], alerts.open_of(connection, model.id))
    assert told[0] == told[1]
    assert told[0][-1], "no alert was open"
    again = traffic(START, 72, 20, seed=2, shift=1.5)
    assert there.poster.predictions([{k: v for k, v in again[0].items() if k != "label"}])["duplicates"] == 1


def test_moving_back_and_forth_gives_the_same_files(lived: World, other: Service, tmp_path: Path) -> None:
    world = lived
    moved(world, other, tmp_path / "out")
    export_model(other, "m", tmp_path / "again")
    files = sorted(file.relative_to(tmp_path / "out") for file in (tmp_path / "out").rglob("*.parquet"))
    assert len(files) > 12
    own = ("id", "model_id", "reference_id", "binning_id")
    for file in files:
        one, two = (pq.read_table(tmp_path / folder / file) for folder in ("out", "again"))
        kept = [name for name in one.column_names if name not in own or file.parts[0] != "tables"]
        order = [(name, "ascending") for name in kept]
        assert one.select(kept).sort_by(order).equals(two.select(kept).sort_by(order)), file
    known = everything(world)
    delete_model(world.service, "m", NOW)
    import_model(world.service, "m", tmp_path / "again", NOW)
    assert everything(world) == known
    assert world.read(AS_OF + 4 * H) == World(other, "m").read(AS_OF + 4 * H)


def test_what_cannot_be_moved_is_said_and_leaves_nothing(lived: World, other: Service, tmp_path: Path) -> None:
    world = lived
    folder = tmp_path / "out"
    with pytest.raises(NotFound):
        export_model(world.service, "nobody", folder)
    shutil.rmtree(folder, ignore_errors=True)
    export_model(world.service, "m", folder)
    with pytest.raises(Conflict, match="not empty"):
        export_model(world.service, "m", folder)
    with pytest.raises(Conflict, match="already"):
        import_model(world.service, "m", folder, NOW)
    with pytest.raises(Conflict, match="under another name"):
        import_model(world.service, "copy", folder, NOW)
    with pytest.raises(Invalid, match="holds no export"):
        import_model(other, "m", tmp_path, NOW)
    manifest = folder / MANIFEST
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace('"schema": "', '"schema": "9'), "utf-8")
    with pytest.raises(Invalid, match="another version"):
        import_model(other, "m", folder, NOW)
    manifest.write_text(text, "utf-8")
    (folder / "predictions-00000.parquet").unlink()
    with pytest.raises(Invalid, match="not whole"):
        import_model(other, "m", folder, NOW)
    with other.database.read() as connection, pytest.raises(AssertionError):
        World(other, "m").found(connection)
