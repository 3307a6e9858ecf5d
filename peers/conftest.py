from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

SECRETS = {"AIRFLOW_PASSWORD": "only-for-tests", "SLACK_TOKEN": "xoxb-only-for-tests"}

if TYPE_CHECKING:
    from peers.plimsoll import Plimsoll

pytest.register_assert_rewrite("peers.orchestrated", "peers.plimsoll")


@pytest.fixture(scope="module")
def plimsoll(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plimsoll]:
    from peers.plimsoll import serving  # imported once its asserts are to be rewritten

    with serving(tmp_path_factory.mktemp("plimsoll"), SECRETS) as made:
        yield made
