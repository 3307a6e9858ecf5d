"""From judged readings to alerts: steps the rules, writes the timeline, and puts what is to be told into the outbox.

Everything happens in the caller's transaction: no alert without its message, no message without its alert.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from alerting.episode import AlertState, Episode, JudgedWindow, Transition
from alerting.incidents import moved
from alerting.muting import Silence, silencing
from alerting.plan import Change, is_told, plan
from alerting.reading import Reading, as_evidence
from alerting.registry import channel_of
from alerting.rules import Rule
from alerting.state import headline, step
from monitor.actions.end_episode import end_episode, orphans
from monitor.actions.request_retraining import Asked, request_retraining
from monitor.store import alerts as store
from monitor.store.alerts import StateKey
from monitor.store.database import Connection
from monitor.store.outbox import enqueue
from monitor.store.silences import active_silences

IMMATURE_LABELS = "immature_labels"
Settings = Mapping[str, Mapping[str, Any]]
Span = tuple[int, int, int]  # length in hours, start, end


class KnownModel(Protocol):
    """What is needed of a model."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class AlertRun:
    """One run of one model, as far as alerts are concerned. ``as_of`` is its own time, ``wall_now`` the clock's."""

    connection: Connection
    model: KnownModel
    as_of: int
    wall_now: int
    public_url: str
    owner: str | None
    channels: Settings
    triggers: Settings
    deliver: bool
    silences: Sequence[Silence]
    importance: Mapping[str, float]

    @property
    def one_by_one(self) -> dict[str, bool]:
        """Of every channel that can be sent to, whether it takes one transition per message; none without delivery."""
        if not self.deliver:
            return {}
        known = {name: channel_of(raw) for name, raw in self.channels.items()}
        return {name: channel.one_by_one for name, channel in known.items() if channel is not None}


@dataclass(frozen=True, slots=True)
class Stepped:
    """One rule's state after the run, what changed, and the windows it was given."""

    rule: Rule
    key: StateKey
    before: AlertState
    after: AlertState
    transitions: Sequence[Transition]
    windows: Sequence[JudgedWindow]

    @property
    def is_quality(self) -> bool:
        """Whether it looks at the data themselves."""
        return any(reading.kind == "data_quality" for window in self.windows for reading in window.readings)

    @property
    def alert_ids(self) -> list[str]:
        """Alerts whose episode took part, oldest first, each once."""
        episodes = [self.before.episode if self.windows or self.transitions else None]
        episodes += [one.episode for one in self.transitions]
        return list(dict.fromkeys(one.id for one in episodes if one is not None))


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
) -> list[dict[str, Any]]:
    """Step every rule on the windows that end after the last one judged for it; the alerts that took part, as JSON.

    ``rules`` are all rules of the model: an open alert that none of them speaks of is resolved.
    ``readings`` are the judged ones of windows that may step; ``channels`` and ``triggers`` are settings by name.
    Without ``deliver`` states change and nobody is told, nor a retraining asked for.
    """
    silences = [Silence(*row) for row in active_silences(connection, wall_now)]
    run = AlertRun(
        connection, model, as_of, wall_now, public_url, owner, channels, triggers, deliver, silences, importance
    )
    ended = _end_orphans(run, rules)
    stepped = _step_all(run, rules, readings)
    changes: list[Change] = []
    for one in sorted(
        stepped, key=lambda one: not one.is_quality
    ):  # broken data keep a retraining from being asked for
        told, said = _record(run, one)
        changes += said
        _keep(run, one, told)
    _tell(run, changes)
    return store.get_alerts(connection, [*ended, *(alert_id for one in stepped for alert_id in one.alert_ids)])


def _end_orphans(run: AlertRun, rules: Sequence[Rule]) -> list[str]:
    ended = orphans(run.connection, run.model.id, rules)
    for alert_id, why in ended.items():
        end_episode(
            run.connection,
            alert_id,
            why,
            at=run.as_of,
            now=run.wall_now,
            public_url=run.public_url,
            deliver=run.deliver,
        )
    return list(ended)


def _step_all(run: AlertRun, rules: Sequence[Rule], readings: Sequence[Reading]) -> list[Stepped]:
    states = store.load_states(run.connection, run.model.id)
    last = store.last_judged(run.connection, run.model.id)
    by_check = _by_check(readings)
    stepped = []
    for rule in rules:
        groups = by_check.get(rule.check, {})
        keys = dict.fromkeys(StateKey(rule.name, *scope) for scope in groups)
        keys |= dict.fromkeys(key for key in states if key.rule == rule.name)
        for key in keys:
            before = AlertState.from_dict(states.get(key, {}))
            windows = [
                one
                for one in _windows(groups, key, with_missing=before.episode is not None)
                if one.end > last.get((key, one.length_hours), one.start)
            ]
            after, said = step(rule, before, windows, at=run.as_of, new_id=_new_alert_id)
            stepped.append(Stepped(rule, key, before, after, said, windows))
    return stepped


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


def _windows(
    groups: Mapping[tuple[str | None, str | None], Mapping[Span, Sequence[Reading]]], key: StateKey, with_missing: bool
) -> list[JudgedWindow]:
    """The check's windows in this run; one that has nothing of this version and segment is missing data."""
    mine = groups.get((key.version, key.segment), {})
    spans = dict.fromkeys(span for windows in groups.values() for span in windows) if with_missing else mine
    return [JudgedWindow(*span, readings=tuple(mine.get(span, ()))) for span in spans]


def _record(run: AlertRun, one: Stepped) -> tuple[bool, list[Change]]:
    """Write the alert's row and timeline; whether its firing has been told by now, and what there is to tell."""
    told = one.before.episode is not None and one.before.episode.told
    changes = []
    for transition in one.transitions:
        if transition.kind == "pending":
            told = False
        _save_row(run, one, transition)
        change = _change(run, one, transition, told)
        told = told or is_told(change)
        changes.append(change)
    return told, changes


def _change(run: AlertRun, one: Stepped, transition: Transition, told: bool) -> Change:
    """The transition in the timeline, with a retraining asked for where the rule says so."""
    (alert,) = store.get_alerts(run.connection, [transition.episode.id])
    silence = silencing(run.silences, alert, run.wall_now)
    evidence = [as_evidence(reading) for reading in transition.readings]
    if not evidence and transition.kind == "reminder":
        evidence = store.latest_evidence(run.connection, alert["id"])
    store.add_transition(
        run.connection,
        alert["id"],
        at=run.as_of,
        kind=transition.kind,
        severity=transition.severity,
        reason=transition.reason,
        window=None if transition.window is None else (transition.window.end, transition.window.length_hours),
        readings=evidence,
        details=_details(run, transition, silence),
    )
    asked = None
    if transition.kind == "firing" and one.rule.trigger is not None and run.deliver:
        asked = request_retraining(run.connection, _asked(run, one.rule, alert, evidence, silence))
    notify = tuple(name for name in one.rule.notify if name in run.one_by_one)
    return Change(
        transition.kind,
        alert,
        notify,
        evidence,
        total=transition.total,
        reason=transition.reason,
        told=told,
        silenced=silence is not None,
        triggered=asked,
    )


def _details(run: AlertRun, transition: Transition, silence: Silence | None) -> dict[str, Any]:
    found: dict[str, Any] = {"series": transition.total}
    if transition.kind in ("firing", "raised") and transition.window is not None:
        found["moved"] = moved(transition.window.readings, run.importance)
    return found if silence is None else {**found, "silenced_by": silence.id}


def _asked(
    run: AlertRun, rule: Rule, alert: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]], silence: Silence | None
) -> Asked:
    name = str(rule.trigger)
    return Asked(
        model_id=run.model.id,
        rule=rule.name,
        cooldown=rule.cooldown,
        trigger=name,
        settings=run.triggers.get(name),
        alert=alert,
        readings=evidence,
        as_of=run.as_of,
        now=run.wall_now,
        public_url=run.public_url,
        silenced=silence is not None,
    )


def _save_row(run: AlertRun, one: Stepped, transition: Transition) -> None:
    episode = transition.episode
    values: dict[str, Any] = {
        "model_id": run.model.id,
        "rule": one.rule.name,
        "check_name": one.rule.check,
        "version": one.key.version,
        "segment": one.key.segment,
        "owner": run.owner,
        "started_at": episode.started_at,
        "updated_at": run.wall_now,
        **_of_episode(episode),
    }
    if transition.kind in ("pending", "firing", "raised"):
        values["summary"] = headline(transition.readings, transition.total)
        values["reasons"] = [reading.summary for reading in transition.readings]
    if transition.kind == "raised":
        values["acknowledged_at"] = None
    store.save_alert(run.connection, episode.id, values)


def _of_episode(episode: Episode) -> dict[str, Any]:
    return {
        "severity": episode.severity,
        "state": episode.state,
        "condition": episode.condition,
        "fired_at": episode.fired_at,
        "resolved_at": episode.resolved_at,
        "resolve_reason": episode.resolve_reason,
    }


def _keep(run: AlertRun, one: Stepped, told: bool) -> None:
    """The state for the next run, and the marks that no window is judged twice."""
    after = one.after
    if after.episode is not None:
        episode = replace(after.episode, told=told)
        after = replace(after, episode=episode)
        store.set_fields(run.connection, episode.id, **_of_episode(episode))
    if after != one.before:
        store.save_state(run.connection, run.model.id, one.key, after.to_dict())
    marks = [(one.key, window.length_hours, window.end) for window in one.windows if window.readings]
    store.mark_judged(run.connection, run.model.id, marks, run.as_of)


def _tell(run: AlertRun, changes: Sequence[Change]) -> None:
    messages = plan(
        changes,
        model=run.model.name,
        at=run.as_of,
        public_url=run.public_url,
        one_by_one=run.one_by_one,
        model_lane=f"model {run.model.id}",
    )
    for message in messages:
        enqueue(
            run.connection,
            webhook_id=new_message_id(),
            kind=message.kind,
            target=message.target,
            lane=message.lane,
            body=message.body,
            alert_ids=message.alert_ids,
            now=run.wall_now,
            model_id=run.model.id,
        )


def new_message_id() -> str:
    """A new ``webhook-id``, kept through all retries."""
    return f"msg_{secrets.token_hex(12)}"


def _new_alert_id() -> str:
    return f"alert-{secrets.token_hex(8)}"
