"""What holds for every trigger that speaks an orchestrator's own language."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.conversation import Answer, Asked, Problem, Progress, Started
from alerting.options import BadSetting
from alerting.outbound import OutboundReply
from alerting.registry import TRIGGERS, Trigger, check_trigger, trigger_of
from alerting.retraining import idempotency_key
from alerting.secrets import resolve
from alerting.words import SECOND
from tests.orchestrators.base import SECRET, Orchestrator, Reply, Seen, play
from tests.orchestrators.every import ENVIRONMENT, EVERY

KEY = idempotency_key("m", "drift", "alert-1")


@pytest.fixture(params=EVERY)
def there(request: pytest.FixtureRequest) -> Orchestrator:
    return EVERY[request.param]()


def trigger(there: Orchestrator) -> Trigger:
    found = trigger_of(there.settings)
    assert found is not None
    return found


def asked(doubts: int = 0) -> Asked:
    run = {"id": "run-1", "idempotency_key": KEY, "callback_url": "http://plimsoll.test/c"}
    return Asked(KEY, "msg_1", 0, doubts, {}, run, {"model": "flights", "summary": "temp moved"})


def start(there: Orchestrator, doubts: int = 0, **more: Any) -> Answer:
    settings = resolve(there.configured(**more), ENVIRONMENT)
    return play(trigger(there).start(asked(doubts), settings), there.handle)


def follow(there: Orchestrator, started: Started) -> Progress:
    ask = trigger(there).follow
    assert ask is not None
    return play(ask(started, resolve(there.configured(), ENVIRONMENT), 0), there.handle)


def check(there: Orchestrator, answer: Any = None, **more: Any) -> Problem | None:
    ask = trigger(there).check
    assert ask is not None
    return play(ask(resolve(there.configured(**more), ENVIRONMENT), 0), answer or there.handle)


def test_each_is_played_here() -> None:
    assert {str(one().settings["type"]) for one in EVERY.values()} == set(TRIGGERS) - {"webhook"}


def test_a_run_is_started_once_with_its_parameters(there: Orchestrator) -> None:
    first = start(there)
    assert (first.kind, first.reason) == ("accepted", "")
    (run,) = there.runs
    assert first.external_id == run.id
    assert run.key == KEY
    assert run.given["model"] == "flights"
    assert str(run.given.get("rows", 5)) == "5"
    again = start(there, 1)
    assert (again.kind, again.external_id) == ("duplicate" if there.duplicates else "accepted", run.id)
    assert len(there.runs) == 1


def test_one_run_though_the_answer_got_lost(there: Orchestrator) -> None:
    there.drop = 1
    first = start(there)
    assert first.kind in ("retry", "accepted", "duplicate")
    answer = start(there, 1) if first.kind == "retry" else first
    assert (answer.kind, answer.external_id) in (("accepted", there.runs[0].id), ("duplicate", there.runs[0].id))
    assert len(there.runs) == 1


def test_a_job_that_is_not_there_is_refused_in_its_own_words(there: Orchestrator) -> None:
    there.gone = True
    answer = start(there)
    assert answer.kind == "refused"
    assert any(word in answer.reason.lower() for word in ("not found", "no job", "not exist"))
    problem = check(there)
    assert problem is not None
    assert not problem.unsure
    assert any(word in problem.message.lower() for word in ("not found", "no job", "not exist"))


def test_a_job_that_fits_is_accepted_when_it_is_saved(there: Orchestrator) -> None:
    assert check(there) is None
    assert there.runs == []


@pytest.mark.parametrize("there", [name for name, made in EVERY.items() if made().pauses], indirect=True)
def test_a_job_that_is_paused_is_refused_when_it_is_saved(there: Orchestrator) -> None:
    there.paused = True
    problem = check(there)
    assert problem is not None
    assert not problem.unsure
    assert "paused" in problem.message or "disabled" in problem.message


@pytest.mark.parametrize("there", [name for name, made in EVERY.items() if made().requires], indirect=True)
def test_parameters_that_do_not_fit_are_refused(there: Orchestrator) -> None:
    wrong: Any = {"model": "x", "rows": "many", "colour": "red"}
    wrong = {"rows": wrong} if there.holder == "run_config" else wrong
    problem = check(there, **{there.holder: wrong})
    assert problem is not None
    assert (problem.key, problem.unsure) == (there.holder, False)
    assert "rows" in problem.message or "colour" in problem.message
    answer = start(there, **{there.holder: wrong})
    assert answer.kind == "refused"
    assert len(answer.reason) > len("it answered 400")
    assert there.runs == []


def test_every_state_is_seen(there: Orchestrator) -> None:
    answer = start(there)
    started = Started(KEY, answer.external_id, "accepted")
    assert follow(there, started).state == "accepted"
    for ours, theirs in there.states.items():
        there.runs[0].state = theirs
        told = follow(there, started)
        assert told.state == ours, theirs
        assert told.reason  # what is stuck is told with the last that was heard of it
    there.runs[0].state = "SOMETHING_NEW"
    assert follow(there, started).state in (None, "running", "accepted")


def test_a_run_that_was_deleted_is_not_followed_for_ever(there: Orchestrator) -> None:
    answer = start(there)
    there.runs.clear()
    told = follow(there, Started(KEY, answer.external_id, "running"))
    assert told.state in ("cancelled", None)
    assert told.reason


@pytest.mark.parametrize("status", [None, 408, 425, 429, 500, 502, 503, 504])
def test_one_that_is_busy_or_away_is_asked_again(there: Orchestrator, status: int | None) -> None:
    def busy(_request: Seen) -> Reply | None:
        return None if status is None else (status, None)

    settings = resolve(there.configured(), ENVIRONMENT)
    answer = play(trigger(there).start(asked(), settings), busy)
    assert answer.kind == "retry"
    assert answer.reason
    ask = trigger(there).follow
    assert ask is not None
    assert play(ask(Started(KEY, "1", "running"), settings, 0), busy).state is None
    problem = check(there, busy)
    assert problem is not None
    assert problem.unsure


def test_retry_after_is_obeyed(there: Orchestrator) -> None:
    talking = trigger(there).start(asked(), resolve(there.configured(), ENVIRONMENT))
    next(talking)
    with pytest.raises(StopIteration) as end:
        talking.send(OutboundReply(503, {"retry-after": "40"}, b""))
    assert (end.value.value.kind, end.value.value.after) == ("retry", 40 * SECOND)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_one_that_says_no_is_not_asked_again(there: Orchestrator, status: int) -> None:
    settings = resolve(there.configured(), ENVIRONMENT)
    answer = play(trigger(there).start(asked(), settings), lambda _request: (status, ["what", SECRET]))
    assert answer.kind == "refused"
    assert SECRET not in answer.reason


def test_a_page_in_place_of_an_answer_starts_nothing_twice(there: Orchestrator) -> None:
    """A proxy that answers 200 with something else."""
    settings = resolve(there.configured(), ENVIRONMENT)
    answer = play(trigger(there).start(asked(), settings), lambda _request: (200, "<html>"))
    assert answer.kind in ("retry", "refused", "unknown", "accepted")
    if answer.kind == "accepted":
        assert answer.external_id == KEY or answer.external_id is None


def test_secrets_go_in_headers_alone(there: Orchestrator) -> None:
    start(there)
    check(there)
    for request in there.asked:
        assert SECRET not in "/".join(request.parts) + str(dict(request.query))
        assert SECRET not in str(request.body) or there.is_sign_in(request)


def test_settings_are_checked(there: Orchestrator) -> None:
    good = there.configured(start_by="30m", finish_by="6h", at_most=2, min_labels=100, dry_run=True, approval=False)
    check_trigger(good)
    wrong: dict[str, Any] = {
        "colour": "red",
        "url": "ftp://x",
        "finish_by": "soon",
        "start_by": "0h",
        "at_most": 0,
        "min_labels": "many",
        "dry_run": "yes",
        "approval": 1,
        there.holder: {"a": ["{colour}"]},
    }
    for key in ("token", "password"):
        if key in there.settings:
            wrong[key] = SECRET
    for key, value in wrong.items():
        with pytest.raises(BadSetting) as caught:
            check_trigger({**good, key: value})
        assert caught.value.key == key
        assert SECRET not in str(caught.value)
    with pytest.raises(BadSetting):
        check_trigger({**good, there.holder: "text"})


def test_a_run_whose_id_was_not_told_is_not_taken_for_gone(there: Orchestrator) -> None:
    there.begin(KEY, {}, KEY if there.settings["type"] in ("airflow", "argo", "kubernetes") else None)
    told = follow(there, Started(KEY, None, "running"))
    assert told.state in (None, "accepted", "running")
    assert told.state is not None or told.reason  # it is asked about again
