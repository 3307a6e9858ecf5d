"""A small world: a model with a year of made-up traffic, posted to a real store, and runs over it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.json import encode

from alerting.reading import to_json
from monitor import clock
from monitor.actions import apply_config
from monitor.actions.prepare_reference import pin_reference, put_reference
from monitor.actions.run_checks import Run, run_checks
from monitor.config.reading import from_object
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service
from monitor.store import models, readings
from tests.monitor.posting import LIMIT, Poster

T0 = clock.parse("2026-01-05T00:00:00Z")  # a Monday
NOW = clock.parse("2026-06-01T12:00:00Z")
H, D = clock.HOUR, clock.DAY

Record = dict[str, Any]


def at(text: str) -> int:
    return clock.parse(text)


def still(moment: int) -> Callable[[], int]:
    """A clock that stands."""
    return lambda: moment


def traffic(
    start: int,
    hours: int,
    per_hour: int = 6,
    *,
    seed: int = 1,
    shift: float = 0.0,
    right: float = 0.9,
    version: str | None = None,
    prefix: str = "p",
) -> list[Record]:
    """Predictions, evenly spaced, each with its truth under ``label`` (posted apart); ``shift`` moves feature x."""
    rng = np.random.default_rng(seed)
    n = hours * per_hour
    x, kind = rng.normal(shift, 1, n), rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    truth = rng.random(n) < 0.4
    said = np.where(rng.random(n) < right, truth, ~truth)
    score = np.where(said, rng.uniform(0.5, 1, n), rng.uniform(0, 0.5, n))
    step = H // per_hour
    moments = np.datetime_as_string((start + np.arange(n) * step + 7 * clock.SECOND).astype("datetime64[us]"), "s")
    columns = [x.round(6), kind, said.astype(int), score.round(6), truth.astype(int)]
    more = {} if version is None else {"version": version}
    return [
        {
            "id": f"{prefix}{seed}-{i}",
            "timestamp": f"{moment}Z",
            "features": {"x": x_i, "kind": kind_i},
            "prediction": said_i,
            "probability": score_i,
            "label": truth_i,
            **more,
        }
        for i, (moment, x_i, kind_i, said_i, score_i, truth_i) in enumerate(
            zip(moments.tolist(), *(column.tolist() for column in columns), strict=True)
        )
    ]


def labels_of(records: list[Record], delay: int = 3 * H) -> list[Record]:
    return [
        {
            "id": one["id"],
            "label": one["label"],
            "timestamp": clock.render(clock.parse(one["timestamp"]) + delay),
        }
        for one in records
    ]


def bare(records: list[Record]) -> list[Record]:
    return [{key: value for key, value in one.items() if key != "label"} for one in records]


def encoded(records: list[Record]) -> bytes:
    """As JSON; with NaN and infinities as Python writes them, of which the quick way makes null."""
    quick = encode(records)
    return json.dumps(records).encode() if b"null" in quick else quick


@dataclass
class World:
    service: Service
    model: str = "m"
    now: int = NOW
    poster: Poster = field(init=False)

    def __post_init__(self) -> None:
        self.poster = Poster(self.service, self.model)

    def post(self, records: list[Record]) -> None:
        told = self.poster.predictions(encoded(bare(records)), now=self.now)
        assert told["rejected"] == 0, told

    def label(self, records: list[Record], delay: int = 3 * H) -> None:
        told = self.poster.labels(encoded(labels_of(records, delay)), now=self.now)
        assert told["rejected"] == 0, told

    def reference(self, records: list[Record], name: str = "base", now: int | None = None) -> dict[str, Any]:
        now = self.now if now is None else now
        raw = decode(encoded(records), "application/json", None, "references", LIMIT)
        return put_reference(self.service, self.model, name, conform.reference(raw, now), now)

    def pin(self, start: int, end: int, name: str = "pinned") -> dict[str, Any]:
        return pin_reference(self.service, self.model, name, start, end, self.now)

    def configure(self, **model: Any) -> None:
        self.apply({"models": {self.model: model}})

    def apply(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        _, changes = apply_config.apply(self.service.database, from_object(document), self.now)
        return [change.to_json() for change in changes]

    def run(self, as_of: int, **options: Any) -> Run:
        return run_checks(self.service, self.model, as_of, now=self.now, **options)

    def read(self, as_of: int, **match: Any) -> list[dict[str, Any]]:
        """What a run answers, as JSON, narrowed down."""
        return matching([to_json(one) for one in self.run(as_of).readings], **match)

    def stored(self, **query: Any) -> list[dict[str, Any]]:
        """Readings in the store, as JSON."""
        with self.service.database.read() as connection:
            asked = readings.Query(**{"limit": 100_000, **query})
            found = readings.find(connection, self.found(connection).id, asked)
        return [to_json(one.reading) for one in found]

    def found(self, connection: Any) -> models.Model:
        return self.poster.found(connection)


def matching(found: list[dict[str, Any]], *, hours: int | None = None, **match: Any) -> list[dict[str, Any]]:
    return [
        one
        for one in found
        if all(one[key] == value for key, value in match.items())
        and (hours is None or at(one["window"]["end"]) - at(one["window"]["start"]) == hours * H)
    ]


def one(found: list[dict[str, Any]], **match: Any) -> dict[str, Any]:
    (only,) = matching(found, **match)
    return only
