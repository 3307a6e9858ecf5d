"""Windows of 6 h by default, where the reference has the rows for them."""

from __future__ import annotations

import pytest

from tests.monitor.world import T0, D, H, World, matching, traffic

pytestmark = pytest.mark.one_engine


def test_the_default_checks_look_at_six_hours_where_these_hold_500_rows(world: World) -> None:
    world.reference(traffic(T0, 48, per_hour=90))
    start = T0 + 14 * D
    world.post(traffic(start, 12, per_hour=90, seed=2))
    world.run(start + 12 * H)
    found = matching(world.read(start + 12 * H), check="data_drift")
    by_length = {hours: matching(found, hours=hours) for hours in (1, 6, 24, 168)}
    assert not by_length[1]
    (newest,) = {one["window"]["end"] for one in by_length[6]} & {one["window"]["end"] for one in by_length[24]}
    six = [one for one in by_length[6] if one["window"]["end"] == newest]
    assert {one["n_current"] for one in six if one["metric"] != "correlation"} == {540}
    day = [one for one in by_length[24] if one["window"]["end"] == newest]
    alphas = {one["alpha"] for one in six}, {one["alpha"] for one in day}
    assert max(alphas[0]) < min(alphas[1])  # 720 windows of 6 h a month, 180 of 24 h
