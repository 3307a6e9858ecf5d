"""From judged readings to alerts: steps the rules, writes the timeline, and puts what is to be told into the outbox.

Everything happens in the caller's transaction: no alert without its message, no message without its alert.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerting.absence import newly_gone
from alerting.episode import SUPERSEDED, Absence, AlertState, JudgedWindow
from alerting.inhibition import broken_by
from alerting.muting import Silence
from alerting.plan import Change
from alerting.reading import Reading
from alerting.rules import Rule
from alerting.state import step
from alerting.words import HOUR, in_words
from monitor.actions.alert_run import AlertRun, KnownModel, Settings, Span, Stepped, Vanished
from monitor.actions.approve_retraining import ask_people
from monitor.actions.correct_alerts import Groups, correct_closed
from monitor.actions.end_episode import end_episodes, end_orphans
from monitor.actions.record_alerts import record
from monitor.actions.silence_alerts import end_what_came
from monitor.actions.tell_alert import tell_changes
from monitor.store import alerts as store
from monitor.store.alerts import StateKey
from monitor.store.database import Connection
from monitor.store.readings import told_before
from monitor.store.silences import active_silences
from monitor.store.summaries import newest_row

IMMATURE_LABELS = "immature_labels"


def step_alerts(
    connection: Connection,
    model: KnownModel,
    rules: Sequence[Rule],
    readings: Sequence[Reading],
    *,
    as_of: int,
    public_url: str,
    channels: Settings,
    triggers: Settings,
    owner: str | None,
    deliver: bool,
    wall_now: int,
    importance: Mapping[str, float],
    again: Sequence[Reading] = (),
    replaced: Mapping[str, str] | None = None,
    segments: Collection[str] | None = None,
    scheduled: bool = False,
    vanished: Vanished | None = None,
) -> list[dict[str, Any]]:
    """Step every rule on the windows that end after the last one judged for it; the alerts that took part, as JSON.

    ``rules`` are all rules of the model, ``segments`` its columns of segments (None: not known): an open alert that
    none of them speaks of is resolved.
    ``readings`` are the judged ones of windows that may step, ``again`` those of windows that were measured again: they
    correct alerts and fire none. ``channels`` and ``triggers`` are settings by name. ``replaced``: by version that
    nobody serves any more the one that took over; its episodes end, and it begins none. ``scheduled``: this run was
    due. ``vanished``: of these windows what has no rows any more, where that is news.
    Without ``deliver`` states change and nobody is told, nor a retraining asked for.
    """
    end_what_came(connection, model.id, as_of, wall_now, deliver=deliver)
    silences = [Silence(*row) for row in active_silences(connection, wall_now)]
    run = AlertRun(
        connection,
        model,
        as_of,
        wall_now,
        public_url,
        owner,
        channels,
        triggers,
        deliver,
        silences,
        importance,
        replaced or {},
        scheduled,
        vanished or {},
    )
    ended = [*_end_orphans(run, rules, segments), *_end_replaced(run)]
    corrected = correct_closed(run, rules, _by_check(again)) if again else []
    stepped = _step_all(run, rules, readings, again)
    changes = [change for one in sorted(stepped, key=_is_not_quality) for change in record(run, one)]
    _tell(run, changes)
    touched = [*ended, *corrected, *(alert_id for one in stepped for alert_id in one.alert_ids)]
    return store.get_alerts(connection, list(dict.fromkeys(touched)))


def _end_orphans(run: AlertRun, rules: Sequence[Rule], segments: Collection[str] | None) -> list[str]:
    return end_orphans(
        run.connection,
        run.model.id,
        rules,
        segments,
        at=run.as_of,
        now=run.wall_now,
        public_url=run.public_url,
        deliver=run.deliver,
    )


def _end_replaced(run: AlertRun) -> list[str]:
    """End the episodes of versions that nobody serves any more."""
    if not run.replaced:
        return []
    endings: dict[str, tuple[str, str | None]] = {}
    for alert in store.open_of(run.connection, run.model.id):
        _, key = store.alert_key(run.connection, alert["id"])
        evidence = store.latest_evidence(run.connection, alert["id"]) if key.version is None else []
        newer = _newer(run, key, _kind_of_version(evidence[0]["kind"], evidence[0]["details"]) if evidence else None)
        if newer is not None:
            reason = _why_over(run, key.version or "", newer)
            store.merge_details(run.connection, alert["id"], {"superseded_by": newer})
            endings[alert["id"]] = (SUPERSEDED, reason)
    return end_episodes(
        run.connection,
        run.model.id,
        endings,
        at=run.as_of,
        now=run.wall_now,
        public_url=run.public_url,
        deliver=run.deliver,
    )


def _why_over(run: AlertRun, version: str, other: str) -> str:
    old = f"version {version}" if version else "the version without a name"
    after = f"{other or 'the version without a name'} took over"
    newest = newest_row(run.connection, run.model.id, version, run.as_of // HOUR)
    if newest is None:
        return f"{old} has no rows any more; {after}"
    return f"{old} has had no rows since {in_words(newest)}; {after}"


def _newer(run: AlertRun, key: StateKey, kind: str | None) -> str | None:
    """The version that took over from the one that a rule's state is about; None where that is served, or where all
    versions are judged together. Of performance, no version means rows without one."""
    version = "" if key.version is None and kind == "performance" else key.version
    return None if version is None else run.replaced.get(version)


def _step_all(
    run: AlertRun, rules: Sequence[Rule], readings: Sequence[Reading], again: Sequence[Reading]
) -> list[Stepped]:
    states = store.load_states(run.connection, run.model.id)
    last = store.last_judged(run.connection, run.model.id)
    by_check, known_better = _by_check(readings), _by_check(again)
    stepped = []
    for rule in rules:
        groups = by_check.get(rule.check, {})
        keys = dict.fromkeys(StateKey(rule.name, *scope) for scope in groups)
        keys |= dict.fromkeys(key for key in states if key.rule == rule.name)
        for key in keys:
            if _newer(run, key, _kind(groups)) is not None:
                continue
            before = AlertState.from_dict(states.get(key, {}))
            has_series = before.episode is not None and bool(before.episode.series)
            new, old = [], []
            for window in _windows(groups, key, with_missing=has_series):
                judged = last.get((key, window.length_hours))
                if judged is None or window.end > judged:
                    new.append(_with_news(run, rule, key, before, window))
                else:
                    old.append(window)
            old += _windows(known_better.get(rule.check, {}), key, with_missing=False)
            after, said = step(rule, before, new, at=run.as_of, new_id=_new_alert_id, again=old)
            stepped.append(Stepped(rule, key, before, after, said, new))
    broken = [one for one in (broken_by(it.rule.name, it.key.segment, it.after) for it in stepped) if one is not None]
    return [replace(one, broken=broken) for one in stepped]


def _with_news(run: AlertRun, rule: Rule, key: StateKey, before: AlertState, window: JudgedWindow) -> JudgedWindow:
    """The window with what has no rows any more, and with the series that it lacks and that could not be told before
    either."""
    span = (window.length_hours, window.start, window.end)
    window = replace(window, vanished=run.vanished.get((rule.check, span, key.segment), frozenset()))
    gone = newly_gone(before.absent.get(window.length_hours, Absence()), window)
    if not gone:
        return window
    features = {feature for _, feature in gone}
    told = told_before(run.connection, run.model.id, rule.check, window.length_hours, window.end, features)
    never = {series for series in gone if (*series, key.version or None, key.segment) not in told}
    return replace(window, never=frozenset(never))


def _is_not_quality(one: Stepped) -> bool:
    """What is wrong with the data themselves comes first: it keeps a retraining from being asked for."""
    return not any(reading.kind == "data_quality" for window in one.windows for reading in window.readings)


def _kind(groups: Groups) -> str | None:
    found = (reading for spans in groups.values() for readings in spans.values() for reading in readings)
    return next((_kind_of_version(one.kind, one.details) for one in found), None)


def _kind_of_version(kind: str, details: Mapping[str, Any]) -> str | None:
    """None where all versions are judged together, also of a kind that judges each by itself."""
    return None if details.get("pooled") else kind


def _by_check(
    readings: Iterable[Reading],
) -> dict[str, dict[tuple[str | None, str | None], dict[Span, list[Reading]]]]:
    """Judged readings by check, then version and segment, then window; those that wait for labels come again later."""
    found: dict[str, dict[tuple[str | None, str | None], dict[Span, list[Reading]]]] = {}
    for reading in readings:
        if reading.verdict is not None and reading.reason != IMMATURE_LABELS:
            span = (reading.length_hours, reading.start, reading.end)
            scopes = found.setdefault(reading.check, {})
            scopes.setdefault((reading.version, reading.segment), {}).setdefault(span, []).append(reading)
    return found


def _windows(groups: Groups, key: StateKey, *, with_missing: bool) -> list[JudgedWindow]:
    """The check's windows in this run; one that has nothing of this version and segment is missing data."""
    mine = groups.get((key.version, key.segment), {})
    spans = dict.fromkeys(span for windows in groups.values() for span in windows) if with_missing else mine
    return [JudgedWindow(*span, readings=tuple(mine.get(span, ()))) for span in spans]


def _tell(run: AlertRun, changes: Sequence[Change]) -> None:
    tell_changes(
        run.connection,
        changes,
        model_id=run.model.id,
        model=run.model.name,
        at=run.as_of,
        now=run.wall_now,
        public_url=run.public_url,
        routes=run.routes,
    )
    if run.deliver:
        ask_people(run.connection, run.model.id, as_of=run.as_of, now=run.wall_now, public_url=run.public_url)


def _new_alert_id() -> str:
    return f"alert-{secrets.token_hex(8)}"
