"""Change settings of one model by the names that reading it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from monitor.actions import models as known_models
from monitor.actions.apply_config import check_model_fits, dump, put_model
from monitor.actions.describe import describe
from monitor.actions.private import rows_under_way_end
from monitor.config import document
from monitor.config.mistakes import mistakes_in_model
from monitor.config.reading import place_of, words_of
from monitor.errors import Invalid
from monitor.store import config, locks
from monitor.store.database import Database

SHOWN_ONLY = (
    "name",
    "versions",
    "counts",
    "newest_prediction",
    "newest_label",
    "references",
    "health",
    "dormant",
    "rows_since",
)


def patch_model(database: Database, name: str, changes: dict[str, Any], now: int) -> dict[str, Any]:
    """Apply the changes; the model as it is then described.

    Raises NotFound, or Invalid that names the field; then nothing is changed.
    """
    with database.write(locks.HOUSE, locks.model(name), locks.posts(name)) as connection:
        model = known_models.get(connection, name)
        settings = _merged(model.settings, changes)
        check_model_fits(connection, name, settings, document.Document(), "")
        put_model(connection, name, settings, now)
        config.add_version(connection, {"models": {name: dump(settings)}}, now)
    rows_under_way_end(database, [name])
    with database.read() as connection:
        return describe(connection, known_models.get(connection, name), now)


def _merged(before: dict[str, Any], changes: dict[str, Any]) -> document.Model:
    merged = dict(before)
    for key, value in changes.items():
        if key in SHOWN_ONLY:
            raise Invalid(f"{key} cannot be changed; it follows from what was posted", field=key)
        if key == "schema":
            merged |= _schema(before, value)
        elif key in document.Model.model_fields:
            merged[key] = value
        else:
            raise Invalid(f"{key!r} is no setting of a model", field=key)
    try:
        model = document.Model.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(place_of(first), words_of(first)) from error
    for place, words in mistakes_in_model(model):
        raise _wrong(place, words)
    return model


def _wrong(place: Sequence[str], words: str) -> Invalid:
    field = ".".join(place)
    return Invalid(f"{field}: {words}. Nothing was changed.", field=field)


def _schema(before: dict[str, Any], schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict) or not set(schema) <= {"features", "segments"}:
        raise Invalid("schema takes features ({name: {type}}) and segments ([name])", field="schema")
    found: dict[str, Any] = {}
    if "features" in schema:
        if not isinstance(schema["features"], dict):
            raise Invalid("schema.features takes {name: {type: numeric or categorical}}", field="schema.features")
        found["features"] = {**before.get("features", {}), **schema["features"]}
    if "segments" in schema:
        found["segments"] = schema["segments"]
    return found
