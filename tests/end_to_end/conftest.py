from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.scene import Scene, playing


@pytest.fixture(scope="session", autouse=True)
def on_each_engine(engine_of_stores: None) -> None:
    """Everything here runs on every engine."""


@pytest.fixture(scope="session")
def scene(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One service with models in every state, shared by the tests that only look."""
    with playing(tmp_path_factory.mktemp("scene")) as made:
        yield made
