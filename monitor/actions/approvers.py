"""A retraining that waits for approval asks those whom its rule notifies: a configuration in which that is nobody would
have it wait in vain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from monitor.config.document import Document, Rule
from monitor.store import config, models
from monitor.store.database import Connection
from monitor.store.models import Model

PAGE = 100


def unasked(connection: Connection, rules: Iterable[Rule], document: Document) -> tuple[int, str] | None:
    """The place of the first rule with nobody to ask, and its trigger, as things would be with the document."""
    default, triggers = _as_it_would_be(connection, document)
    return _first(rules, default, triggers)


def unasked_elsewhere(connection: Connection, document: Document) -> tuple[str, str] | None:
    """The key at fault, and the words, where a trigger or the ``default_notify`` of the document leaves a rule of a
    model that it does not name with nobody to ask."""
    default, triggers = _as_it_would_be(connection, document)
    if document.default_notify is None and not any(triggers[name].get("approval") for name in document.triggers):
        return None
    touched = document.triggers if document.default_notify is None else triggers
    for model in _others(connection, document):
        rules = [Rule.model_validate(one) for one in model.settings.get("rules", [])]
        found = _first(rules, default, touched)
        if found is not None:
            key = f"triggers.{found[1]}.approval" if found[1] in document.triggers else "default_notify"
            return key, f"rule {rules[found[0]].name!r} of {model.name!r} would notify nobody who could approve"
    return None


def _others(connection: Connection, document: Document) -> Iterator[Model]:
    page = models.list_page(connection, PAGE)
    while page:
        yield from (model for model in page if model.name not in document.models)
        page = models.list_page(connection, PAGE, page[-1].name)


def _as_it_would_be(connection: Connection, document: Document) -> tuple[list[str], Mapping[str, Mapping[str, Any]]]:
    default = config.default_notify(connection) if document.default_notify is None else document.default_notify
    return default, {**config.objects(connection, "trigger"), **document.triggers}


def _first(
    rules: Iterable[Rule], default: list[str], triggers: Mapping[str, Mapping[str, Any]]
) -> tuple[int, str] | None:
    for place, rule in enumerate(rules):
        notified = default if rule.notify is None else rule.notify
        if rule.trigger is not None and not notified and triggers.get(rule.trigger, {}).get("approval"):
            return place, rule.trigger
    return None
