"""A model's own tables: one wide table of predictions and one of labels."""

from __future__ import annotations

from typing import Any

from monitor.store.observations.base import StoredModel, predictions_table
from monitor.store.observations.dialect import Dialect

FIXED = ("id", "ts", "version", "latency_ms", "error", "odd")

__all__ = ["FIXED", "ensure", "is_made", "labels_table", "predictions_table"]


def labels_table(model: StoredModel) -> str:
    """Name of the table of labels: every revision, in order of arrival."""
    return f"l_{model.id}"


def ensure(connection: Any, dialect: Dialect, model: StoredModel) -> None:
    """Make the tables, or add the columns that they lack."""
    table = predictions_table(model)
    with dialect.cursor(connection) as at:
        have = dialect.columns_of(at, table)
        if not have:
            dialect.create(at, model)
        lacking = [column for column in model.columns if column.physical not in have]
        if not lacking:
            return
        with dialect.altering(at):
            dialect.add_columns(at, table, [f"{one.physical} {dialect.types[one.storage]}" for one in lacking])


def is_made(connection: Any, dialect: Dialect, model: StoredModel) -> bool:
    """Whether the model has tables: one that was only configured has none yet."""
    with dialect.cursor(connection) as at:
        return bool(dialect.columns_of(at, predictions_table(model)))
