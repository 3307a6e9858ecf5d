from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import stores
from tests.postgres import Databases, server


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked ``one_engine`` looks at nothing that depends on the store, and runs once."""
    again = [item for item in items if item.get_closest_marker("one_engine") and _engine(item) == "postgres"]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]


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
