"""The life of an alert, by example and by property."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.episode import AlertState, JudgedWindow, Transition
from alerting.reading import Reading
from alerting.rules import Rule, parse_for
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
    assert (state.episode, state.counts) == (None, {})
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
    assert kinds(said) == ["pending", "firing", "joined"]
    both = [window("ok", "ok", end=MIDNIGHT + i * DAY) for i in (5, 6)]
    _, said = live(ONE, both, state)
    assert kinds(said) == ["resolved"]


def test_what_joins_when_the_first_is_back_is_noted_once() -> None:
    found = [("critical", "ok"), ("ok", "ok"), ("ok", "critical"), ("warning", "ok"), ("ok", "critical")]
    state, said = live(ONE, days(*found))
    assert kinds(said) == ["pending", "firing", "joined"]
    assert [one.feature for one in said[-1].readings] == ["f1"]
    assert said[-1].reason.endswith("is at critical by nothing that this alert was about: f1: critical")
    assert state.episode is not None
    assert state.episode.named == state.episode.series == {("ks", "f0"), ("ks", "f1")}


def test_what_came_beside_the_first_is_noted_when_it_is_there_alone() -> None:
    _, said = live(ONE, days(("critical", "ok"), ("critical", "critical"), ("ok", "critical"), ("ok", "critical")))
    assert kinds(said) == ["pending", "firing", "joined"]
    assert said[-1].at == MIDNIGHT + 2 * DAY


def test_what_raises_an_alert_does_not_join_it_as_well() -> None:
    _, said = live(ONE, days(("warning", "ok"), ("ok", "critical"), ("ok", "warning")))
    assert kinds(said) == ["pending", "firing", "raised"]


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


def test_a_clean_day_ends_nothing_of_which_the_week_tells_at_the_same_moment() -> None:
    state, _ = live(ONE, days("warning", "ok"))
    together = [window("ok", end=MIDNIGHT + 2 * DAY), window("warning", end=MIDNIGHT + 2 * DAY, length=168)]
    state, said = step(ONE, state, together, at=MIDNIGHT + 2 * DAY, new_id=lambda: "another")
    assert "resolved" not in kinds(said)
    assert state.episode is not None
    assert (state.episode.id, state.episode.state) == ("a1", "firing")


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


def test_two_of_the_last_five_that_could_be_told() -> None:
    rule = Rule("drift", "data_drift", for_=2, among=5)
    _, said = live(rule, days("warning", "ok", "cannot_tell", "ok", "ok", "warning"))
    assert kinds(said) == ["pending", "no_data", "data_back", "firing"]
    assert "2 of the last 5 windows of 24h" in said[-1].reason
    state, said = live(rule, days("warning", "ok", "ok", "ok", "ok"))
    assert kinds(said) == ["pending", "not_confirmed"]  # the next one could not reach two with the first
    assert "2 of 5" in said[-1].reason
    _, said = live(rule, [window("warning", end=MIDNIGHT + 5 * DAY)], state)
    assert kinds(said) == ["pending"]


def test_an_episode_stays_pending_only_while_it_can_still_fire() -> None:
    rule = Rule("drift", "data_drift", for_=3, among=4)
    assert kinds(live(rule, days("warning", "ok", "warning"))[1]) == ["pending"]
    assert kinds(live(rule, days("warning", "ok", "ok"))[1]) == ["pending", "not_confirmed"]
    assert kinds(live(rule, days("warning", "ok", "warning", "warning"))[1]) == ["pending", "firing"]


@pytest.mark.parametrize(
    ("given", "read"), [(2, (2, None)), ("2", (2, None)), ("2 of 5", (2, 5)), (" 1 of 1 ", (1, 1)), (100, (100, None))]
)
def test_for_is_read(given: int | str, read: tuple[int, int | None]) -> None:
    assert parse_for(given) == read


@pytest.mark.parametrize("given", [0, 101, "6 of 5", "0 of 3", "2 of 101", "two", "2 in 5", -1, ""])
def test_for_that_cannot_be(given: int | str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_for(given)


def test_a_state_of_an_older_program_is_read() -> None:
    old = {
        "episode": {
            "id": "a", "state": "pending", "severity": "warning", "started_at": 1, "fired_at": None,
            "notified_at": None, "resolved_at": None, "resolve_reason": None, "told": False, "acknowledged": False,
            "condition": "ok", "series": [["ks", "f0"]],
        },
        "counts": {"24": {"at_severity": 2, "clean": 0, "seen": True, "condition": "ok"}},
    }  # fmt: skip
    state, said = live(Rule("drift", "data_drift", for_=3), days("warning"), AlertState.from_dict(old))
    assert kinds(said) == ["firing"]
    assert state.episode is not None
    assert state.episode.id == "a"


def test_an_acknowledgement_ends_where_the_severity_rises() -> None:
    state, _ = live(ONE, days("warning"))
    assert state.episode is not None
    looked_after = replace(state, episode=replace(state.episode, acknowledged=True))
    after, said = live(ONE, [window("critical", end=MIDNIGHT + DAY)], looked_after)
    assert kinds(said) == ["raised", "unacknowledged"]
    assert after.episode is not None
    assert not after.episode.acknowledged
    assert "critical" in said[-1].reason


FLIPS = ["warning", "ok", "ok"] * 2


def test_the_third_firing_in_a_short_while_is_unstable_and_its_flips_are_noted() -> None:
    state, said = live(ONE, days(*FLIPS, "warning", "ok", "ok", "warning", "ok", "ok"))
    assert kinds(said) == ["pending", "firing", "resolved"] * 2 + ["pending", "firing", "flipped", "flipped", "flipped"]
    assert "unstable: it fired 3 times within 24 windows of 24h" in said[7].reason
    assert len({one.episode.id for one in said[6:]}) == 1
    assert state.episode is not None
    assert (state.episode.state, state.episode.unstable, state.episode.down) == ("firing", True, True)


def test_what_was_unstable_resolves_after_six_clean_windows() -> None:
    state, said = live(ONE, days(*FLIPS, "warning", *["ok"] * 5))
    assert kinds(said)[-1] == "flipped"
    end = MIDNIGHT + 12 * DAY
    after, said = live(ONE, [window("ok", end=end)], state)
    assert kinds(said) == ["resolved"]
    assert "6 clean windows of 24h in a row, after it was unstable" in said[0].reason
    assert after.episode is None


def test_what_was_unstable_is_stable_after_six_windows_at_severity() -> None:
    state, said = live(ONE, days(*FLIPS, *["warning"] * 6))
    assert kinds(said)[-2:] == ["firing", "stable"]
    assert state.episode is not None
    assert (state.episode.state, state.episode.unstable) == ("firing", False)
    clean = [window("ok", end=MIDNIGHT + n * DAY) for n in (12, 13)]
    after, said = live(ONE, clean, state)
    assert (kinds(said), after) == (["resolved"], AlertState())


def test_firings_long_apart_are_not_unstable() -> None:
    _, said = live(ONE, days(*(["warning", "ok", "ok", *["ok"] * 9] * 4)))
    assert kinds(said) == ["pending", "firing", "resolved"] * 4
    state, _ = live(ONE, days("warning", *["ok"] * 25))
    assert state == AlertState()  # nothing is remembered for ever


def test_an_unstable_alert_says_when_it_gets_worse_and_is_not_reminded_of_while_it_is_down() -> None:
    state, _ = live(ONE, days(*FLIPS, "warning", "ok", "ok"))
    rule = Rule("drift", "data_drift", remind=DAY)
    later = [window(kind, end=MIDNIGHT + n * DAY) for n, kind in ((9, "ok"), (10, "critical"), (11, "warning"))]
    assert kinds(live(rule, later, state)[1]) == ["raised", "flipped", "reminder"]


def again(*given: tuple[int, str], state: AlertState, rule: Rule = ONE) -> tuple[AlertState, list[Transition]]:
    """Windows that ended so many days after the first, as they are known now."""
    windows = [window(kind, end=MIDNIGHT + n * DAY) for n, kind in given]
    return step(rule, state, [], at=MIDNIGHT + 9 * DAY, new_id=lambda: "new", again=windows)


def test_late_labels_resolve_an_episode_whose_windows_no_longer_hold() -> None:
    state, _ = live(ONE, days("warning", "warning", "ok"))
    state, said = again((0, "ok"), state=state)
    assert kinds(said) == ["corrected"]
    assert "with what is known now" in said[0].reason
    after, said = again((1, "ok"), state=state)
    assert kinds(said) == ["corrected", "resolved"]
    assert (after.episode, said[-1].episode.resolve_reason) == (None, "corrected")


def test_late_labels_fire_nothing() -> None:
    state, _ = live(TWO, days("warning"))
    state, said = again((0, "critical"), state=state, rule=TWO)
    assert said == []
    assert state.episode is not None
    assert state.episode.state == "pending"
    assert again((0, "warning"), (1, "critical"), state=AlertState(), rule=TWO) == (AlertState(), [])
    after, said = again((0, "ok"), state=state, rule=TWO)
    assert kinds(said) == ["corrected", "not_confirmed"]
    assert after.episode is None


def test_a_clean_window_that_was_none_keeps_an_episode_open() -> None:
    state, _ = live(ONE, days("warning", "ok"))
    state, said = again((1, "warning"), state=state)
    assert kinds(said) == ["corrected"]
    assert kinds(live(ONE, [window("ok", end=MIDNIGHT + 2 * DAY)], state)[1]) == []
    assert again((1, "cannot_tell"), state=state)[1] == []


def lost(feature: str, n: int, **given: object) -> Reading:
    values = {"reason": "too_few_rows", "n_current": 0, **given}
    return reading("cannot_tell", feature, end=MIDNIGHT + n * DAY, **values)


def without(feature: str, n: int, **given: object) -> JudgedWindow:
    """A window in which one feature has no row, and another can be told."""
    one = window("ok", end=MIDNIGHT + n * DAY)
    return replace(one, readings=(*one.readings, lost(feature, n, **given)))


def test_a_feature_that_vanishes_alone_is_told_once_and_when_it_is_back() -> None:
    state, said = live(ONE, [*days(("ok", "ok")), *(without("f1", n) for n in range(1, 6))])
    assert kinds(said) == ["data_missing"]
    assert said[0].reason.startswith("no data of f1 in 3 windows of 24h in a row")
    assert state.episode is not None
    assert (state.episode.state, state.episode.condition) == ("pending", "no_data")
    after, said = live(ONE, [window("ok", "ok", end=MIDNIGHT + 6 * DAY)], state)
    assert kinds(said) == ["resolved"]
    assert (after, said[0].episode.resolve_reason) == (AlertState(), "data_back")


@pytest.mark.parametrize("given", [{"n_current": 3}, {"reason": "immature_labels"}, {"reason": "no_history"}])
def test_what_cannot_be_told_for_other_reasons_is_not_missing(given: dict[str, object]) -> None:
    assert live(ONE, [*days(("ok", "ok")), *(without("f1", n, **given) for n in range(1, 9))])[1] == []


def test_what_rows_have_and_the_reference_of_their_version_has_not_is_not_missing() -> None:
    there = {"reason": "no_reference", "n_current": 400}
    assert live(ONE, [*days(("ok", "ok")), *(without("f1", n, **there) for n in range(1, 9))])[1] == []
    nothing = {"reason": "no_reference", "n_current": 0}
    assert kinds(live(ONE, [*days(("ok", "ok")), *(without("f1", n, **nothing) for n in range(1, 9))])[1]) == [
        "data_missing"
    ]


def test_what_the_reference_has_not_either_is_not_missing_and_ends_what_was() -> None:
    neither = {"reason": "no_reference", "n_current": 0, "n_reference": 0}
    assert live(ONE, [*days(("ok", "ok")), *(without("f1", n, **neither) for n in range(1, 9))])[1] == []
    nothing_left = {**neither, "reference_name": None, "reference_version": None}
    trailing = {**neither, "reference_name": "trailing 28d", "reference_version": None}
    for other in (nothing_left, trailing):
        _, said = live(ONE, [*days(("ok", "ok")), *(without("f1", n, **other) for n in range(1, 9))])
        assert kinds(said) == ["data_missing"]
    state, _ = live(ONE, [*days(("ok", "ok")), *(without("f1", n) for n in range(1, 5))])
    after, said = live(ONE, [without("f1", 5, **neither)], state)
    assert (kinds(said), after.episode) == (["resolved"], None)
    assert said[0].reason.endswith("does not lack f1: its reference has none")


def test_what_was_never_there_is_not_missing() -> None:
    first = replace(without("f1", 0), never=frozenset({("ks", "f1")}))
    assert live(ONE, [first, *(without("f1", n) for n in range(1, 9))])[1] == []
    sparse = without("f1", 1, n_current=12)
    assert live(ONE, [*days(("ok", "ok")), sparse, *(without("f1", n) for n in range(2, 9))])[1] == []


def hourly(feature: str, n: int) -> JudgedWindow:
    """A window of six hours, which ends at the n-th hour, without the feature."""
    end = MIDNIGHT + n * HOUR
    given = {"end": end, "length": 6}
    gone = reading("cannot_tell", feature, reason="too_few_rows", n_current=0, **given)
    return JudgedWindow(6, end - 6 * HOUR, end, (reading("ok", "f0", **given), gone))


def test_in_short_windows_a_feature_may_be_missing_because_of_the_hour_but_not_for_a_day() -> None:
    began = window("ok", "ok", end=MIDNIGHT, length=6)
    state, said = live(ONE, [began, *(hourly("f1", n) for n in range(1, 24))])
    assert said == []
    assert live(ONE, [window("ok", "ok", end=MIDNIGHT + 24 * HOUR, length=6)], state)[0].absent == {}
    _, said = live(ONE, [hourly("f1", 24)], state)
    assert kinds(said) == ["data_missing"]
    assert said[0].reason.startswith("no data of f1 in 24 windows of 6h in a row")


def test_what_is_lost_in_windows_of_several_lengths_is_told_once_and_is_back_with_the_last() -> None:
    short = [window("ok", "ok", end=MIDNIGHT, length=6), *(hourly("f1", n) for n in range(1, 100))]
    long = [*days(("ok", "ok")), *(without("f1", n) for n in range(1, 5))]
    state, said = live(ONE, [*short, *long])
    assert kinds(said) == ["data_missing"]
    back = MIDNIGHT + 100 * HOUR
    state, said = live(ONE, [window("ok", "ok", end=back, length=6)], state)
    assert said == []
    _, said = live(ONE, [window("ok", "ok", end=MIDNIGHT + 5 * DAY)], state)
    assert kinds(said) == ["resolved"]


def test_where_there_are_no_rows_at_all_nothing_else_is_missing() -> None:
    """The volume says so."""

    def outage(n: int, rows: float) -> JudgedWindow:
        end = MIDNIGHT + n * DAY
        given: dict[str, Any] = {"kind": "serving", "check": "serving", "end": end}
        volume = reading("critical" if rows == 0 else "ok", None, metric="volume", value=rows, **given)
        errors = reading("ok" if rows else "cannot_tell", None, metric="error_share", n_current=int(rows), **given)
        return JudgedWindow(24, end - DAY, end, (volume, errors))

    _, said = live(ONE, [outage(0, 500.0), *(outage(n, 0.0) for n in range(1, 9))])
    assert kinds(said) == ["pending", "firing"]
    assert "error_share" not in " ".join(one.reason for one in said)

    def without(n: int) -> JudgedWindow:
        return replace(outage(n, 500.0), readings=(outage(n, 500.0).readings[0], outage(n, 0.0).readings[1]))

    _, said = live(ONE, [outage(0, 500.0), outage(1, 0.0), *(without(n) for n in range(2, 9))])
    assert "no data of error_share in 3 windows of 24h in a row" in " ".join(one.reason for one in said)


def test_an_episode_that_ended_by_hand_begins_anew_with_a_window_that_lacks_something() -> None:
    state, _ = live(ONE, [*days(("ok", "ok")), *(without("f1", n) for n in range(1, 4))])
    week = window("ok", "ok", end=MIDNIGHT + 3 * DAY, length=168)
    state, said = live(ONE, [week], replace(state, episode=None))
    assert (said, state.episode) == ([], None)
    _, said = live(ONE, [without("f1", 4)], state)
    assert [(one.kind, one.reason.split(",")[0]) for one in said] == [
        ("no_data", "no data of f1 in 3 windows of 24h in a row")
    ]


def test_windows_without_rows_are_not_missing_data() -> None:
    assert live(ONE, [*days("ok"), *days(*["cannot_tell"] * 9)])[1] == []


def emptied(n: int, *vanished: str, features: int = 2) -> JudgedWindow:
    """A window of a segment of which nothing has a row; ``vanished``, where that is news."""
    gone = [lost(f"f{i}", n) for i in range(features)]
    return JudgedWindow(24, gone[0].start, gone[0].end, tuple(gone), vanished=frozenset(vanished))


def test_a_segment_without_rows_is_told_once_whatever_is_measured_of_it_and_when_it_is_back() -> None:
    state, said = live(ONE, [*days(("ok", "ok")), *(emptied(n, "region=south") for n in range(1, 9))])
    assert [(one.kind, one.at) for one in said] == [("data_missing", MIDNIGHT + 3 * DAY)]
    assert said[0].reason.startswith("no rows of region=south in 3 windows of 24h in a row, and there were before")
    few = days("cannot_tell")[0]  # counts neither way
    state, said = live(ONE, [replace(few, start=few.start + 9 * DAY, end=few.end + 9 * DAY)], state)
    assert said == []
    assert state.absent[24].lost[("rows", "region=south")] == 8
    after, said = live(ONE, [window("ok", "ok", end=MIDNIGHT + 10 * DAY)], state)
    assert [(one.kind, one.episode.resolve_reason) for one in said] == [("resolved", "data_back")]
    assert after == AlertState()


def test_a_feature_that_is_missing_when_its_segment_is_back_is_told_then() -> None:
    state, _ = live(ONE, [*days(("ok", "ok")), *(emptied(n, "region=south") for n in range(1, 5))])
    _, said = live(ONE, [without("f1", n) for n in range(5, 8)], state)
    assert [(one.kind, one.reason.split(" in ")[0]) for one in said] == [
        ("resolved", "the 24h window to 27 Oct 2013, 00:00 UTC can be told again"),
        ("data_missing", "no data of f1"),
    ]


def test_segments_that_vanish_all_at_once_are_told_by_the_whole() -> None:
    name = "any judged segment of region"
    gone = [replace(window("ok", end=MIDNIGHT + n * DAY), vanished=frozenset({name})) for n in range(1, 6)]
    state, said = live(ONE, [*days("ok"), *gone])
    assert [(one.kind, one.reason.split(" in ")[0]) for one in said] == [("data_missing", f"no rows of {name}")]
    assert kinds(live(ONE, [window("ok", end=MIDNIGHT + 6 * DAY)], state)[1]) == ["resolved"]


def failing(n: int) -> JudgedWindow:
    one = reading("cannot_tell", None, reason="error", end=MIDNIGHT + n * DAY)
    return JudgedWindow(24, one.start, one.end, (one,))


def test_a_check_that_fails_is_told_and_when_it_works_again() -> None:
    state, said = live(ONE, [*days("ok"), *(failing(n) for n in range(1, 5))])
    assert kinds(said) == ["check_failing"]
    assert state.episode is not None
    assert (state.episode.state, state.episode.condition) == ("pending", "error")
    assert kinds(live(ONE, [window("ok", end=MIDNIGHT + 6 * DAY)], state)[1]) == ["resolved"]


def test_missing_data_becomes_an_alert_where_the_rest_is_at_severity_and_stays_noted_after_it() -> None:
    state, _ = live(ONE, [*days(("ok", "ok")), *(without("f1", n) for n in range(1, 4))])
    missing = lost("f1", 4)
    bad = replace(window("warning", end=MIDNIGHT + 4 * DAY), readings=(*window("warning").readings, missing))
    state, said = live(ONE, [bad], state)
    assert kinds(said) == ["pending", "firing"]
    assert len({one.episode.id for one in said}) == 1
    _, said = live(ONE, [without("f1", n) for n in (5, 6)], state)
    assert kinds(said) == ["resolved", "no_data"]  # the second is a new episode, of which nobody is told again


VERDICTS = st.sampled_from(["ok", "warning", "critical", "cannot_tell"])
RULES = st.builds(
    lambda n, more, at: Rule("drift", "data_drift", at=at, for_=n, among=None if more is None else n + more),
    st.integers(1, 4),
    st.none() | st.integers(0, 3),
    st.sampled_from(["warning", "critical"]),
)
HISTORY = st.lists(st.lists(VERDICTS, min_size=0, max_size=3).map(tuple), max_size=25)


def in_days(history: list[tuple[str, ...]]) -> list[JudgedWindow]:
    return [window(*verdicts, end=MIDNIGHT + i * DAY) for i, verdicts in enumerate(history)]


def one_by_one(
    rule: Rule, windows: list[JudgedWindow]
) -> Iterator[tuple[JudgedWindow, AlertState, AlertState, list[str]]]:
    """Every window with the state before and after it and what was said; an episode is named by its first window."""
    state = AlertState()
    for one in windows:
        before = state
        state, said = step(rule, state, [one], at=one.end, new_id=partial(str, one.end))
        yield one, before, state, kinds(said)


@settings(max_examples=60, deadline=None)
@given(RULES, HISTORY)
def test_it_fires_where_enough_windows_of_the_episode_are_at_severity_and_only_there(
    rule: Rule, history: list[tuple[str, ...]]
) -> None:
    since: list[bool] = []  # of the episode's windows that could be told, which are at severity
    for one, before, after, said in one_by_one(rule, in_days(history)):
        told = [r for r in one.readings if r.verdict != "cannot_tell"]
        if not told:
            assert not {"resolved", "not_confirmed", "firing"} & set(said)
            continue
        since = [] if before.episode is None else since
        since.append(any(rank(r.verdict) >= rank(rule.at) for r in told))
        if before.episode is None or before.episode.state == "pending":
            firing = after.episode is not None and after.episode.state == "firing"
            assert firing == ("firing" in said) == (sum(since[-(rule.among or rule.for_) :]) >= rule.for_)
            if rule.among is None and not firing:
                assert (after.episode is not None) == since[-1]  # it ends at the first window below


@settings(max_examples=60, deadline=None)
@given(RULES, HISTORY)
def test_a_firing_is_followed_by_at_most_one_end_and_severity_never_falls(
    rule: Rule, history: list[tuple[str, ...]]
) -> None:
    ends: Counter[str] = Counter()
    fired: Counter[str] = Counter()
    severity: dict[str, int] = {}
    _, said = live(rule, in_days(history))
    for one in said:
        assert one.reason
        assert not ends[one.episode.id], "something is said of an episode that is over"
        ends[one.episode.id] += one.kind in ("resolved", "not_confirmed")
        fired[one.episode.id] += one.kind == "firing"
        assert rank(one.severity) >= severity.get(one.episode.id, 0)
        severity[one.episode.id] = rank(one.severity)
        if one.kind == "resolved":
            assert fired[one.episode.id] == 1
    assert max(fired.values(), default=0) <= 1


@settings(max_examples=60, deadline=None)
@given(RULES, HISTORY)
def test_together_or_one_by_one_or_read_from_the_store_is_the_same(rule: Rule, history: list[tuple[str, ...]]) -> None:
    windows = in_days(history)
    ids = (f"a{n}" for n in itertools.count())
    together, at_once = step(rule, AlertState(), windows, at=MIDNIGHT, new_id=lambda: next(ids))
    ids = (f"a{n}" for n in itertools.count())
    state, apart = AlertState(), []
    for one in windows:
        state, said = step(rule, state, [one], at=MIDNIGHT, new_id=lambda: next(ids))
        assert AlertState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
        apart += kinds(said)
    assert state == together
    assert [kind for kind in kinds(at_once) if kind != "raised"] == [kind for kind in apart if kind != "raised"]


@settings(max_examples=60, deadline=None)
@given(RULES, HISTORY, HISTORY)
def test_what_is_known_better_never_fires(
    rule: Rule, history: list[tuple[str, ...]], better: list[tuple[str, ...]]
) -> None:
    state, _ = live(rule, in_days(history))
    after, said = step(rule, state, [], at=MIDNIGHT, new_id=lambda: "new", again=in_days(better))
    assert set(kinds(said)) <= {"corrected", "resolved", "not_confirmed"}
    assert kinds(said).count("resolved") + kinds(said).count("not_confirmed") == (
        state.episode is not None and after.episode is None
    )


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


def test_a_correction_says_what_is_known_now_of_what_the_alert_is_about() -> None:
    state, _ = live(ONE, [window("ok", "warning")])
    known = window("ok", "ok")
    (noted, _) = step(ONE, state, [], at=MIDNIGHT + 9 * DAY, new_id=lambda: "new", again=[known])[1]
    about = next(one for one in known.readings if one.feature == "f1")
    assert noted.reason.startswith("with what is known now, ")
    assert f" is ok: {about.summary}; " in noted.reason
