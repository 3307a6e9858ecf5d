"""Make a configuration document so, or say what it would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectors.registry import TWO_SAMPLE
from monitor.actions.approvers import unasked, unasked_elsewhere
from monitor.actions.end_episode import end_orphans
from monitor.actions.private import rows_under_way_end
from monitor.config.document import Check, Document, Model
from monitor.config.inventory import rules_of
from monitor.config.reading import from_yaml, placed
from monitor.errors import Invalid
from monitor.settings import AT_HOME
from monitor.store import channel_states, config, installation, locks, models
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
        _check_fit(connection, document)
        return list(_changes(connection, document))


def apply(database: Database, document: Document, now: int) -> tuple[int, list[Change]]:
    """Replace the named things in the document, leave all others; the configuration's version and what changed.

    Raises Invalid as ``plan`` does; then nothing is changed.
    """
    made = _apply(database, document, now)
    rows_under_way_end(database, document.models)
    return made


def _apply(database: Database, document: Document, now: int) -> tuple[int, list[Change]]:
    held = [hold(name) for name in document.models for hold in (locks.model, locks.posts)]
    with database.write(locks.HOUSE, *held) as connection:
        _check_fit(connection, document)
        changes = list(_changes(connection, document))
        if all(change.what == "unchanged" for change in changes):
            return config.version(connection), changes
        for name, settings in document.models.items():
            put_model(connection, name, settings, now)
        for kind, parts in (("channel", document.channels), ("trigger", document.triggers)):
            for name, data in parts.items():
                if kind == "channel":
                    same = config.objects(connection, kind).get(name) == data
                    (channel_states.enable if same else channel_states.forget)(connection, name)
                config.put(connection, kind, name, data)
        if document.default_notify is not None:
            config.put(connection, "setting", "default_notify", document.default_notify)
        return config.add_version(connection, dump(document), now), changes


def read_file(file: Path) -> tuple[Document, str]:
    """The document in a YAML file, and its text.

    Raises Invalid when there is no such file, it is no text, or the document has a mistake.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file}: this is not UTF-8 text") from error
    return from_yaml(text, str(file)), text


def apply_file(database: Database, file: Path, now: int) -> tuple[int, list[Change]]:
    """``apply`` with the document in a file; mistakes name file and line."""
    document, text = read_file(file)
    try:
        return apply(database, document, now)
    except Invalid as error:
        raise placed(error, text, str(file)) from error


def put_model(connection: Connection, name: str, settings: Model, now: int) -> None:
    """Replace a model's configuration; the model is made if it is new. Alerts of rules, checks and segments that are
    not in it end here: a model without checks, or without new rows, has no run that could end them."""
    model = models.ensure(connection, name, now)
    models.put_settings(connection, model.id, dump(settings))
    if settings.features:
        models.set_column_types(
            connection, model.id, {name: one.type for name, one in settings.features.items() if one.type is not None}
        )
    end_orphans(
        connection,
        model.id,
        rules_of(settings, (), has_reference=model.first_reference_at is not None),
        settings.segments,
        at=now,
        now=now,
        public_url=installation.public_url(connection) or AT_HOME,
    )


def dump(part: Document | Model) -> dict[str, Any]:
    """A part as plain data, only what was said."""
    return part.model_dump(mode="json", by_alias=True, exclude_unset=True)


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


def _check_fit(connection: Connection, document: Document) -> None:
    """Names that must exist, and types that the stored columns must have."""
    channels = {*config.objects(connection, "channel"), *document.channels}
    for index, name in enumerate(document.default_notify or []):
        _must_exist(name, channels, "channel", f"default_notify.{index}")
    for name, settings in document.models.items():
        check_model_fits(connection, name, settings, document, f"models.{name}.")
    elsewhere = unasked_elsewhere(connection, document)
    if elsewhere is not None:
        raise _wrong(*elsewhere)


def check_model_fits(connection: Connection, name: str, settings: Model, document: Document, prefix: str) -> None:
    """Raises Invalid, naming the key behind ``prefix``, when a model's part does not fit what there is."""
    channels = {*config.objects(connection, "channel"), *document.channels}
    triggers = {*config.objects(connection, "trigger"), *document.triggers}
    for index, rule in enumerate(settings.rules):
        for place, channel in enumerate(rule.notify or []):
            _must_exist(channel, channels, "channel", f"{prefix}rules.{index}.notify.{place}")
        if rule.trigger is not None:
            _must_exist(rule.trigger, triggers, "trigger", f"{prefix}rules.{index}.trigger")
    waits = unasked(connection, settings.rules, document)
    if waits is not None:
        words = f"{waits[1]!r} waits for approval, and this rule notifies nobody who could give it: name a channel"
        raise _wrong(f"{prefix}rules.{waits[0]}.notify", words)
    model = models.find(connection, name)
    columns = () if model is None else tuple(one for one in model.columns if one.role == "feature")
    _refuse_retyping({one.name: one.storage for one in columns}, settings, prefix)
    kinds = {one.name: one.type for one in columns if one.type is not None}
    kinds |= {feature: one.type for feature, one in settings.features.items() if one.type is not None}
    task = settings.task or (None if model is None else model.task)
    for index, check in enumerate(settings.checks):
        _method_must_fit(check, kinds, task, f"{prefix}checks.{index}.method")


def _refuse_retyping(stored: Mapping[str, str], settings: Model, prefix: str) -> None:
    for name, feature in settings.features.items():
        if feature.type == "numeric" and stored.get(name, "number") != "number":
            raise _wrong(
                f"{prefix}features.{name}.type", f"{name!r} is stored as {stored[name]}; it cannot become numeric"
            )
        if feature.privacy in ("hash", "summary_only") and stored.get(name, "string") != "string":
            words = f"{name!r} is stored as {stored[name]} already; send it under another name to keep it private"
            raise _wrong(f"{prefix}features.{name}.privacy", words)
        if feature.type is None:
            continue
        held = stored.get(name, feature.type)
        if (feature.type == "embedding") != (held in _VECTORS):
            raise _wrong(
                f"{prefix}features.{name}.type", f"{name!r} is stored as {held}; it cannot become {feature.type}"
            )


_VECTORS = ("vector", "embedding")  # as stored, or as configured where nothing is stored yet


def _method_must_fit(check: Check, kinds: Mapping[str, str], task: str | None, field: str) -> None:
    if check.method not in TWO_SAMPLE:
        return
    fits = TWO_SAMPLE[check.method].kinds
    if check.kind == "prediction_drift" and task == "regression" and "numeric" not in fits:
        raise _wrong(field, f"{check.method} is for {' and '.join(fits)} columns; a regression predicts numbers")
    if check.kind != "data_drift":
        return
    for feature in check.features or []:
        if kinds.get(feature, fits[0]) not in fits:
            raise _wrong(field, f"{check.method} is for {' and '.join(fits)} columns; {feature!r} is {kinds[feature]}")


def _must_exist(name: str, known: set[str], what: str, field: str) -> None:
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise _wrong(field, f"there is no {what} {name!r} (there are: {there})")


def _wrong(field: str, words: str) -> Invalid:
    return Invalid(f"{field}: {words}. Nothing was changed.", field=field)
