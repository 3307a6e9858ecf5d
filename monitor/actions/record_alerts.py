"""Writes what became of a rule in a run: the alert's row, its timeline, and what there is to tell of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerting.episode import Episode, Transition
from alerting.incidents import moved
from alerting.inhibition import Broken, hidden_now, split
from alerting.looking import look
from alerting.muting import Silence, silencing
from alerting.plan import Change, is_told
from alerting.reading import as_evidence, worst_first
from alerting.routing import heard_by
from alerting.rules import Rule
from alerting.timeline import EVIDENCE
from monitor.actions.alert_run import AlertRun, Stepped
from monitor.actions.request_retraining import Asked, request_retraining
from monitor.store import alerts as store
from monitor.store import outbox, trigger_runs

_LACKS = ("data_missing", "check_failing", "no_data", "error")
_ENDS = ("resolved", "not_confirmed")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Noted:
    """What is told of an episode by now: ``told`` its firing, or ``held`` back by a silence or by broken data; who
    ``heard`` of it in this run."""

    told: bool
    held: bool
    heard: tuple[str, ...] = ()


def record(run: AlertRun, one: Stepped) -> list[Change]:
    """Write the alert's row, timeline and state, and the marks of what is judged; what there is to tell."""
    episode = one.before.episode
    of, noted = (None, Noted(False, False)) if episode is None else (episode.id, Noted(episode.told, episode.held))
    changes = []
    for transition in one.transitions:
        if transition.episode.id != of:
            of, noted = transition.episode.id, Noted(False, False)
        _save_row(run, one, transition)
        change, held = _change(run, one, transition, noted)
        heard = change.notify if is_told(change) else ()
        noted = Noted(noted.told or bool(heard), noted.held or held, (*noted.heard, *heard))
        changes.append(change)
    told_now = any(is_told(change) for change in changes)
    late = _uncovered(run, one, told_now) if noted.held else None
    if late is not None:
        noted = Noted(noted.told or is_told(late), held=False)
        changes.append(late)
    _keep(run, one, noted)
    return changes


def _change(run: AlertRun, one: Stepped, transition: Transition, noted: Noted) -> tuple[Change, bool]:
    """The transition in the timeline, with a retraining asked for where the rule says so; and whether it is held back.

    What is hidden by broken data is in the timeline, and left out of what is told.
    """
    (alert,) = store.get_alerts(run.connection, [transition.episode.id])
    silence = silencing(run.silences, alert, run.wall_now)
    evidence = [as_evidence(reading) for reading in transition.readings]
    if not evidence and transition.kind == "reminder":
        evidence = store.latest_evidence(run.connection, alert["id"])
    visible, hidden, total = _told_of(one, transition, evidence)
    store.add_transition(
        run.connection,
        alert["id"],
        at=run.as_of,
        now=run.wall_now,
        kind=transition.kind,
        severity=transition.severity,
        reason=transition.reason,
        window=None if transition.window is None else (transition.window.end, transition.window.length_hours),
        readings=evidence,
        details=_details(run, one, transition, silence) | _hidden(hidden, evidence, visible, total),
    )
    out_of_sight = bool(hidden) and not visible
    why_hidden = f"{hidden[0].rule} fires: {hidden[0].reason}" if out_of_sight else None
    held_back = silence is not None or out_of_sight
    over = transition.kind in _ENDS and noted.told  # what was told ends for all who heard of it, however it ends
    change = Change(
        "resolved" if over else transition.kind,
        alert,
        (over and _told_before(run, alert, noted)) or heard_by(one.rule.notify, run.routes, alert),
        visible,
        total=total,
        reason=transition.reason + _left_out(hidden),
        told=noted.told,
    )
    held = held_back and is_told(change) and transition.kind in ("firing", "raised")
    asked = None
    if transition.kind == "firing" and one.rule.trigger is not None and run.deliver:
        held = held or held_back
        asked = request_retraining(run.connection, _asked(run, one.rule, alert, evidence, silence, hidden=why_hidden))
    return replace(change, silenced=held_back, triggered=asked), held


def _told_before(run: AlertRun, alert: Json, noted: Noted) -> tuple[str, ...]:
    """Who was told of an alert by now, whomever its rule notifies since."""
    earlier = [name for name, _ in outbox.told_of(run.connection, str(alert["id"]))]
    return tuple(dict.fromkeys(name for name in (*earlier, *noted.heard) if name in run.routes))


def _told_of(one: Stepped, transition: Transition, evidence: Sequence[Json]) -> tuple[list[Json], list[Broken], int]:
    """What of a transition is to be told, worst first; what hides the rest; how many series are told of."""
    if not one.broken or transition.kind in _ENDS:  # who was told of it is told of its end
        return list(evidence), [], transition.total
    if transition.kind in ("firing", "raised") and transition.window is not None:
        evidence = [as_evidence(reading) for reading in look(one.rule, transition.window).bad]
    visible, hidden = split(one.broken, one.key.segment, evidence)
    if not hidden:
        return visible, [], transition.total
    return visible, list(hidden.values()), _number_of(visible)


def _number_of(series: Sequence[Json]) -> int:
    return len({(reading["metric"], reading["feature"]) for reading in series})


def _left_out(hidden: Sequence[Broken]) -> str:
    return "".join(f"; some of it is not told, as {one.rule} fires: {one.reason}" for one in hidden[:1])


def _details(run: AlertRun, one: Stepped, transition: Transition, silence: Silence | None) -> dict[str, Any]:
    found: dict[str, Any] = {"series": transition.total}
    window = transition.window
    if transition.kind in ("firing", "raised") and window is not None:
        found["moved"] = moved(window.readings, run.importance)
    if transition.kind == "corrected" and window is not None:
        found["now"] = look(one.rule, window).severity or "ok"
    return found if silence is None else {**found, "silenced_by": silence.id}


def _hidden(hidden: Sequence[Broken], evidence: Sequence[Json], visible: Sequence[Json], total: int) -> dict[str, Any]:
    """What of the evidence nobody is told, and by what; how many series were told of."""
    if not hidden:
        return {}
    shown = {(one["metric"], one["feature"]) for one in visible}
    series = [(one["metric"], one["feature"]) for one in evidence]
    left_out = [list(one) for one in dict.fromkeys(series) if one not in shown]
    return {"hidden_by": [broken.as_json() for broken in hidden], "hidden": left_out, "told": total}


def _asked(
    run: AlertRun, rule: Rule, alert: Json, evidence: Sequence[Json], silence: Silence | None, *, hidden: str | None
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
        hidden=hidden,
        scheduled=run.scheduled,
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
    if transition.kind in store.AT_SEVERITY and transition.readings:
        values |= _in_words([as_evidence(reading) for reading in transition.readings], transition.total)
    elif transition.kind in _LACKS and not episode.series:
        values["summary"], values["reasons"] = transition.reason, [transition.reason]
    if transition.kind == "raised":
        values["acknowledged_at"] = None
    store.save_alert(run.connection, episode.id, values)
    changes = _row_details(transition)
    if changes:
        store.merge_details(run.connection, episode.id, changes)


def _in_words(evidence: Sequence[Json], total: int) -> dict[str, Any]:
    """What the alert says of itself: its newest evidence, worst first, of so many series."""
    reasons = [store.sentence_of(one) for one in evidence[:EVIDENCE]]
    return {"summary": store.summary_of(evidence, total), "reasons": reasons}


def _row_details(transition: Transition) -> dict[str, Any]:
    """What the alert itself shows of it, beside its timeline."""
    found: dict[str, Any] = {}
    if transition.kind == "firing" and transition.episode.unstable:
        found["unstable"] = True
    if transition.kind == "stable":
        found["unstable"] = None
    if transition.kind == "raised":
        found["raised"] = True
    if transition.kind == "raised" and transition.episode.acknowledged is False:
        found |= {"acknowledged_by": None, "acknowledged_comment": None}
    if transition.kind == "corrected":
        found["corrected"] = True
    return found


def _of_episode(episode: Episode) -> dict[str, Any]:
    return {
        "severity": episode.severity,
        "state": episode.state,
        "condition": episode.condition,
        "fired_at": episode.fired_at,
        "resolved_at": episode.resolved_at,
        "resolve_reason": episode.resolve_reason,
    }


def _uncovered(run: AlertRun, one: Stepped, told: bool) -> Change | None:
    """A firing that was held back and is not any more, if it is still there: it is told now, unless something else in
    this run ``told`` of it, and the retraining is asked for."""
    episode = one.after.episode
    if episode is None or episode.state != "firing" or episode.down or not one.after.bad or not run.deliver:
        return None
    now_bad = worst_first(reading for window in one.windows for reading in look(one.rule, window).bad)
    evidence: Sequence[Json] = [as_evidence(reading) for reading in now_bad]
    evidence = evidence or store.latest_evidence(run.connection, episode.id)
    visible, by = split(one.broken, one.key.segment, evidence)
    hidden, total = list(by.values()), _number_of(visible) if by else len(one.after.bad)
    (alert,) = store.get_alerts(run.connection, [episode.id])
    if not visible or silencing(run.silences, alert, run.wall_now) is not None:
        return None
    if now_bad:
        alert |= (words := _in_words(visible, total))
        store.set_fields(run.connection, episode.id, **words)
    reason = "what held it back is over, and it is still there"
    store.add_transition(
        run.connection,
        episode.id,
        at=run.as_of,
        now=run.wall_now,
        kind="uncovered",
        severity=episode.severity,
        reason=reason,
        readings=visible[:EVIDENCE],
        details={"series": len(one.after.bad)} | _hidden(hidden, evidence, visible, total),
    )
    asked = None
    if one.rule.trigger is not None and not trigger_runs.runs_of_alert(run.connection, episode.id):
        asked = request_retraining(run.connection, _asked(run, one.rule, alert, visible, None, hidden=None))
    notify = () if told else heard_by(one.rule.notify, run.routes, alert)
    reason += _left_out(hidden)
    return Change("uncovered", alert, notify, visible, total=total, reason=reason, triggered=asked)


def _keep(run: AlertRun, one: Stepped, noted: Noted) -> None:
    """The state for the next run, and the marks that no window is judged twice."""
    after = one.after
    if after.episode is not None:
        episode = replace(after.episode, told=noted.told, held=noted.held)
        after = replace(after, episode=episode)
        store.set_fields(run.connection, episode.id, **_of_episode(episode))
        _note_hidden(run, one, episode)
        _note_newest(run, one, episode)
    if after != one.before:
        store.save_state(run.connection, run.model.id, one.key, after.to_dict())
    marks = [(one.key, window.length_hours, window.end) for window in one.windows if window.readings]
    store.mark_judged(run.connection, run.model.id, marks, run.as_of)


def _note_newest(run: AlertRun, one: Stepped, episode: Episode) -> None:
    """What the newest window at severity found, of the shortest where there are several, on the alert itself: what
    moved, and where nothing was noted in this run, in words."""
    bad = [window for window in one.windows if look(one.rule, window).severity is not None]
    if episode.state != "firing" or not bad:
        return
    newest = max(bad, key=lambda window: (-window.length_hours, window.end))
    changes: dict[str, Any] = {store.MOVED: moved(newest.readings, run.importance) or None, store.SEEN: run.as_of}
    store.merge_details(run.connection, episode.id, changes)
    if any(it.kind in store.AT_SEVERITY and it.readings for it in one.transitions):
        return
    visible, _ = split(one.broken, one.key.segment, [as_evidence(it) for it in look(one.rule, newest).bad])
    if visible:
        store.set_fields(run.connection, episode.id, **_in_words(visible, _number_of(visible)))


def _note_hidden(run: AlertRun, one: Stepped, episode: Episode) -> None:
    """What hides drift of this alert now, on the alert itself."""
    kind = next((reading.kind for window in one.windows for reading in window.readings), None)
    if kind is None and one.broken:
        return  # as it was: no new window says otherwise
    hidden = hidden_now(one.broken, one.key.segment, kind or "", one.after)
    shown = [broken.as_json() for broken in hidden]
    store.merge_details(run.connection, episode.id, {"hidden_by": shown or None})
