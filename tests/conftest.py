from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import stores
from tests.postgres import Databases, server


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
