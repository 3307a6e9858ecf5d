from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import memory
from tests import stores
from tests.postgres import Databases, server

LONG = ("processes", "end_to_end", "properties", "monitor")  # folders whose files take longest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked ``one_engine`` looks at nothing that depends on the store, and runs once. Files that take long
    come first: workers take one at a time, and shall end together."""
    again = [item for item in items if item.get_closest_marker("one_engine") and _engine(item) == "postgres"]
    if again:
        config.hook.pytest_deselected(items=again)
        gone = set(again)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=_place)


def pytest_collection_finish() -> None:
    """As a process of ours does once it has loaded everything; the collector took a tenth of the time."""
    memory.settle()


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return LONG.index(folder) if folder in LONG else len(LONG)


def _engine(item: pytest.Item) -> object:
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get("engine_of_stores")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    with server() as address:
        yield Databases(address)


@pytest.fixture
def postgres_url(postgres: Databases) -> str:
    return postgres.empty()


@pytest.fixture(scope="session", params=stores.ENGINES)
def engine_of_stores(request: pytest.FixtureRequest) -> Iterator[None]:
    """Asked for by whole folders, in their conftest: what is in them runs once on each engine."""
    if request.param == "postgres":
        stores.use(request.getfixturevalue("postgres"))
    yield
    stores.use(None)
