"""The small parts: backoff, secrets, muting, planning, retraining, words."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from alerting.backoff import LIFETIME, next_try
from alerting.muting import BadMatcher, Silence, check_matchers, silencing
from alerting.outbound import retry_after
from alerting.plan import Change, plan
from alerting.reading import as_evidence, to_json
from alerting.retraining import callback_token, idempotency_key
from alerting.routing import Route
from alerting.secrets import BadSecret, MissingSecret, references, resolve, shown, signing_key
from alerting.words import DAY, HOUR, SECOND, duration, number, parse_duration, percent
from tests.alerting.make import reading
from tests.alerting.notices import alert


def test_retries_are_quick_then_rare_and_end_after_a_day() -> None:
    now, waits = 0, []
    for attempts in itertools.count(1):
        due = next_try(attempts, now)
        if due is None:
            break
        waits.append((due - now) // SECOND)
        now = due
    assert waits[:4] == [5, 30, 120, 600]
    assert waits == sorted(waits)
    assert LIFETIME * 0.8 < now <= LIFETIME


def test_the_other_side_may_ask_for_a_longer_pause_of_at_most_a_day() -> None:
    assert next_try(1, 0, 90 * SECOND) == 90 * SECOND
    assert next_try(3, 0, SECOND) == 120 * SECOND
    assert next_try(1, 0, 90 * DAY) == DAY


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("120", 120 * SECOND),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 60 * SECOND),
        ("Wed, 31 Dec 1969 00:01:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(text: str, after: int | None) -> None:
    assert retry_after({"retry-after": text}, 0) == after


def test_secrets_are_read_at_sending_and_never_shown() -> None:
    settings = {"url": "https://x/${PATH_PART}", "secret": "${KEY}", "n": 1}
    assert references(settings) == ["PATH_PART", "KEY"]
    assert resolve(settings, {"PATH_PART": "a", "KEY": "b"}) == {"url": "https://x/a", "secret": "b", "n": 1}
    with pytest.raises(MissingSecret, match="KEY is not set"):
        resolve(settings, {"PATH_PART": "hidden"})
    assert shown({"secret": "literal", "webhook_url": "https://u:p@hooks.example/T/B/x"}) == {
        "secret": "••••",
        "webhook_url": "https://hooks.example/••••",
    }
    assert shown(settings)["secret"] == "${KEY}"
    assert shown({"url": "https://am.example/"}) == {"url": "https://am.example/"}
    assert shown({"url": "https://u:p@ops.example/hook?key=1"}) == {"url": "https://ops.example/••••"}
    assert shown({"url": "https://ops.example?key=1"}) == {"url": "https://ops.example/••••"}


@pytest.mark.parametrize("secret", ["abc", "whsec_c2hvcnQ=", "whsec_!!!", "whsec_" + "QUJD" * 40])
def test_a_secret_has_a_shape(secret: str) -> None:
    with pytest.raises(BadSecret) as caught:
        signing_key(secret)
    assert secret not in str(caught.value)


def test_silences_match_every_field_until_their_end() -> None:
    silences = [Silence("s", {"model": "flight-delays", "rule": "drift"}, until=100)]
    assert silencing(silences, alert(), 99) == silences[0]
    assert silencing(silences, alert(), 100) is None
    assert silencing(silences, alert(rule="worse"), 99) is None
    with pytest.raises(BadMatcher, match="at least one"):
        check_matchers({})
    with pytest.raises(BadMatcher) as caught:
        check_matchers({"colour": "red"})
    assert caught.value.key == "matchers.colour"
    with pytest.raises(BadMatcher, match="text"):
        check_matchers({"model": 3})


def told(*changes: Change) -> list[tuple[str, int]]:
    routes = {"chat": Route(one_by_one=False), "ops": Route(one_by_one=True)}
    made = plan(changes, model="m", at=0, public_url="", routes=routes, model_lane="model 1")
    return [(message.target, len(message.body["entries"])) for message in made]


def test_who_is_told_what() -> None:
    both = ("chat", "ops", "nobody")
    firing = Change("firing", alert(), both)
    assert told(firing, Change("raised", alert(id="b"), both)) == [("chat", 2), ("ops", 1), ("ops", 1)]
    assert told(Change("pending", alert(), both), Change("no_data", alert(), both)) == []
    assert told(Change("resolved", alert(), both)) == []
    assert told(Change("resolved", alert(), both, told=True)) == [("chat", 1), ("ops", 1)]
    assert told(Change("firing", alert(), both, silenced=True)) == []


def test_a_list_begins_with_the_worst() -> None:
    worse = alert(severity="critical")
    changes = [
        Change("resolved", worse, ("chat",), told=True),
        Change("firing", alert(), ("chat",)),
        Change("firing", worse, ("chat",)),
    ]
    routes = {"chat": Route(one_by_one=False)}
    (made,) = plan(changes, model="m", at=0, public_url="", routes=routes, model_lane="model 1")
    kinds = [(one["type"], one["alert"]["severity"]) for one in made.body["entries"]]
    assert kinds == [("alert.firing", "critical"), ("alert.firing", "warning"), ("alert.resolved", "critical")]


def test_keys_fit_every_orchestrator_and_tokens_are_the_runs_own() -> None:
    key = idempotency_key("m", "r", "alert-1")
    assert 32 <= len(key) <= 63
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert key != idempotency_key("m", "r", "alert-2")
    assert callback_token(b"k", "run-1") != callback_token(b"k", "run-2")


def test_readings_as_json() -> None:
    shown_reading = to_json(reading("warning", value=float("nan"), details={"a": [float("inf"), 1.0]}))
    assert shown_reading["value"] is None
    assert shown_reading["details"]["a"] == [None, 1.0]
    assert shown_reading["window"] == {"start": "2013-10-21T00:00:00Z", "end": "2013-10-22T00:00:00Z"}
    assert shown_reading["reference"] == {"name": "spring", "version": 1}
    assert to_json(reading(reference_name=None))["reference"] is None


def test_numbers_of_numpy_become_plain() -> None:
    details = {"x": np.float64(0.5), "n": np.int64(3), "yes": np.bool_(True), "all": np.array([1.0, np.nan])}
    shown_details = to_json(reading(details=details))["details"]
    assert json.loads(json.dumps(shown_details)) == {
        "summary": "temp: ok",
        "x": 0.5,
        "n": 3,
        "yes": True,
        "all": [1.0, None],
    }


def test_evidence_leaves_long_lists_out() -> None:
    details = {"edges": list(range(50)), "classes": {"late": 0.2}, "cut": 3.0}
    assert set(as_evidence(reading("warning", details=details))["details"]) == {"summary", "classes", "cut"}


def test_numbers_and_times_for_people() -> None:
    assert [percent(x) for x in (0.12, 0.0123, 0.0012, 0.00012, 0, 1, 0.999)] == [
        "12", "1.2", "0.12", "0.012", "0", "100", "100",
    ]  # fmt: skip
    assert [number(x) for x in (0.8451, 41.0, 12345.6)] == ["0.845", "41", "12,346"]
    assert [duration(x) for x in (DAY, 7 * DAY, HOUR, 90 * 60 * SECOND)] == [
        "24 hours",
        "7 days",
        "1 hour",
        "90 minutes",
    ]
    assert [parse_duration(x) for x in ("15m", "6h", "7d")] == [900 * SECOND, 6 * HOUR, 7 * DAY]
    with pytest.raises(ValueError, match="no duration"):
        parse_duration("soon")
