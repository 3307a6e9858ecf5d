"""A service on an empty store, and posting to it without the network."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from monitor.actions.record_labels import record_labels
from monitor.actions.record_predictions import record_predictions
from monitor.clock import parse
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service
from monitor.store import models, tables

NOW = parse("2026-06-01T12:00:00Z")
LIMIT = 1 << 24


class Poster:
    """Posts bodies to one model and reads them back."""

    def __init__(self, service: Service, model: str = "m") -> None:
        self.service, self.model = service, model

    def predictions(self, body: Any, kind: str = "application/json", now: int = NOW) -> dict[str, Any]:
        raw = decode(_bytes(body), kind, None, "predictions", LIMIT)
        return record_predictions(self.service, self.model, conform.predictions(raw, now), now)

    def labels(self, body: Any, kind: str = "application/json", now: int = NOW) -> dict[str, Any]:
        raw = decode(_bytes(body), kind, None, "labels", LIMIT)
        return record_labels(self.service, self.model, conform.labels(raw, now), now)

    def get(self, prediction_id: str) -> dict[str, Any] | None:
        with self.service.database.read() as connection:
            return self.service.observations.get(connection, self.found(connection).stored, prediction_id)

    def found(self, connection: Any) -> models.Model:
        model = models.find(connection, self.model)
        assert model is not None
        return model

    def dirty(self) -> dict[int, bool]:
        table = tables.dirty_hours
        with self.service.database.read() as connection:
            mine = select(table).where(table.c.model_id == self.found(connection).id)
            return {row.hour: row.labels_only for row in connection.execute(mine)}

    def ingest_counts(self) -> dict[int, tuple[int, int]]:
        table = tables.ingest_counts
        with self.service.database.read() as connection:
            mine = select(table).where(table.c.model_id == self.found(connection).id)
            return {row.hour: (row.rejected, row.conflicting) for row in connection.execute(mine)}


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
