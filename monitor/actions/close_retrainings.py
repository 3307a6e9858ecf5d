"""After a retraining that succeeded: whether the new version's windows are free of what the alert fired on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerting.closing import close
from alerting.reading import Reading
from monitor import clock
from monitor.actions.retraining_news import note, spread
from monitor.store import alerts, models, readings, summaries, trigger_runs
from monitor.store.database import Connection
from monitor.store.trigger_runs import TriggerRun

MOST = 100_000
SETTLED_AFTER = clock.DAY
LOOKED_FOR = 90 * clock.DAY  # a new version that has not come by then will not come of this retraining


def close_retrainings(
    connection: Connection, model_id: int, *, as_of: int, now: int, public_url: str, deliver: bool
) -> None:
    """Work out, in a run at ``as_of``, what became of every retraining that succeeded and was not closed yet.

    It is kept with the run, and once it is known also in the alert's timeline, and told to those who were told of it.
    """
    for run in trigger_runs.unclosed_runs(connection, model_id):
        if run.as_of < as_of <= run.as_of + LOOKED_FOR:
            _close(connection, run, as_of, now, public_url, deliver)


def _close(connection: Connection, run: TriggerRun, as_of: int, now: int, public_url: str, deliver: bool) -> None:
    alert = alerts.get_alert(connection, run.alert_id)
    evidence = _of_one_window(alerts.latest_evidence(connection, run.alert_id, until=run.as_of))
    if alert is None or not evidence:
        return
    version = _new_version(connection, run, as_of)
    found = [] if version is None else _readings(connection, run, evidence, version, as_of)
    closing = close(evidence, None if version is None else version.version, found, run.version)
    found_out = closing.to_json(as_of)
    if {**found_out, "as_of": None} == {**(run.closing or {}), "as_of": None}:
        return
    trigger_runs.set_fields(connection, run.id, closing=found_out)
    if closing.result == "not_yet_known":
        return
    reason = f"{run.trigger_name}: {_WORDS[closing.result]}: {closing.reason}"
    note(connection, run, alert, closing.result, reason, as_of, {"closing": found_out}, now=now)
    if deliver:
        spread(
            connection,
            run,
            alert,
            closing.result,
            reason,
            at=as_of,
            now=now,
            public_url=public_url,
            evidence=evidence,
            said={"closing": closing.result},
        )


_WORDS = {"recovered": "the retraining helped", "not_recovered": "the retraining did not help"}


def _of_one_window(evidence: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The evidence in the window of its worst reading."""
    return [one for one in evidence if one["window"] == evidence[0]["window"]]


def _new_version(connection: Connection, run: TriggerRun, as_of: int) -> models.Version | None:
    """The version that the run made: the one that it named; else the first whose predictions began after its success;
    else, where none has come for a day (some runs deploy before they end), the last that began while it ran."""
    known = models.list_versions(connection, run.model_id)
    there = [one for one in known if one.version and one.first_prediction <= as_of]
    if run.version is not None:
        return next((one for one in there if one.version == run.version), None)
    began, over = _ran(run)
    after = [one for one in there if one.first_prediction > over]
    during = [one for one in there if began < one.first_prediction <= over]
    soon = bool(after) and after[0].first_prediction <= over + SETTLED_AFTER
    if during and not soon:  # what comes later than a day takes nothing back
        return during[-1] if as_of >= over + SETTLED_AFTER else None
    return after[0] if after else None


def _ran(run: TriggerRun) -> tuple[int, int]:
    """When the orchestrator took the run and when it was over, in the time of the rows that came of it: in a replay
    that is history, while orchestrators work in wall time."""
    taken = run.accepted_at or run.started_at or run.requested_at
    over = run.ended_at or taken
    behind = run.requested_at - run.as_of if run.behind is None else run.behind
    return taken - behind, over - behind


def _readings(
    connection: Connection, run: TriggerRun, evidence: Sequence[Mapping[str, Any]], version: models.Version, as_of: int
) -> list[Reading]:
    """Readings of the version alone and of the evidence's features, in windows of its check and length of which the
    version, since the run was taken, has at least half.

    Where a window holds no other version, that is what the pooled readings are of.
    """
    worst = evidence[0]
    length = clock.parse(worst["window"]["end"]) - clock.parse(worst["window"]["start"])
    first = max(version.first_prediction, _ran(run)[0])
    first -= first % clock.HOUR
    query = readings.Query(
        check=worst["check"],
        features={each["feature"] or "" for each in evidence},
        segment=worst["segment"] or "",
        start=first + length // 2,
        end=as_of,
        all_revisions=True,  # what is known better since decides nothing
        limit=MOST,
    )
    made = [found.reading for found in readings.find(connection, run.model_id, query)]
    mine = [one for one in made if one.end - one.start == length and one.as_of <= as_of]
    mine.sort(key=lambda one: (one.as_of, one.revision))  # of each series and window the newest comes last
    own = [one for one in mine if one.version == version.version]
    known = {(one.start, one.end) for one in own}
    alone = {
        span
        for span in {(one.start, one.end) for one in mine} - known
        if _versions(connection, run.model_id, *span) == {version.version}
    }
    pooled = [replace(one, version=version.version) for one in mine if (one.start, one.end) in alone]
    return [*own, *pooled]


def _versions(connection: Connection, model_id: int, start: int, end: int) -> set[str]:
    rows = summaries.predicted(connection, model_id, start // clock.HOUR, end // clock.HOUR)
    return {name for name, _, count in rows if count}
