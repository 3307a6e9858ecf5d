"""Many bodies at once leave the store, and are answered, as if each had been stored alone."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from monitor import clock
from monitor.actions import manage_keys
from monitor.actions.record_posts import Post, record_posts
from monitor.errors import Unauthorized
from monitor.ingest.records import read_json, read_lines
from monitor.service import Service
from monitor.store import tables
from tests import stores
from tests.monitor.posting import NOW, Poster
from tests.stores import new_service

T = clock.parse("2026-01-01T10:20:00Z")


def record(dice: random.Random) -> Any:
    """A record, now and then with something odd about it."""
    made: dict[str, Any] = {
        "id": f"r{dice.randrange(40)}",
        "timestamp": clock.render(T + dice.randrange(3) * clock.HOUR),
        "features": {f"f{dice.randrange(6)}": dice.choice([1, 2.5, "a", True, None, [1, 2]]) for _ in range(3)},
        "prediction": dice.choice([0, 1, "late"]),
        "probability": dice.choice([0.25, 1.5, {"a": 0.5}]),
    }
    odd = dice.randrange(12)
    if odd < 6:
        made |= (
            {"prediction": None},
            {"unknown": 1},
            {"id": None},
            {"timestamp": "yesterday"},
            {"version": dice.choice(["v1", 2, [1]]), "latency_ms": "slow"},
            {"features": {"n": float("nan"), f"late{dice.randrange(9)}": dice.choice([1, "x"])}},
        )[odd]
    return made if dice.randrange(25) else "no record"


def label(dice: random.Random) -> Any:
    made = {"id": f"r{dice.randrange(60)}", "label": dice.choice([0, 1, "late"])}
    if dice.randrange(2):
        made["timestamp"] = clock.render(T + dice.randrange(3) * clock.HOUR)
    return made if dice.randrange(12) else {**made, "label": [1]}


def bodies(dice: random.Random, make: Any, count: int) -> list[Any]:
    return [
        [make(dice) for _ in range(dice.choice([0, 1, 2, 5]) if dice.randrange(3) == 0 else 1)] for _ in range(count)
    ]


def contents(service: Service, poster: Poster) -> dict[str, Any]:
    """Everything that is stored of the model, but for the count of writes, which is of rounds and not of bodies."""
    plain = [tables.columns, tables.versions, tables.ingest_counts]
    with service.database.read() as connection:
        found: dict[str, Any] = {one.name: sorted(map(repr, connection.execute(select(one)))) for one in plain}
        found["quarantine"] = [tuple(row)[1:] for row in connection.execute(select(tables.quarantine))]
        model = poster.found(connection)
        found["model"] = replace(model, change=0)
        found["rows"] = [service.observations.get(connection, model.stored, f"r{number}") for number in range(60)]
        found["stats"] = service.observations.stats(connection, model.stored)
    return {**found, "dirty": poster.dirty()}


@pytest.mark.parametrize("seed", range(6))
def test_as_if_one_after_the_other(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    alone, together = new_service(tmp_path / "alone"), new_service(tmp_path / "together")
    poster = Poster(alone)
    for _ in range(3):
        predictions, labels = bodies(dice, record, 15), bodies(dice, label, 15)
        expected = [poster.predictions(body) for body in predictions] + [poster.labels(body) for body in labels]
        posts = [Post("m", "predictions", read_json(json.dumps(body).encode())) for body in predictions]
        posts += [Post("m", "labels", read_json(json.dumps(body).encode())) for body in labels]
        assert record_posts(together, posts, NOW) == expected
    assert contents(together, Poster(together)) == contents(alone, poster)
    for service in (alone, together):
        service.database.close()


def test_lines_and_models_apart(service: Service) -> None:
    row = {"id": "a", "timestamp": clock.render(T), "prediction": 1}
    lines = (json.dumps(row) + "\nbroken\n").encode()
    told = record_posts(
        service,
        [
            Post("m", "predictions", read_lines(lines)),
            Post("n", "predictions", read_lines(lines)),
            Post("m", "predictions", read_lines(lines)),
            Post("empty", "predictions", read_json(b"[]")),
        ],
        NOW,
    )
    assert [(one["accepted"], one["duplicates"], one["rejected"]) for one in told if isinstance(one, dict)] == [
        (1, 0, 1),
        (1, 0, 1),
        (0, 1, 1),
        (0, 0, 0),
    ]
    assert [one["errors"][0]["row"] for one in told[:3] if isinstance(one, dict)] == [1, 1, 1]
    with service.database.read() as connection:
        names = list(connection.execute(select(tables.models.c.name)).scalars())
    assert sorted(names) == ["m", "n"]


def test_a_body_that_cannot_be_stored_takes_no_other_with_it(service: Service) -> None:
    poster = Poster(service)
    poster.predictions({"id": "first", "timestamp": clock.render(T), "features": {"x": 1}})
    with service.database.write() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON p_1 WHEN NEW.id = 'r5'"
                " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
                if stores.is_sqlite()
                else "ALTER TABLE p_1 ADD CONSTRAINT refuse CHECK (id <> 'r5')"
            )
        )
    posts = [
        Post("m", "predictions", read_json(json.dumps({"id": f"r{i}", "timestamp": clock.render(T)}).encode()))
        for i in range(9)
    ]
    told = record_posts(service, posts, NOW)
    assert [place for place, one in enumerate(told) if isinstance(one, Exception)] == [5]
    assert all(poster.get(f"r{i}") is not None for i in range(9) if i != 5)
    with service.database.read() as connection:
        assert poster.found(connection).n_predictions == 9


def test_a_key_that_was_revoked_meanwhile_lets_nothing_in(service: Service) -> None:
    secret = manage_keys.create(service.database, "ingest", "one", NOW)
    reader = manage_keys.create(service.database, "read", "two", NOW)
    row = json.dumps({"id": "a", "timestamp": clock.render(T)}).encode()
    post = Post("m", "predictions", read_json(row), secret, by_memory=True)
    posts = [post, *(post._replace(secret=one) for one in (reader, None, "made up"))]
    first, *others = record_posts(service, posts, NOW)
    assert isinstance(first, dict)
    assert [type(one) for one in others] == [Unauthorized] * 3
    manage_keys.revoke(service.database, "one", NOW)
    (now_gone,) = record_posts(service, [post], NOW)
    assert isinstance(now_gone, Unauthorized)
