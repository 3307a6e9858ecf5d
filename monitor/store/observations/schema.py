"""A model's own tables: one wide table of predictions and one of labels."""

from __future__ import annotations

from typing import Any

from monitor.store.observations import sqlite
from monitor.store.observations.base import StoredModel

FIXED = ("id", "ts", "version", "latency_ms", "error", "odd")


def predictions_table(model: StoredModel) -> str:
    """Name of the table of predictions: ``id``, ``ts`` (microseconds), …, ``c0``, ``c1`` …"""
    return f"p_{model.id}"


def labels_table(model: StoredModel) -> str:
    """Name of the table of labels: every revision, in order of arrival."""
    return f"l_{model.id}"


def ensure(connection: Any, model: StoredModel) -> None:
    """Make the tables, or add the columns that they lack."""
    table = predictions_table(model)
    with sqlite.cursor(connection) as at:
        have = sqlite.existing_columns(at, table)
        if not have:
            _create(at, model)
        for column in model.columns:
            if column.physical not in have:
                at.execute(f"ALTER TABLE {table} ADD COLUMN {column.physical} {sqlite.TYPES[column.storage]}")


def _create(at: Any, model: StoredModel) -> None:
    table, labels = predictions_table(model), labels_table(model)
    at.execute(
        f"CREATE TABLE {table} (id TEXT NOT NULL UNIQUE, ts BIGINT NOT NULL, version TEXT, latency_ms REAL, error TEXT,"
        " odd TEXT)"
    )
    # Rows of an hour are found by their time and sorted by id after reading: an index of ids by hour would cost every
    # insert a second search.
    at.execute(f"CREATE INDEX {table}_ts ON {table} (ts)")
    at.execute(
        f"CREATE TABLE {labels} (id TEXT NOT NULL, ts BIGINT NOT NULL, value TEXT NOT NULL, kind TEXT NOT NULL,"
        " arrived BIGINT NOT NULL, UNIQUE (id, ts, value))"
    )
