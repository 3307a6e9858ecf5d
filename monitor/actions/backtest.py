"""What rules would have fired: over the stored history, and over the same rows with drift put in."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alerting.rules import Rule
from detectors.injected import SIZES, Injection, changed_labels, changed_values, yardstick_of
from monitor import clock
from monitor.actions import apply_config
from monitor.actions import models as known_models
from monitor.actions.frame import Frame
from monitor.actions.rehearse import Changes, rehearsal
from monitor.actions.replay import replay
from monitor.config.document import Document
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.base import StoredColumn
from monitor.store.observations.canonical import canonical

WATCHED = 7 * clock.DAY  # so long a rule has to see what was put in
NO_LABELS = "no_labels"  # why an injection says nothing: there were none to put it into
WARM_UP = 2 * clock.DAY  # of runs before, so that windows in a row are counted
Progress = Callable[[str, int, int], None]
ENOUGH = 1000  # values that say how much they vary


@dataclass(frozen=True)
class Asked:
    """A backtest of a model over (start, end]. ``document``: a configuration to try instead of the one that holds.
    ``rules``: their names, None for all. ``at``: when drift begins, None for the middle of the stretch."""

    model: str
    start: int
    end: int
    document: Document | None = None
    rules: Sequence[str] | None = None
    injections: Sequence[Injection] = ()
    at: int | None = None

    def check(self, service: Service) -> None:
        """Raises Invalid for a rule or a feature that does not exist, NotFound for an unknown model."""
        _prepared(service, self)


def backtest(
    service: Service, asked: Asked, now: int, progress: Progress = lambda what, done, total: None
) -> dict[str, Any]:
    """What every rule would have fired over the stored rows, and how long after each injection it would have fired.

    Nothing is stored and nobody told. Raises NotFound for an unknown model, Invalid for a stretch that is empty or not
    over, for a rule or a feature that does not exist, and for a document with a mistake.
    """
    if not asked.start < asked.end <= now:
        raise Invalid("A backtest needs --from before --to, and --to not later than now", field="to")
    rules, injections = _prepared(service, asked)
    found = _run(service, asked, asked.start, asked.end, now, "history", progress)
    days = (asked.end - asked.start) / clock.DAY
    told = [_of_history(rule, found, days) for rule in rules]
    begins = _begins(asked)
    for injection in injections:
        until = min(begins + WATCHED, asked.end)
        what = injection.kind if injection.feature is None else f"{injection.kind} of {injection.feature}"
        struck = Struck(until)
        changes = _changes(service, asked.model, injection, begins, struck)
        drifted = _run(service, asked, begins - WARM_UP, until, now, what, progress, changes)
        for one, rule in zip(told, rules, strict=True):
            one["injected"].append(_of_injection(rule, injection, drifted, found, begins, until))
            one["injected"][-1]["cannot_tell"] = (
                NO_LABELS if injection.kind == "concept" and not struck.labels else None
            )
    return {
        "model": asked.model,
        "from": clock.render(asked.start),
        "to": clock.render(asked.end),
        "rules": told,
    }


def _begins(asked: Asked) -> int:
    """When drift begins: as asked, else in the middle, on a whole hour. Raises Invalid outside the stretch."""
    if asked.at is None:
        return asked.start + (asked.end - asked.start) // 2 // clock.HOUR * clock.HOUR
    if not asked.start <= asked.at < asked.end:
        raise Invalid("--at is between --from and --to", field="at")
    return asked.at


def changed_alerts(
    service: Service, document: Document, now: int, days: int = 30, progress: Progress = lambda what, done, total: None
) -> dict[str, dict[str, Any]]:
    """By model that the document would change: the alerts that the configuration as it holds would have fired over the
    last days of its data, and those that the document would have. Raises Invalid as ``apply`` does, and Overloaded
    while something else is worked out."""
    plan = apply_config.plan(service.database, document)
    names = [one.name for one in plan if one.kind == "model" and one.what == "changed"]
    with service.alone():
        return _of_models(service, names, document, now, days, progress)


def _of_models(
    service: Service, names: Sequence[str], document: Document, now: int, days: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    found = {}
    for name in names:
        with service.database.read() as connection:
            model = known_models.get(connection, name)
        if model.newest_prediction is None or not known_models.has_checks(model):
            continue
        end = min(now, model.newest_prediction - model.newest_prediction % clock.HOUR + clock.HOUR)
        start = end - days * clock.DAY
        before, after = (
            _run(service, Asked(name, start, end, given), start, end, now, f"{name} as it {how}", progress)
            for given, how in ((None, "is"), (document, "would be"))
        )
        found[name] = difference(before, after)
    return found


def difference(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which alerts would go, come, or fire at another time; alerts of one rule, version and segment whose time
    overlaps are the same."""
    left = list(after)
    gone, moved = [], []
    for one in before:
        same = next((other for other in left if _same(one, other)), None)
        if same is None:
            gone.append(one)
            continue
        left.remove(same)
        if same["fired_at"] != one["fired_at"] or same["severity"] != one["severity"]:
            moved.append({"before": one, "after": same})
    return {"before": len(before), "after": len(after), "gone": gone, "new": left, "changed": moved}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if any(one[name] != other[name] for name in ("rule", "version", "segment")):
        return False
    last = "9999"
    return bool(one["fired_at"] <= (other["resolved_at"] or last) and other["fired_at"] <= (one["resolved_at"] or last))


def _run(
    service: Service,
    asked: Asked,
    start: int,
    end: int,
    now: int,
    what: str,
    progress: Progress,
    changes: Changes | None = None,
) -> list[dict[str, Any]]:
    """Alerts that fired, the oldest first. Of single rules only their checks are run, and those of data quality, which
    may hide what they say."""
    with rehearsal(service, asked.model, start, end, changes) as scratch:
        if asked.document is not None:
            mine = {asked.model: asked.document.models[asked.model]} if asked.model in asked.document.models else {}
            apply_config.apply(scratch.database, asked.document.model_copy(update={"models": mine}), now)
        done = replay(
            scratch,
            asked.model,
            start,
            end,
            now=lambda: now,
            only=_checks(scratch, asked),
            progress=lambda number, total, _: progress(what, number, total),
        )
    wanted = [one for one in done.alerts.values() if one["fired_at"] is not None and _is_wanted(asked, one)]
    return sorted(wanted, key=lambda one: (one["fired_at"], one["rule"], str(one["version"]), str(one["segment"])))


def _checks(scratch: Service, asked: Asked) -> set[str] | None:
    if asked.rules is None:
        return None
    with scratch.database.read() as connection:
        frame = Frame.load(scratch, connection, known_models.get(connection, asked.model))
        if frame is None:
            return set()
        hiding = {check.name for check in frame.checks if check.kind == "data_quality"}
        return hiding | {rule.check for rule in frame.rules if rule.name in asked.rules}


def _is_wanted(asked: Asked, alert: Mapping[str, Any]) -> bool:
    return asked.rules is None or alert["rule"] in asked.rules


def _prepared(service: Service, asked: Asked) -> tuple[list[Rule], list[Injection]]:
    """The rules that are asked for, as they would be, and the injections with what they leave open settled."""
    with service.database.read() as connection:
        model = known_models.get(connection, asked.model)
        frame = Frame.load(service, connection, _configured(model, asked))
        there = list(frame.rules) if frame is not None else []
        injections = [_settled(connection, model, one) for one in asked.injections]
    if asked.rules is None:
        return there, injections
    unknown = sorted(set(asked.rules) - {rule.name for rule in there})
    if unknown:
        names = ", ".join(rule.name for rule in there) or "none before a reference is set"
        raise Invalid(f"There is no rule {unknown[0]!r}; this model has: {names}", field="rule")
    return [rule for rule in there if rule.name in asked.rules], injections


def _configured(model: Model, asked: Asked) -> Model:
    if asked.document is None or asked.model not in asked.document.models:
        return model
    return replace(model, settings=apply_config.dump(asked.document.models[asked.model]))


def _settled(connection: Connection, model: Model, injection: Injection) -> Injection:
    if injection.kind == "concept":
        return injection
    column = _column(model, injection)
    return replace(injection, feature=column.name)


def _column(model: Model, injection: Injection) -> StoredColumn:
    """The feature named; else the first number (a unit needs one), else the first feature."""
    features = [one for one in model.columns if one.role == "feature" and one.storage in ("number", "string")]
    numbers = [one for one in features if one.storage == "number"]
    if injection.feature is None:
        found = numbers or ([] if injection.kind == "unit_change" else features)
        if not found:
            raise Invalid(f"Model {model.name!r} has no feature for a {injection.kind}", field="inject")
        return found[0]
    for one in numbers if injection.kind == "unit_change" else features:
        if one.name == injection.feature:
            return one
    there = ", ".join(one.name for one in features) or "none"
    words = f"There is no feature {injection.feature!r} for a {injection.kind} (there are: {there})"
    raise Invalid(words, field="feature")


@dataclass
class Struck:
    """How many ``labels`` that come by ``until`` an injection made others."""

    until: int
    labels: int = 0

    def count(self, before: pa.Table, after: pa.Table) -> pa.Table:
        """The labels after, counted."""
        others = pc.not_equal(before["value"], after["value"])
        self.labels += pc.sum(pc.and_(others, pc.less_equal(after["ts"], self.until))).as_py() or 0
        return after


def _changes(service: Service, name: str, injection: Injection, begins: int, struck: Struck) -> Changes:
    with service.database.read() as connection:
        model = known_models.get(connection, name)
    seed = zlib.crc32(f"{name} {injection} {begins}".encode())
    rng = np.random.default_rng(seed)
    yardstick: float | str | None = None  # of the first stretch that is struck and large enough

    def labels(old: pa.Table) -> pa.Table:
        nonlocal yardstick
        values = old["value"].combine_chunks()
        if model.task == "regression":
            numbers = pc.cast(values, pa.float64())
            yardstick = yardstick_of(numbers, ENOUGH) if yardstick is None else yardstick
            values = canonical(changed_labels(numbers, injection, rng, yardstick))
        else:
            values = changed_labels(values, injection, rng)
        new = pc.cast(values, old["value"].type)
        return struck.count(old, old.set_column(old.column_names.index("value"), "value", new))

    if injection.kind == "concept":
        return Changes(begins, lambda rows: rows, labels)
    physical = _column(model, injection).physical

    def predictions(rows: pa.Table) -> pa.Table:
        nonlocal yardstick
        values = rows[physical].combine_chunks()
        yardstick = yardstick_of(values, ENOUGH) if yardstick is None else yardstick
        values = changed_values(values, injection, rng, yardstick)
        return rows.set_column(rows.column_names.index(physical), physical, values)

    return Changes(begins, predictions, lambda labels: labels)


def _of_history(rule: Rule, alerts: Sequence[Mapping[str, Any]], days: float) -> dict[str, Any]:
    mine = [_short(one) for one in alerts if one["rule"] == rule.name]
    return {
        "rule": rule.name,
        "check": rule.check,
        "at": rule.at,
        "fired": len(mine),
        "per_month": round(len(mine) * 30 / days, 2),
        "alerts": mine,
        "injected": [],
    }


def _of_injection(
    rule: Rule,
    injection: Injection,
    alerts: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]],
    begins: int,
    until: int,
) -> dict[str, Any]:
    mine = [one for one in alerts if one["rule"] == rule.name]
    before = [one for one in mine if clock.parse(one["fired_at"]) <= begins]
    after = [one for one in mine if clock.parse(one["fired_at"]) > begins]
    fired = after[0]["fired_at"] if after else None
    anyway = [clock.parse(one["fired_at"]) for one in history if one["rule"] == rule.name]
    without = min((moment for moment in anyway if begins < moment <= until), default=None)
    return {
        "kind": injection.kind,
        "feature": injection.feature,
        "size": injection.size,
        "of": SIZES[injection.kind][1],
        "at": clock.render(begins),
        "watched_until": clock.render(until),
        "fired_at": fired,
        "fired_without": clock.optional(without),
        "delay_hours": None if fired is None else round((clock.parse(fired) - begins) / clock.HOUR, 2),
        "firing_before": any(one["resolved_at"] is None or clock.parse(one["resolved_at"]) > begins for one in before),
        "severity": after[0]["severity"] if after else None,
        "summary": after[0]["summary"] if after else None,
    }


def _short(alert: Mapping[str, Any]) -> dict[str, Any]:
    names = ("version", "segment", "severity", "fired_at", "resolved_at", "resolve_reason", "summary")
    return {name: alert[name] for name in names}
