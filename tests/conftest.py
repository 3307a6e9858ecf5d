from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor import memory
from tests import memory_disk, stores
from tests.postgres import Databases, server

LONG = ("processes", "end_to_end", "properties", "monitor")  # folders whose files take longest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--each-engine", action="store_true", help="run everything about stores on SQLite, too")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Files of tests are in memory where that has room; workers have theirs in the folder of the process that began."""
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        found = memory_disk.folder(config.getoption("numprocesses", 0) or 1)
        if found is not None:
            made, held = found
            config.option.basetemp = str(made / "files")
            os.environ[memory_disk.FOLDER] = str(made)
            config.add_cleanup(held.close)
            config.add_cleanup(lambda: shutil.rmtree(made, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked ``one_engine`` finds the same whatever the store is, as stores hand out the same to the bit
    (``contracts/test_observations.py``, ``monitor/actions/test_move_model.py``): it runs on PostgreSQL alone, or on the
    engine that the mark names: weeks of runs of the same statements take a third less on a file. Files that take long
    come first: workers take one at a time, and shall end together."""
    again = [item for item in items if _engine(item) in stores.ENGINES and _engine(item) != _only(item)]
    if again and not config.option.each_engine:
        config.hook.pytest_deselected(items=again)
        gone = set(again)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=_place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some wait for a process or a page."""
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") or memory_disk.cores() + 1)


def pytest_collection_finish() -> None:
    """As a process of ours does once it has loaded everything; the collector took a tenth of the time."""
    memory.settle()


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return LONG.index(folder) if folder in LONG else len(LONG)


def _only(item: pytest.Item) -> str | None:
    """The one engine that it runs on; where it runs on each, the one that it is of."""
    mark = item.get_closest_marker("one_engine")
    return _engine(item) if mark is None else next(iter(mark.args), "postgres")


def _engine(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("engine_of_stores", callspec.params.get("engine_of_rows"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: what an earlier test ran on is no matter."""
    named = "sqlite" if "on_sqlite" in getattr(item, "fixturenames", ()) else None
    stores.use(_engine(item) or named)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    with server() as address, closing(Databases(address)) as databases:
        yield databases


@pytest.fixture
def postgres_url(postgres: Databases) -> str:
    return postgres.empty()


@pytest.fixture(scope="session", params=stores.ENGINES)
def engine_of_stores(request: pytest.FixtureRequest) -> None:
    """Asked for by whole folders, in their conftest: what is in them runs once on each engine."""
    _serve(request)


@pytest.fixture(scope="session", params=stores.ENGINES_OF_ROWS)
def engine_of_rows(request: pytest.FixtureRequest) -> None:
    """Once on each engine that predictions can be in."""
    _serve(request)


@pytest.fixture(scope="session")
def on_sqlite() -> None:
    """On SQLite alone: what is tested does not touch the engine."""


def _serve(request: pytest.FixtureRequest) -> None:
    if request.param == "postgres":
        stores.serve(request.getfixturevalue("postgres"))
