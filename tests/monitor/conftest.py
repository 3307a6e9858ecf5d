from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.service import Service
from tests.monitor.posting import Poster
from tests.monitor.world import World
from tests.stores import new_service


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """With the parameter "chdb" its predictions and labels are in that engine, in a folder of their own."""
    apart = {"observations_url": f"chdb://{tmp_path / 'rows'}"} if getattr(request, "param", None) == "chdb" else {}
    made = new_service(tmp_path, **apart)
    yield made
    made.close()


@pytest.fixture
def poster(service: Service) -> Poster:
    return Poster(service)


@pytest.fixture
def world(service: Service) -> World:
    return World(service)
