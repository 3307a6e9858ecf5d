"""Rows without what a model's configuration keeps private: before anything of them is stored."""

from __future__ import annotations

import hashlib
import hmac

from monitor.ingest.privacy import private_features, protect
from monitor.store import installation
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.arriving import ArrivingPredictions


def protected(connection: Connection, model: Model, rows: ArrivingPredictions) -> ArrivingPredictions:
    """The rows as they may be stored; needs a write transaction."""
    private = private_features(model.settings)
    if not private:
        return rows
    key = hmac.new(installation.secret(connection), b"privacy", hashlib.sha256).digest()
    return protect(rows, private, key)
