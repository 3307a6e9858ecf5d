"""Moving a model by command, and backups: of one store while a service writes, of two while none does."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitor import bootstrap, settings
from monitor.store import summaries
from tests.monitor.cli.running import plimsoll, said
from tests.monitor.world import T0, D, World, bare, traffic
from tests.postgres import Databases, binaries

START = T0 + 14 * D


def filled(**where: Any) -> World:
    world = World(bootstrap.build(settings.load({}, **where)))
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 48, seed=2)
    world.post(records)
    world.label(records, delay=0)
    world.read(START + 2 * D)
    return world


def test_a_model_moves_to_another_store(tmp_path: Path) -> None:
    world = filled(home=tmp_path / "one")
    folder, home = tmp_path / "moved", tmp_path / "two"
    assert "288 predictions, 288 labels" in said(plimsoll("export", "--model", "m", folder, home=tmp_path / "one"), 0)
    assert "288 predictions, 288 labels" in said(plimsoll("import", "--model", "m", folder, home=home), 0)
    assert "There is a model 'm' already" in said(plimsoll("import", "--model", "m", folder, home=home), 2)
    assert "is not empty" in said(plimsoll("export", "--model", "m", folder, home=home), 2)
    wrong = plimsoll("import", "--model", "n", "--labels", folder, home=home)
    assert "A folder is a whole model" in said(wrong, 2)
    there = World(bootstrap.build(settings.load({}, home=home)))
    assert there.stored(all_revisions=True) == world.stored(all_revisions=True)
    assert there.read(START + 2 * D) == world.read(START + 2 * D)
    for one in (world, there):
        one.service.database.close()


@contextlib.contextmanager
def written(world: World) -> Iterator[None]:
    """While the block lasts, rows come in."""
    begun, stop = threading.Event(), threading.Event()

    def post() -> None:
        part = 0
        while not stop.is_set():
            part += 1
            world.post(traffic(START + 2 * D, 24, seed=100 + part))
            begun.set()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        assert begun.wait(30)
        yield
    finally:
        stop.set()
        thread.join()


def check(restored: World, world: World, before: list[dict[str, Any]]) -> None:
    """Everything that was there when the backup began is in it, and each later post as a whole or not at all; what
    was restored can be written to."""
    assert restored.stored(all_revisions=True) == before
    assert restored.read(START + 2 * D) == world.read(START + 2 * D)
    with restored.service.database.read() as connection:
        model = restored.found(connection)
        counts = restored.service.observations.stats(connection, model.stored)
        assert counts["predictions"] == model.n_predictions > 288
        assert (counts["predictions"] - 288) % 144 == 0
    restored.post(traffic(START + 30 * D, 24, seed=99))  # of a week that nobody knew
    for one in (world, restored):
        one.service.database.close()


def test_a_backup_taken_under_way_is_a_whole_store(tmp_path: Path) -> None:
    """As docs/operations.md says, while rows come in."""
    world = filled(home=tmp_path / "home")
    before = world.stored(all_revisions=True)
    backup, restored = tmp_path / "backup.db", tmp_path / "restored"
    with written(world):
        command = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', (sys.argv[2],))"
        subprocess.run([sys.executable, "-c", command, tmp_path / "home" / "plimsoll.db", backup], check=True)
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    restored.mkdir()
    backup.rename(restored / "plimsoll.db")
    check(World(bootstrap.build(settings.load({}, home=restored))), world, before)


def test_so_is_a_dump_of_postgres(tmp_path: Path, postgres: Databases) -> None:
    url, other = postgres.migrated(), postgres.empty()
    world = filled(database_url=url)
    before = world.stored(all_revisions=True)
    with written(world):
        subprocess.run([binaries() / "pg_dump", "-Fc", "-f", tmp_path / "dump", url], check=True)
    subprocess.run([binaries() / "pg_restore", "--exit-on-error", "-d", other, tmp_path / "dump"], check=True)
    restored = World(bootstrap.build(settings.load({}, database_url=other)))
    check(restored, world, before)


def everything(world: World) -> tuple[Any, ...]:
    """Rows, labels, what is counted of them, and readings."""
    observations = world.service.observations
    with world.service.database.read() as connection:
        model = world.found(connection)
        tables = list(observations.read(connection, model.stored, 0, 1 << 24, model.columns))
        labels = list(observations.labels_of(connection, model.stored))
        stats = observations.stats(connection, model.stored)
        counted = summaries.predicted(connection, model.id, 0, 1 << 24)
    rows = [row for table in tables for row in table.to_pylist()]
    assert len(rows) == stats["predictions"] == sum(some for _, _, some in counted) > 0
    return rows, [one.to_pylist() for one in labels], stats, counted, world.stored(all_revisions=True)


def test_so_is_a_copy_of_both_stores_while_nothing_runs(tmp_path: Path) -> None:
    """The folder of the embedded engine beside the store, as docs/operations.md says; the first ones are away."""
    home, rows = tmp_path / "home", tmp_path / "rows"
    world = filled(home=home, observations_url=f"chdb://{rows}")
    before = everything(world)
    world.service.close()
    kept, restored = tmp_path / "kept", tmp_path / "restored"
    kept.mkdir()
    subprocess.run(["cp", "-a", home, rows, kept], check=True)
    for one in (home, rows):
        shutil.rmtree(one)
    kept.rename(restored)
    again = bootstrap.build(settings.load({}, home=restored / "home", observations_url=f"chdb://{restored / 'rows'}"))
    world = World(again)
    assert everything(world) == before
    assert world.poster.predictions(bare(traffic(START, 48, seed=2)))["duplicates"] == 288
    world.post(traffic(START + 30 * D, 24, seed=99))
    assert len(world.read(START + 31 * D)) > 10
    assert everything(world)[2] == {"predictions": 288 + 144, "labels": 288, "orphans": 0}
    again.close()
    assert not home.exists()
    assert not rows.exists()
