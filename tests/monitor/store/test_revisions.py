"""A window that was measured many times: what is known best is told, whichever way it is looked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from alerting.reading import Reading
from monitor.clock import DAY, HOUR
from monitor.service import Service
from monitor.store import models, pages, readings
from monitor.store.pages import Wanted
from monitor.store.tables import measured
from tests import stores

pytestmark = pytest.mark.usefixtures("engine_of_stores")

START = 1_700_000_000_000_000 // DAY * DAY
VERSIONS = (None, "", "v1")  # all together, rows that have none, and one of them


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = stores.new_service(tmp_path)
    yield made
    made.database.close()


def reading(metric: str, version: str | None, hour: int, as_of: int, value: float) -> Reading:
    details = {"effect": value / 2, "summary": f"{metric} is {value}", **({"pooled": True} if version is None else {})}
    return Reading(
        check="performance",
        kind="performance",
        metric=metric,
        feature=None,
        segment=None,
        version=version or None,
        start=START + hour * HOUR,
        end=START + (hour + 24) * HOUR,
        as_of=as_of,
        revision=1,
        value=value,
        lower=None,
        upper=None,
        p_value=None,
        threshold=None,
        alpha=None,
        verdict="ok",
        reason=None,
        n_reference=1,
        n_current=1,
        mde=None,
        reference_name=None,
        reference_version=None,
        details=details,
    )


@pytest.mark.parametrize("many", [1, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_the_newest_knowledge_is_told(service: Service, monkeypatch: pytest.MonkeyPatch, seed: int, many: int) -> None:
    dice, told = random.Random(seed), 0
    monkeypatch.setattr(pages, "MANY", many)
    best: dict[tuple[str, str | None, int], tuple[int, float]] = {}
    with service.database.write() as connection:
        model = models.ensure(connection, "m", START)
        for _ in range(40):
            hour, as_of = dice.randrange(3), START + dice.randrange(30, 50) * HOUR  # also of moments before
            made = [
                reading(metric, version, hour, as_of, float(dice.randrange(3)))
                for metric in "ab"
                for version in VERSIONS
            ]
            stored = readings.save(connection, model.id, 1, made)
            assert [one.value for one in stored] == [one.value for one in made]
            for one in stored:
                key = (one.metric, "*" if one.details.get("pooled") else one.version or "", hour)
                best[key] = max(best.get(key, (0, 0.0)), (one.as_of, one.revision, one.value))  # type: ignore[type-var]
            told += len(stored)
    values = {key: found[-1] for key, found in best.items()}
    with service.database.read() as connection:
        everything = readings.find(connection, model.id, readings.Query(all_revisions=True, limit=1000))
        known = readings.find(connection, model.id, readings.Query(limit=1000))
        wanted = Wanted("performance", START, START + 9 * DAY)
        points = pages.windows(connection, model.id, wanted)
        newest = pages.newest_windows(connection, model.id, START + 9 * DAY)
    assert len(known) == len(values) < len(everything) < told
    assert {(one.metric, one.version, (one.at - START) // HOUR - 24): one.value for one in points} == values
    assert {one.value for one in points} == {2 * (one.effect or 0) for one in points}
    last = max(hour for _, _, hour in values)
    assert {(one.metric, "*" if one.version is None else one.version): one.value for one in newest} == {
        key[:2]: value for key, value in values.items() if key[2] == last
    }
    assert all(one.summary == f"{one.metric} is {one.value}" for one in newest)
    assert len(newest) == 6


def test_what_was_judged_and_no_longer_can_be_is_not_told(service: Service) -> None:
    once = reading("a", None, 0, START + 30 * HOUR, 1.0)
    with service.database.write() as connection:
        model = models.ensure(connection, "m", START)
        one = {"check_name": "performance", "length_hours": 24, "window_end": once.end, "change": 1, "as_of": START}
        connection.execute(insert(measured).values(model_id=model.id, **one))
        readings.save(connection, model.id, 1, [once, replace(once, metric="b")])
        assert [found.metric for found in readings.newest_judged(connection, model.id, 10)] == ["a", "b"]
        readings.save(connection, model.id, 1, [replace(once, as_of=once.as_of + HOUR, verdict=None)])
        assert [found.metric for found in readings.newest_judged(connection, model.id, 10)] == ["b"]
