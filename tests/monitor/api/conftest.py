from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def on_each_engine(engine_of_stores: None) -> None:
    """Everything here runs on every engine."""
