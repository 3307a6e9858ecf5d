"""Cuts that were made before it was counted which values are common give way at the next reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from detectors.cuts import Binning, CategoricalColumn
from monitor.store import references
from monitor.store.tables import binnings
from tests.monitor.world import T0, World, traffic

pytestmark = pytest.mark.one_engine


def users(rows: list[dict[str, Any]], rare: bool) -> list[dict[str, Any]]:
    """Beside a hundred common ones many that come once."""
    return [
        {**row, "features": {**row["features"], "user": f"u{place if rare and place % 3 == 0 else place % 100}"}}
        for place, row in enumerate(rows)
    ]


def column(world: World) -> tuple[int, CategoricalColumn]:
    with world.service.database.read() as connection:
        number = world.found(connection).binning_id
        assert number is not None
        found = Binning.from_bytes(references.binning(connection, number)).by_name["feature.user"]
    assert isinstance(found, CategoricalColumn)
    return number, found


@pytest.mark.parametrize("rare", [True, False])
def test_the_next_reference_counts_what_is_common(world: World, rare: bool) -> None:
    world.reference(users(traffic(T0, 24 * 10), rare))
    number, known = column(world)
    assert (bool(known.rare), known.common is not None, known.is_open) == (rare, True, rare)
    with world.service.database.write() as connection:
        made = Binning.from_bytes(references.binning(connection, number))
        before = tuple(
            replace(one, common=None, unseen=None) if one.name == known.name else one for one in made.columns
        )
        old = replace(made, columns=before, memo={}).to_bytes()
        connection.execute(update(binnings).where(binnings.c.id == number).values(data=old))
    world.reference(users(traffic(T0, 24 * 10, seed=2), rare))
    again, counted = column(world)
    assert (again != number, counted.common is not None) == (rare, rare)  # where nothing is rare they say the same
