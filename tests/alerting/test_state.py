"""The life of an alert, by example and by property."""

from __future__ import annotations

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.episode import AlertState, JudgedWindow, Transition
from alerting.rules import Rule
from alerting.state import step
from alerting.words import DAY, HOUR, rank
from tests.alerting.make import MIDNIGHT, reading, window

ONE = Rule("drift", "data_drift")
TWO = Rule("drift", "data_drift", for_=2)


def live(
    rule: Rule, windows: list[JudgedWindow], state: AlertState | None = None
) -> tuple[AlertState, list[Transition]]:
    """One run per window; the state goes through JSON in between, as it does in the store."""
    ids = (f"a{i}" for i in itertools.count(1))
    state, found = state or AlertState(), []
    for one in windows:
        state, said = step(rule, state, [one], at=one.end, new_id=lambda: next(ids))
        state = AlertState.from_dict(json.loads(json.dumps(state.to_dict())))
        found += said
    return state, found


def days(*kinds: str | tuple[str, ...]) -> list[JudgedWindow]:
    return [
        window(*((kind,) if isinstance(kind, str) else kind), end=MIDNIGHT + i * DAY) for i, kind in enumerate(kinds)
    ]


def kinds(said: list[Transition]) -> list[str]:
    return [one.kind for one in said]


def test_fires_at_once_and_resolves_after_two_clean_windows() -> None:
    state, said = live(ONE, days("warning", "ok", "ok"))
    assert kinds(said) == ["pending", "firing", "resolved"]
    assert state == AlertState()
    assert [one.episode.id for one in said] == ["a1"] * 3
    assert said[-1].episode.resolve_reason == "recovered"
    assert all(one.reason for one in said)


def test_for_counts_windows_in_a_row_whatever_the_feature() -> None:
    _, said = live(TWO, days(("warning", "ok"), ("ok", "warning")))
    assert kinds(said) == ["pending", "firing"]
    _, said = live(TWO, days("warning", "ok", "warning"))
    assert kinds(said) == ["pending", "not_confirmed", "pending"]
    assert [one.episode.id for one in said] == ["a1", "a1", "a2"]


def test_missing_data_counts_neither_way() -> None:
    _, said = live(TWO, days("warning", "cannot_tell", "warning"))
    assert kinds(said) == ["pending", "no_data", "data_back", "firing"]
    state, said = live(ONE, days("warning", "ok", "cannot_tell", "ok"))
    assert kinds(said) == ["pending", "firing", "no_data", "data_back", "resolved"]
    assert state.episode is None


def test_an_episode_without_data_says_so_and_goes_on() -> None:
    state, _ = live(ONE, [*days("warning"), JudgedWindow(24, MIDNIGHT, MIDNIGHT + DAY)])
    assert state.episode is not None
    assert (state.episode.state, state.episode.condition) == ("firing", "no_data")
    failed = reading("cannot_tell", "f0", reason="error", end=MIDNIGHT + 2 * DAY)
    state, said = live(ONE, [JudgedWindow(24, failed.start, failed.end, (failed,))], state)
    assert kinds(said) == ["error"]
    assert state.episode is not None
    assert state.episode.condition == "error"


def test_a_window_neither_at_severity_nor_clean_resets_both_counts() -> None:
    between = window("ok", end=MIDNIGHT + 2 * DAY, p_value=0.01)
    state, _ = live(ONE, [*days("warning", "ok"), between])
    assert state.episode is not None
    assert (state.counts[24].at_severity, state.counts[24].clean) == (0, 0)


def test_every_series_of_the_episode_has_to_be_clean() -> None:
    first = days(("warning", "ok"), ("ok", "warning"))
    gone = [window("ok", end=MIDNIGHT + i * DAY) for i in (2, 3, 4)]  # f1 is no longer there
    state, said = live(ONE, [*first, *gone])
    assert kinds(said) == ["pending", "firing"]
    both = [window("ok", "ok", end=MIDNIGHT + i * DAY) for i in (5, 6)]
    _, said = live(ONE, both, state)
    assert kinds(said) == ["resolved"]


def test_without_a_test_inside_the_bound_is_clean() -> None:
    windows = [window(kind, end=MIDNIGHT + i * DAY, p_value=None) for i, kind in enumerate(["warning", "ok", "ok"])]
    assert kinds(live(ONE, windows)[1]) == ["pending", "firing", "resolved"]


def test_every_length_that_was_at_severity_has_to_be_clean() -> None:
    long = [window("warning", end=MIDNIGHT, length=168)]
    short = days("warning", "ok", "ok")
    state, said = live(ONE, [*short[:1], *long, *short[1:]])
    assert "resolved" not in kinds(said)
    clean = [window("ok", end=MIDNIGHT + i * DAY, length=168) for i in (1, 2)]
    assert kinds(live(ONE, clean, state)[1]) == ["resolved"]


def test_lengths_count_apart() -> None:
    _, said = live(TWO, [window("warning"), window("warning", length=168)])
    assert kinds(said) == ["pending"]
    _, said = live(TWO, [window("warning"), window("ok", length=168), window("warning", end=MIDNIGHT + 4 * HOUR)])
    assert kinds(said) == ["pending", "firing"]


def test_severity_rises_and_tells_again_and_never_falls() -> None:
    state, said = live(ONE, days("warning", "critical", "warning"))
    assert kinds(said) == ["pending", "firing", "raised"]
    assert state.episode is not None
    assert state.episode.severity == "critical"


def test_what_fires_and_rises_in_one_run_is_one_firing() -> None:
    state, said = step(
        ONE, AlertState(), [window("warning"), window("critical", length=168)], at=MIDNIGHT, new_id=lambda: "a"
    )
    assert kinds(said) == ["pending", "firing"]
    assert said[-1].severity == "critical"
    assert state.episode is not None
    assert state.episode.severity == "critical"


def test_a_rule_at_critical_takes_no_notice_of_warnings() -> None:
    rule = Rule("worst", "data_drift", at="critical")
    state, said = live(rule, days("warning", "warning"))
    assert (state, said) == (AlertState(), [])
    _, said = live(rule, days("critical", "warning"))
    assert kinds(said) == ["pending", "firing"]


def test_reminders_follow_the_time_of_the_runs_and_stop_when_acknowledged() -> None:
    rule = Rule("drift", "data_drift", remind=2 * DAY)
    state, said = live(rule, days(*["warning"] * 6))
    assert kinds(said) == ["pending", "firing", "reminder", "reminder"]
    assert state.episode is not None
    assert state.episode.notified_at == MIDNIGHT + 4 * DAY


def test_evidence_is_the_worst_twenty_and_the_rest_is_counted() -> None:
    _, said = live(ONE, [window(*["warning"] * 30, "critical")])
    assert (len(said[-1].readings), said[-1].total) == (20, 31)
    assert said[-1].readings[0].verdict == "critical"


VERDICTS = st.sampled_from(["ok", "warning", "critical", "cannot_tell"])
RULES = st.builds(
    lambda n, at: Rule("drift", "data_drift", at=at, for_=n),
    st.integers(1, 4),
    st.sampled_from(["warning", "critical"]),
)
HISTORY = st.lists(st.lists(VERDICTS, min_size=0, max_size=3).map(tuple), max_size=25)


@settings(max_examples=60, deadline=None)
@given(RULES, HISTORY)
def test_history_has_the_shape_that_the_rule_asks_for(rule: Rule, history: list[tuple[str, ...]]) -> None:
    windows = [window(*verdicts, end=MIDNIGHT + i * DAY) for i, verdicts in enumerate(history)]
    assert live(rule, windows) == live(rule, windows)
    state = AlertState()
    run = severity = 0
    for one in windows:
        told = [r for r in one.readings if r.verdict != "cannot_tell"]
        bad = [r for r in told if rank(r.verdict) >= rank(rule.at)]
        run = run if not told else run + 1 if bad else 0
        before = state
        state, said = step(rule, state, [one], at=one.end, new_id=lambda end=one.end: f"a{end}")
        if not told:
            assert not {"resolved", "not_confirmed", "firing"} & set(kinds(said))
        if before.episode is None or before.episode.state == "pending":
            assert (state.episode is not None and state.episode.state == "firing") == (run >= rule.for_)
        severity = 0 if before.episode is None else severity
        if state.episode is not None:
            assert rank(state.episode.severity) >= severity
            severity = rank(state.episode.severity)
        assert AlertState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


@settings(max_examples=40, deadline=None)
@given(HISTORY)
def test_absence_never_resolves(history: list[tuple[str, ...]]) -> None:
    state, _ = live(ONE, [window("warning")])
    gaps = [
        window(*["cannot_tell"] * len(verdicts), end=MIDNIGHT + (i + 1) * DAY) for i, verdicts in enumerate(history)
    ]
    after, _ = live(ONE, gaps, state)
    assert after.episode is not None
    assert after.episode.state == "firing"


def test_a_p_value_of_something_else_than_what_is_judged_does_not_keep_an_alert_open() -> None:
    inside = [
        window("ok", end=MIDNIGHT + i * DAY, p_value=1e-9, details={"judged": judged})
        for i, judged in enumerate(["value", "floor"], 1)
    ]
    assert kinds(live(ONE, [*days("warning"), *inside])[1]) == ["pending", "firing", "resolved"]
