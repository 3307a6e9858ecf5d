"""Make a configuration document so, or say what it would change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.config.document import Document, Model
from monitor.config.inventory import checks_of
from monitor.errors import Invalid
from monitor.store import config, models
from monitor.store.database import Connection, Database


@dataclass(frozen=True)
class Change:
    """One named thing: ``added``, ``changed`` or ``unchanged``; ``keys`` are the ones that differ."""

    kind: str
    name: str
    what: str
    keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {"kind": self.kind, "name": self.name, "change": self.what, "keys": list(self.keys)}


def plan(database: Database, document: Document) -> list[Change]:
    """What ``apply`` would change.

    Raises Invalid, naming the key, when a part speaks of something that does not exist.
    """
    with database.read() as connection:
        _check_names(connection, document)
        return list(_changes(connection, document))


def apply(database: Database, document: Document, now: int) -> tuple[int, list[Change]]:
    """Replace the named things in the document, leave all others; the configuration's version and what changed.

    Raises Invalid as ``plan`` does; then nothing is changed.
    """
    with database.write() as connection:
        _check_names(connection, document)
        changes = list(_changes(connection, document))
        if all(change.what == "unchanged" for change in changes):
            return config.version(connection), changes
        for name, settings in document.models.items():
            put_model(connection, name, settings, now)
        for kind, parts in (("channel", document.channels), ("trigger", document.triggers)):
            for name, data in parts.items():
                config.put(connection, kind, name, data)
        if document.default_notify is not None:
            config.put(connection, "setting", "default_notify", document.default_notify)
        return config.add_version(connection, dump(document), now), changes


def put_model(connection: Connection, name: str, settings: Model, now: int) -> None:
    """Replace a model's configuration; the model is made if it is new."""
    model = models.ensure(connection, name, now)
    _refuse_retyping(model, settings)
    models.put_settings(connection, model.id, dump(settings))
    models.set_column_types(connection, model.id, {name: one.type for name, one in settings.features.items()})


def dump(part: Document | Model) -> dict[str, Any]:
    """A part as plain data, only what was said."""
    return part.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _refuse_retyping(model: models.Model, settings: Model) -> None:
    stored = {column.name: column.storage for column in model.columns if column.role == "feature"}
    for name, feature in settings.features.items():
        if feature.type == "numeric" and stored.get(name, "number") != "number":
            raise Invalid(
                f"Feature {name!r} of {model.name} is stored as {stored[name]}; it cannot become numeric",
                field=f"models.{model.name}.features.{name}.type",
            )


def _changes(connection: Connection, document: Document) -> Iterator[Change]:
    for name, settings in document.models.items():
        model = models.find(connection, name)
        known = None if model is None else model.settings
        yield _change("model", name, known, dump(settings))
    for kind, parts in (("channel", document.channels), ("trigger", document.triggers)):
        existing = config.objects(connection, kind)
        for name, data in parts.items():
            yield _change(kind, name, existing.get(name), data)
    if document.default_notify is not None:
        known_notify = config.objects(connection, "setting").get("default_notify")
        what = "unchanged" if known_notify == document.default_notify else "changed"
        yield Change("setting", "default_notify", what if known_notify is not None else "added")


def _change(kind: str, name: str, before: Any, after: Any) -> Change:
    if before is None:
        return Change(kind, name, "added")
    keys = tuple(key for key in sorted({*before, *after}) if before.get(key) != after.get(key))
    return Change(kind, name, "changed" if keys else "unchanged", keys)


def _check_names(connection: Connection, document: Document) -> None:
    channels = {*config.objects(connection, "channel"), *document.channels}
    triggers = {*config.objects(connection, "trigger"), *document.triggers}
    for index, name in enumerate(document.default_notify or []):
        _must_exist(name, channels, "channel", f"default_notify.{index}")
    for model, settings in document.models.items():
        names = {check.name for check in checks_of(settings)}
        for index, rule in enumerate(settings.rules):
            place = f"models.{model}.rules.{index}"
            for channel in rule.notify or []:
                _must_exist(channel, channels, "channel", f"{place}.notify")
            if rule.trigger is not None:
                _must_exist(rule.trigger, triggers, "trigger", f"{place}.trigger")
            _must_exist(rule.check, names, "check", f"{place}.check")


def _must_exist(name: str, known: set[str], what: str, field: str) -> None:
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise Invalid(f"{field}: there is no {what} {name!r} (there are: {there}). Nothing was changed.", field=field)
