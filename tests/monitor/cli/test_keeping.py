"""Moving a model by command, and a backup that is taken while a service writes."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from monitor import bootstrap, settings
from monitor.store.database import Database
from tests.monitor.cli.running import plimsoll, said
from tests.monitor.world import T0, D, World, traffic

START = T0 + 14 * D


def filled(home: Path) -> World:
    world = World(bootstrap.build(settings.load({}, home=home)))
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 48, seed=2)
    world.post(records)
    world.label(records, delay=0)
    world.read(START + 2 * D)
    return world


def test_a_model_moves_to_another_store(tmp_path: Path) -> None:
    world = filled(tmp_path / "one")
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


def test_a_backup_taken_under_way_is_a_whole_store(tmp_path: Path) -> None:
    """As docs/operations.md says, while rows come in."""
    world = filled(tmp_path / "home")
    before = world.stored(all_revisions=True)
    stop = threading.Event()

    def post() -> None:
        part = 0
        while not stop.is_set():
            part += 1
            world.post(traffic(START + 2 * D, 24, seed=100 + part))

    thread = threading.Thread(target=post)
    thread.start()
    backup, restored = tmp_path / "backup.db", tmp_path / "restored"
    try:
        command = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', (sys.argv[2],))"
        subprocess.run([sys.executable, "-c", command, tmp_path / "home" / "plimsoll.db", backup], check=True)
    finally:
        stop.set()
        thread.join()
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    restored.mkdir()
    backup.rename(restored / "plimsoll.db")
    there = World(bootstrap.build(settings.load({}, home=restored)))
    assert there.stored(all_revisions=True) == before
    assert there.read(START + 2 * D) == world.read(START + 2 * D)
    with there.service.database.read() as connection:
        model = there.found(connection)
        counts = there.service.observations.stats(connection, model.stored)
        assert counts["predictions"] == model.n_predictions >= 288
        assert (counts["predictions"] - 288) % 144 == 0  # each post is there as a whole or not at all
    assert isinstance(there.service.database, Database)
    for one in (world, there):
        one.service.database.close()
