"""What late labels and rows say of alerts that are over: noted in their timeline, and nobody is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerting.correcting import now_known
from alerting.episode import JudgedWindow
from alerting.looking import look
from alerting.reading import Reading, as_evidence, worst_first
from alerting.rules import Rule
from monitor.actions.alert_run import AlertRun, Span
from monitor.store import alerts as store
from monitor.store.alerts import StateKey

Groups = Mapping[tuple[str | None, str | None], Mapping[Span, Sequence[Reading]]]


def correct_closed(run: AlertRun, rules: Sequence[Rule], by_check: Mapping[str, Groups]) -> list[str]:
    """Note on alerts that are over which of their windows are not at severity any more, or are again; their ids."""
    windows = _known_better(rules, by_check)
    if not windows:
        return []
    since = min(end for _, _, end in windows)
    latest: dict[tuple[str, StateKey, int, int], tuple[str, str]] = {}
    for one in store.judged_in(run.connection, run.model.id, since):
        said = one["now"] if one["kind"] == "corrected" else one["severity"]
        latest[one["alert"], one["key"], one["length_hours"], one["end"]] = (said, one["severity"])
    changed = []
    for (alert_id, key, length, end), (said, severity) in latest.items():
        rule, window = windows.get((key, length, end), (None, None))
        if rule is not None and window is not None and _note(run, rule, window, alert_id, said, severity):
            changed.append(alert_id)
    return changed


def _known_better(
    rules: Sequence[Rule], by_check: Mapping[str, Groups]
) -> dict[tuple[StateKey, int, int], tuple[Rule, JudgedWindow]]:
    return {
        (StateKey(rule.name, *scope), span[0], span[2]): (rule, JudgedWindow(*span, readings=tuple(found)))
        for rule in rules
        for scope, spans in by_check.get(rule.check, {}).items()
        for span, found in spans.items()
    }


def _note(run: AlertRun, rule: Rule, window: JudgedWindow, alert_id: str, said: str, severity: str) -> bool:
    seen = look(rule, window)
    now = seen.severity or "ok"
    if not seen.evaluated or (now == "ok") == (said == "ok"):
        return False
    was = store.latest_evidence(run.connection, alert_id)
    about = {(one["metric"], one["feature"]) for one in was}
    store.add_transition(
        run.connection,
        alert_id,
        at=run.as_of,
        now=run.wall_now,
        kind="corrected",
        severity=severity,
        reason=f"{now_known(window, seen, about)}; this alert was over by then",
        window=(window.end, window.length_hours),
        readings=[as_evidence(one) for one in (seen.bad or worst_first(window.readings))[:20]],
        details={"now": now},
    )
    store.merge_details(run.connection, alert_id, {"corrected": True})
    return True
