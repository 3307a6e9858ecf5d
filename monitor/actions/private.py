"""Rows without what a model's configuration keeps private: before anything of them is stored."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable

from monitor.errors import StoreUnavailable
from monitor.ingest.privacy import private_features, protect
from monitor.store import arriving, installation, models
from monitor.store.database import Connection, Database
from monitor.store.models import Model
from monitor.store.observations.arriving import ArrivingPredictions

PATIENCE, PAUSE = 20.0, 0.05  # seconds


def protected(connection: Connection, model: Model, rows: ArrivingPredictions) -> ArrivingPredictions:
    """The rows as they may be stored; needs a write transaction."""
    private = private_features(model.settings)
    if not private:
        return rows
    key = hmac.new(installation.secret(connection), b"privacy", hashlib.sha256).digest()
    return protect(rows, private, key)


def still_protected(
    connection: Connection, model: Model, sent: ArrivingPredictions, rows: ArrivingPredictions
) -> ArrivingPredictions:
    """The rows as they may be stored now: what is private may have changed while ``rows`` waited for their turn."""
    current = models.of_id(connection, model.id)
    if private_features(current.settings) == private_features(model.settings):
        return rows
    return protected(connection, current, sent)


def rows_under_way_end(database: Database, names: Iterable[str]) -> None:
    """Wait until rows of models with private features, which began to be stored before, are stored: whoever is answered
    that a feature is private may rely on it.

    Raises StoreUnavailable when that takes long.
    """
    with database.read() as connection:
        found = [models.find(connection, name) for name in names]
        private = {model.id for model in found if model is not None and private_features(model.settings)}
        begun = {one for one in arriving.everything(connection) if one.model_id in private} if private else set()
    ends = time.monotonic() + PATIENCE
    while begun:
        if time.monotonic() > ends:
            raise StoreUnavailable("The configuration holds; rows that came before are still being stored. Try again.")
        time.sleep(PAUSE)
        with database.read() as connection:
            begun &= set(arriving.everything(connection))
