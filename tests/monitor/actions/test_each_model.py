"""One model that cannot be worked on keeps no other waiting."""

from __future__ import annotations

from sqlalchemy import update

from monitor.actions.summarise_hours import summarise_waiting
from monitor.service import Service
from monitor.store import summaries, tables
from tests.monitor.world import T0, D, H, World, traffic

START = T0 + 14 * D


def test_hours_of_one_model_that_cannot_be_counted_keep_no_other_waiting(service: Service) -> None:
    ill, well = World(service, "a"), World(service, "b")
    for one in (ill, well):
        one.configure()
        one.reference(traffic(T0, 24 * 9))
        one.post(traffic(START, 3))
        one.read(START + 4 * H)
        one.post(traffic(START + 6 * H, 3, seed=3))
    with service.database.write() as connection:
        mine = tables.binnings.c.model_id == ill.found(connection).id
        connection.execute(update(tables.binnings).where(mine).values(data=b"not what was written"))
    service.artefacts.clear()
    assert summarise_waiting(service, START + 12 * H) == 3
    with service.database.read() as connection:
        assert summaries.waits(connection, ill.model, START // H + 12)
        assert not summaries.waits(connection, well.model, START // H + 12)
