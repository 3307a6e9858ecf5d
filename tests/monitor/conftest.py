from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.service import Service
from tests.monitor.posting import Poster
from tests.monitor.world import World
from tests.stores import new_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = new_service(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def poster(service: Service) -> Poster:
    return Poster(service)


@pytest.fixture
def world(service: Service) -> World:
    return World(service)
