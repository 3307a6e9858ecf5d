"""One run: measure what is due at as_of, store readings, and step the alerts, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.reading import Reading
from monitor import clock
from monitor.actions import models as known_models
from monitor.actions import quiet_weeks
from monitor.actions.close_retrainings import close_retrainings
from monitor.actions.frame import Frame, Nothing
from monitor.actions.levels import segment_lengths
from monitor.actions.measuring.expected_loss import learn_losses
from monitor.actions.measuring.readings import judged_readings, readings_or_failure
from monitor.actions.measuring.task import Task
from monitor.actions.own_cuts import make_own_cuts, needs_own_cuts
from monitor.actions.prepare_reference import is_configured_otherwise, make_new_cuts
from monitor.actions.replaced_versions import replaced_versions
from monitor.actions.run_windows import Due, due
from monitor.actions.step_alerts import step_alerts
from monitor.actions.summarise_hours import summarise
from monitor.actions.vanished_segments import vanished_segments
from monitor.config.inventory import Check, newest_end
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import alerts, claims, config, locks, marks, quiet, readings, summaries
from monitor.store.marks import Measured

FEW = 40  # columns: some tenths of a second


@dataclass(frozen=True)
class Run:
    """What a run answers: its moment, readings, and the alerts that are open or that it changed."""

    as_of: int
    readings: Sequence[Reading]
    alerts: Sequence[dict[str, Any]]
    changed: bool = False


def run_checks(
    service: Service,
    name: str,
    as_of: int,
    *,
    now: int,
    checks: Collection[str] | None = None,
    deliver: bool = True,
    not_before: int | None = None,
    seen: Mapping[str, int] | None = None,
    claimed_by: str | None = None,
) -> Run:
    """Measure the checks (all, or those named) of a model as of a moment.

    ``not_before``: leave out windows that end at or before it. ``seen``: when each check ran before in this replay; a
    window that was its newest then already is left out. ``claimed_by``: this is a run of the schedule, which its holder
    has claimed and which is finished with it; windows that were measured already are left out.

    Raises NotFound for an unknown model, Invalid for an as_of that is yet to come or a check that does not exist.
    """
    if as_of > now:
        raise Invalid(f"as_of {clock.render(as_of)} is later than now ({clock.render(now)})", field="as_of")
    _count_waiting(service, name, as_of, now)
    with service.database.write(locks.model(name)) as connection:
        model = known_models.get(connection, name)
        frame = Frame.load(service, connection, model)
        chosen = _chosen(frame, checks)
        if frame is None:
            return Run(as_of, [], [])
        if claimed_by is not None and not claims.holds(connection, model.id, as_of, claimed_by):
            return Run(as_of, [], [])
        answer: list[Reading] = []
        stepping: list[Reading] = []
        again: list[Reading] = []
        for check in chosen:
            for length in check.lengths:
                fresh = _is_fresh(frame, check, length, as_of, seen, claimed_by is not None)
                made = _run_check(frame, check, length, as_of, not_before, fresh)
                answer += made.answer
                stepping += made.stepping
                again += made.again
        stepped = _step(frame, stepping, again, as_of, now, deliver, scheduled=claimed_by is not None)
        close_retrainings(
            connection,
            model.id,
            as_of=as_of,
            now=now,
            public_url=service.settings.public_url,
            deliver=deliver,
        )
        if claimed_by is not None:
            claims.finish(connection, model.id, as_of, now)
        changed = {alert["id"] for alert in stepped}
        still_open = [alert for alert in alerts.open_of(connection, model.id) if alert["id"] not in changed]
        return Run(as_of, answer, [*stepped, *still_open], changed=bool(stepped))


def _count_waiting(service: Service, name: str, as_of: int, now: int) -> None:
    """Bring summaries up to date, on new cuts if the configuration asks for other ones than there are."""
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        frame = Frame.load(service, connection, model) if known_models.has_checks(model) else None
        stale = frame is not None and len(frame.known) > 0 and is_configured_otherwise(model, frame.binning)
        own = known_models.has_checks(model) and needs_own_cuts(frame, model, as_of)
    if stale or own:
        with service.database.write(locks.model(name)) as connection:
            model = known_models.get(connection, name)
            if own:
                make_own_cuts(service, connection, model, as_of, now)
            else:
                make_new_cuts(service, connection, model, now)
    summarise(service, name, as_of // clock.HOUR, now)
    if known_models.has_checks(model):
        _prepare(service, name, as_of)


def _prepare(service: Service, name: str, as_of: int) -> None:
    """What references tell is found out before the run locks the store: a large one takes seconds, once, and of its
    segments there may be a hundred. The readings themselves are made anew by the run; where there is little to find
    out, the run does it alone."""
    with service.database.read() as connection:
        frame = Frame.load(service, connection, known_models.get(connection, name))
        if frame is not None and _parts(frame) > FEW:
            known = tuple(reference.id for reference in frame.known)
            key = ("prepared", frame.binning_id, known, frame.config_version, *_learned(frame, as_of))
            service.of_segments.get(key, lambda: _measure_once(frame, as_of))


def _learned(frame: Frame, as_of: int) -> list[Hashable]:
    """What short references have learned from the log, by length of the newest windows."""
    lengths = sorted({length for check in frame.checks if check.kind in quiet.DRIFT for length in check.lengths})
    return [quiet_weeks.state(frame, newest_end(one, as_of) // clock.HOUR - one, one) for one in lengths]


def _parts(frame: Frame) -> int:
    """Columns of the whole and of every segment; each is fitted by itself."""
    return len(frame.binning.columns) * (1 + sum(len(one.segments) for one in frame.binning.segments))


def _measure_once(frame: Frame, as_of: int) -> Nothing:
    for check in frame.checks:
        learn_losses(frame, check, as_of)
        drifts = check.kind in ("data_drift", "prediction_drift") and check.in_ledger
        lengths = check.lengths if drifts else segment_lengths(check)
        for length in lengths if not check.needs_labels else ():
            readings_or_failure(frame, Task(check, length, Due(newest_end(length, as_of), steps=False), as_of))
    return Nothing()


def _step(
    frame: Frame,
    stepping: list[Reading],
    again: list[Reading],
    as_of: int,
    now: int,
    deliver: bool,
    *,
    scheduled: bool,
) -> list[dict[str, Any]]:
    if not stepping and not again and all(rule.remind is None for rule in frame.rules):
        return []
    return step_alerts(
        frame.connection,
        frame.model,
        frame.rules,
        stepping,
        as_of=as_of,
        public_url=frame.service.settings.public_url,
        channels=config.objects(frame.connection, "channel"),
        triggers=config.objects(frame.connection, "trigger"),
        owner=frame.settings.owner,
        deliver=deliver,
        wall_now=now,
        importance={
            name: one.importance for name, one in frame.settings.features.items() if one.importance is not None
        },
        again=again,
        replaced=replaced_versions(frame, as_of),
        segments=frame.settings.segments,
        scheduled=scheduled,
        vanished=vanished_segments(frame, stepping),
    )


def _chosen(frame: Frame | None, names: Collection[str] | None) -> Sequence[Check]:
    existing = () if frame is None else frame.checks
    if names is None:
        return existing
    unknown = sorted(set(names) - {check.name for check in existing})
    if unknown:
        there = ", ".join(check.name for check in existing) or "none before a reference is set"
        raise Invalid(f"There is no check {unknown[0]!r}; this model has: {there}", field="checks")
    return [check for check in existing if check.name in names]


def _is_fresh(
    frame: Frame, check: Check, length: int, as_of: int, seen: Mapping[str, int] | None, scheduled: bool
) -> bool:
    """Whether the newest window is to be looked at: not by a schedule that has looked at it before."""
    newest = newest_end(length, as_of)
    if seen is not None and check.name in seen:
        return newest > newest_end(length, seen[check.name])
    return not (scheduled and marks.is_measured(frame.connection, frame.model.id, check.name, length, newest))


@dataclass(frozen=True)
class _Made:
    """Readings to answer with, those on which alerts may step, and those of windows that are known better now."""

    answer: list[Reading]
    stepping: list[Reading]
    again: list[Reading]


def _run_check(frame: Frame, check: Check, length: int, as_of: int, not_before: int | None, fresh: bool) -> _Made:
    made = _Made([], [], [])
    noted = []
    newest = newest_end(length, as_of)
    counted = summaries.counted_up_to(frame.connection, frame.model.id, as_of // clock.HOUR, frame.model.change)
    for one in due(frame, check, length, as_of, with_newest=fresh):
        if not_before is not None and one.end <= not_before:
            continue
        found = readings_or_failure(frame, Task(check, length, one, as_of))
        stored = readings.save(frame.connection, frame.model.id, frame.config_version, found)
        noted.append(Measured(one.end, counted, as_of))
        if one.steps or one.end == newest:
            made.answer.extend(stored)
        # what has not changed answers with the reading of an earlier run
        to_judge = made.stepping if one.steps else made.again
        to_judge.extend(judged_readings(stored))
    if noted:
        marks.note_measured(frame.connection, frame.model.id, check.name, length, noted)
    return made
