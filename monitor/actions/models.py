"""What is known of a model, put together from its row, its configuration and its columns."""

from __future__ import annotations

from typing import Any

from monitor.actions.from_probabilities import says_likeliest
from monitor.actions.meaning import Meaning
from monitor.config import document
from monitor.config.inventory import checks_of
from monitor.errors import NotFound
from monitor.store import models
from monitor.store.database import Connection
from monitor.store.models import Model


def get(connection: Connection, name: str) -> Model:
    """The model of that name.

    Raises NotFound.
    """
    model = models.find(connection, name)
    if model is None:
        raise NotFound(f"There is no model {name!r}; the first prediction, label or reference posted to it makes it")
    return model


def settings_of(model: Model) -> document.Model:
    """The model's part of the configuration, with the defaults filled in."""
    known: dict[str, Any] = {k: v for k, v in model.settings.items() if k in document.Model.model_fields}
    return document.Model.model_validate(known)


def meaning_of_model(model: Model) -> Meaning:
    """Task and classes as settled when cuts were made; before that, as configured or plain classes."""
    task = model.task or settings_of(model).task or "multiclass"
    alone = task != "regression" and says_likeliest(model.columns)
    return Meaning(task, () if model.task is None else tuple(model.classes or ()), likeliest=alone)


def has_checks(model: Model) -> bool:
    """Whether anything can be measured: there is a reference, or a check that needs none."""
    return model.first_reference_at is not None or bool(checks_of(settings_of(model), has_reference=False))
