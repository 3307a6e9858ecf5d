"""A model moves from a file into a store that commits by itself, is erased there, and moves back."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import bootstrap, settings
from monitor.actions.erase import delete_model, erase_prediction
from monitor.actions.find_prediction import find_prediction
from monitor.actions.move_model import export_model, import_model
from monitor.actions.storage import storage_of
from monitor.errors import NotFound
from tests.clickhouse_shards import two_shards
from tests.monitor.actions.test_move_model import AS_OF, everything, live
from tests.monitor.world import NOW, D, World, traffic

pytest.importorskip("chdb")


@pytest.mark.parametrize("shards", [1, 2])
def test_from_a_file_into_clickhouse_and_back(tmp_path: Path, shards: int) -> None:
    world = World(bootstrap.build(settings.load({}, home=tmp_path / "file")))
    live(world.service)
    export_model(world.service, "m", tmp_path / "out")
    address = two_shards(tmp_path) if shards == 2 else f"chdb://{tmp_path / 'chdb'}"
    apart = settings.load({}, home=tmp_path / "apart", observations_url=address)
    there = World(bootstrap.build(apart))
    import_model(there.service, "m", tmp_path / "out", NOW)
    assert everything(there) == everything(world)
    assert there.read(AS_OF) == world.read(AS_OF)
    records = traffic(AS_OF, 24, 20, seed=5, version="2")
    for one in (world, there):
        one.post(records)
        one.label(records, delay=0)
        told = erase_prediction(one.service, "m", records[3]["id"], NOW)
        assert (told["predictions"], told["labels"]) == (1, 1)
        with pytest.raises(NotFound):
            find_prediction(one.service, "m", records[3]["id"])
    assert there.read(AS_OF + D) == world.read(AS_OF + D)
    parts = storage_of(there.service, "m")["parts"]
    assert parts["predictions"]["rows"] == storage_of(world.service, "m")["parts"]["predictions"]["rows"]
    assert parts["predictions"]["bytes"] > 0
    export_model(there.service, "m", tmp_path / "back")
    for one in (world, there):
        delete_model(one.service, "m", NOW)
        one.reference(traffic(AS_OF - 9 * D, 24 * 9))  # another model of that name
        one.post(traffic(AS_OF, 24, seed=8))
    assert there.read(AS_OF + D) == world.read(AS_OF + D)
    delete_model(world.service, "m", NOW)
    import_model(world.service, "m", tmp_path / "back", NOW)
    assert find_prediction(world.service, "m", records[4]["id"])["labels"]
    for one in (world, there):
        one.service.close()
