"""One prediction as stored, mismatched values as sent, with its labels; and the times of several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from monitor.store.observations.base import GROUPS, Role, StoredColumn, StoredModel
from monitor.store.observations.dialect import Dialect
from monitor.store.observations.odd import read_odd
from monitor.store.observations.schema import FIXED, labels_table, predictions_table
from monitor.store.observations.vectors import numbers_of

_GROUPS: dict[Role, str] = {role: name for name, role in GROUPS.items()}


def get(connection: Any, dialect: Dialect, model: StoredModel, prediction_id: str) -> dict[str, Any] | None:
    """See ``Observations.get``."""
    names = [*FIXED, *(column.physical for column in model.columns)]
    known = f"(SELECT i.ts FROM {dialect.known(model)} i WHERE i.id = ?)"
    with dialect.cursor(connection) as at:
        at.execute(
            f"SELECT {','.join(names)} FROM {predictions_table(model)} WHERE id = ? AND ts = {known}",
            (prediction_id, prediction_id),
        )
        row = at.fetchone()
        if row is None:
            return None
        at.execute(
            f"SELECT value, kind, ts, arrived FROM {labels_table(model)} WHERE id = ? ORDER BY ts, {dialect.arrival}",
            (prediction_id,),
        )
        labels = at.fetchall()
    answer = assembled(model, dict(zip(names, row, strict=True)))
    answer["labels"] = [
        {"label": as_kind(value, kind), "timestamp": ts, "arrived": arrived} for value, kind, ts, arrived in labels
    ]
    return answer


def times_of(connection: Any, dialect: Dialect, model: StoredModel, ids: pa.Array) -> pa.Array:
    """See ``Observations.times_of``."""
    times, known = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
    with dialect.cursor(connection) as at:
        asked = dialect.stage(at, "asked", [("id", ids)])
        query = f"SELECT s.place, p.ts FROM {asked} s JOIN {dialect.known(model)} p ON p.id = s.id"
        found = dialect.fetch(at, query, (), pa.schema([("place", pa.int64()), ("ts", pa.int64())]))
    places = found["place"].to_numpy()
    times[places], known[places] = found["ts"].to_numpy(), True
    return pa.array(times, mask=~known)


def assembled(model: StoredModel, row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table as it was sent."""
    odd = read_odd(row["odd"])
    answer: dict[str, Any] = {
        "id": row["id"],
        "timestamp": row["ts"],
        "version": odd.pop("version", row["version"]),
        "features": {},
        "prediction": None,
        "probability": None,
        "segments": {},
        "latency_ms": odd.pop("latency_ms", _finite(row["latency_ms"])),
        "error": odd.pop("error", row["error"]),
        "metrics": {},
    }
    for column in model.columns:
        _put(answer, column, odd.pop(column.physical, _typed(row[column.physical], column)))
    for key, value in odd.items():
        _put_homeless(answer, key, value)
    return answer


def _put(answer: dict[str, Any], column: StoredColumn, value: Any) -> None:
    if column.role == "prediction":
        answer["prediction"] = value
    elif column.role == "probability":
        _put_probability(answer, column.name, value)
    elif column.role == "feature" or value is not None:
        answer[_GROUPS[column.role]][column.name] = value


def _put_probability(answer: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        return
    if not name:
        answer["probability"] = value
        return
    if not isinstance(answer["probability"], dict):
        answer["probability"] = {}
    answer["probability"][name] = value


def _put_homeless(answer: dict[str, Any], key: str, value: Any) -> None:
    """Values without a column, by the name that they were sent under."""
    group, _, name = key.partition(".")
    if not name:
        answer[group] = value
    elif group == "probability":
        _put_probability(answer, name, value)
    elif isinstance(answer[group], dict):
        answer[group][name] = value


def _typed(value: Any, column: StoredColumn) -> Any:
    if value is None or column.storage == "string":
        return value
    if column.storage == "vector":
        return numbers_of(value)
    return value == "true" if column.storage == "boolean" else _finite(value)


def _finite(value: float | None) -> float | int | str | None:
    """A number as JSON can hold it: whole ones without a point, infinities by name."""
    if value is None or value in (float("inf"), float("-inf")):
        return None if value is None else ("Infinity" if value > 0 else "-Infinity")
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def as_kind(value: str, kind: str) -> Any:
    """A label as it was sent."""
    if kind == "boolean":
        return value == "1"
    return _finite(float(value)) if kind == "number" else value
