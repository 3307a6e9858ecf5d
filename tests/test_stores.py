"""Stores of tests are of the engine that the test names, whichever ran before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import stores


def test_a_test_that_names_no_engine_has_no_store(tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        stores.new_service(tmp_path)


def test_it_is_the_one_that_is_named(engine_of_rows: None, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    named = request.node.callspec.params["engine_of_rows"]
    service = stores.new_service(tmp_path)
    kind = "chdb" if service.settings.observations_url.startswith("chdb:") else service.database.url.get_backend_name()
    service.close()
    assert kind == {"postgres": "postgresql"}.get(named, named)


def test_so_it_is_by_name_alone(on_sqlite: None, tmp_path: Path) -> None:
    service = stores.new_service(tmp_path)
    service.close()
    assert service.database.is_sqlite
    assert service.settings.observations_url == service.settings.database_url
