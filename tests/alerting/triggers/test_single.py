"""What single orchestrators do that no other does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook

from alerting import message
from alerting.conversation import Answer, Asked, Progress, Started
from alerting.options import BadSetting
from alerting.orchestrator import MOST_DOUBTS, in_doubt
from alerting.outbound import OutboundReply, OutboundRequest
from alerting.registry import check_trigger
from alerting.secrets import resolve
from alerting.triggers import airflow, dagster, github, prefect, webhook
from alerting.words import SECOND, to_datetime
from monitor import clock
from tests.alerting.triggers.test_every import KEY, asked, check, start
from tests.orchestrators.base import Reply, Seen, play
from tests.orchestrators.clusters import WORKFLOW, GitHub
from tests.orchestrators.every import ENVIRONMENT
from tests.orchestrators.schedulers import Airflow, Dagster, Prefect

SECRET = "whsec_" + "bm90LWEtcmVhbC1vbmUtYnV0LWxvbmctZW5vdWdo"


def test_409_is_already_in_airflow_and_bad_parameters_in_prefect() -> None:
    there = Prefect()
    wrong = start(there, parameters={"model": "m", "rows": "many"})
    assert (wrong.kind, wrong.status) == ("refused", 409)
    assert "'rows' is not of type 'integer'" in wrong.reason
    other = Airflow()
    start(other)
    again = start(other, 1)
    assert (again.kind, again.status, again.external_id) == ("duplicate", 409, KEY)


def test_a_409_of_airflow_without_a_run_is_a_refusal() -> None:
    there = Airflow()

    def answer(request: Seen) -> Reply | None:
        if request.is_a("POST", "api", "v2", "dags", "train", "dagRuns"):
            return 409, {"detail": "another conflict"}
        return there.handle(request)

    settings = resolve(there.configured(), ENVIRONMENT)
    assert play(airflow.start(asked(), settings), answer).kind == "refused"


def test_a_cancelled_run_of_airflow_reads_as_failed() -> None:
    there = Airflow()
    start(there)
    there.runs[0].state = "failed"
    told = play(airflow.follow(Started(KEY, KEY, "running"), resolve(there.configured(), ENVIRONMENT), 0), there.handle)
    assert told.state == "failed"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"username": None, "password": None}, "username"),
        ({"token": "${TOKEN}"}, "username"),
        ({"password": None}, "password"),
        ({"api": "v3"}, "api"),
    ],
)
def test_airflow_is_signed_in_to_one_way(given: dict[str, Any], key: str) -> None:
    settings = {name: value for name, value in {**Airflow().configured(), **given}.items() if value is not None}
    with pytest.raises(BadSetting) as caught:
        check_trigger(settings)
    assert caught.value.key == key


def test_errors_of_dagster_are_200_and_a_query_that_does_not_fit_is_500() -> None:
    there = Dagster()
    wrong = start(there, run_config={"rows": 3})
    assert (wrong.kind, wrong.status) == ("refused", 200)
    assert wrong.reason.startswith("RunConfigValidationInvalid: Received unexpected config entry")
    said = {"errors": [{"message": "Cannot query field 'runsOrError' on type 'Query'."}]}
    answer = play(dagster.start(asked(), there.configured()), lambda _request: (500, said))
    assert (answer.kind, answer.status) == ("refused", 500)
    assert "Cannot query field" in answer.reason


def test_a_launch_that_dagster_never_answers_ends_in_doubt_and_is_not_repeated_for_ever() -> None:
    there = Dagster()
    launches = []

    def silent(request: Seen) -> Reply | None:
        if "launchRun" in request.body["query"]:
            launches.append(request)
            return None
        return there.handle(request)

    kinds = [play(dagster.start(asked(n), there.configured()), silent).kind for n in (0, 1, 2, 3)]
    assert kinds == ["retry", "retry", "retry", "unknown"]
    assert len(launches) == 4


@pytest.mark.parametrize(
    ("reply", "later", "doubt"),
    [
        (OutboundReply(None, error="no connection could be made", unsent=True), None, False),
        (OutboundReply(429, {"retry-after": "90"}), 90, False),
        (OutboundReply(None, error="no answer within 15 s"), 30, True),
        (OutboundReply(503, {"retry-after": "90"}), 90, True),
        (OutboundReply(200, body=b"<html>"), 30, True),
    ],
)
def test_what_did_not_arrive_is_no_doubt(reply: OutboundReply, later: int | None, doubt: bool) -> None:
    last = in_doubt(asked(MOST_DOUBTS), reply, 30 * SECOND, "nothing is found")
    assert last.kind == ("unknown" if doubt else "retry")
    answer = in_doubt(asked(MOST_DOUBTS - 1), reply, 30 * SECOND, "nothing is found")
    wanted = None if later is None else later * SECOND
    assert (answer.kind, answer.after, answer.doubt) == ("retry", wanted, doubt)


def test_a_job_of_dagster_is_found_where_it_is() -> None:
    there = Dagster()
    assert start(there, repository="__repository__", location="code").kind == "accepted"
    assert not any("PlimsollJobs" in one.body["query"] for one in there.asked)
    elsewhere = start(Dagster(), location="elsewhere")
    assert (elsewhere.kind, elsewhere.reason) == (
        "refused",
        "PipelineNotFoundError: there is no job 'train' in any repository",
    )


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (WORKFLOW.replace("workflow_dispatch", "push"), "no workflow_dispatch"),
        (WORKFLOW.replace("      plimsoll_key: {required: true}\n", ""), "no input 'plimsoll_key'"),
        (WORKFLOW.replace("run-name: train ${{ inputs.plimsoll_key }}\n", ""), "run-name does not show"),
        (WORKFLOW + "      region: {required: true}\n", "requires the input 'region'"),
    ],
)
def test_a_workflow_of_github_must_take_and_show_the_key(file: str, words: str) -> None:
    there = GitHub()
    there.file = file
    problem = check(there)
    assert problem is not None
    assert words in problem.message


def test_a_github_that_tells_no_run_is_followed_by_the_key() -> None:
    there = GitHub()
    there.tells = False
    assert start(there) == Answer("accepted", status=204)
    there.runs[0].state = "in_progress"
    told = play(
        github.follow(Started(KEY, None, "accepted"), resolve(there.configured(), ENVIRONMENT), 0), there.handle
    )
    assert (told.state, told.url) == ("running", "https://h/1")


def test_githubs_403_may_mean_later() -> None:
    talking = github.start(asked(), resolve(GitHub().configured(), ENVIRONMENT))
    next(talking)
    with pytest.raises(StopIteration) as end:
        talking.send(OutboundReply(403, {"x-ratelimit-remaining": "0"}, b"{}"))
    assert end.value.value.kind == "retry"


def test_pages_of_the_cloud_are_not_made_up() -> None:
    settings = {"url": "https://api.prefect.example/api/accounts/a/workspaces/w", "deployment": "a/b"}
    talking = prefect.follow(Started(KEY, "1", "accepted"), settings, 0)
    next(talking)
    with pytest.raises(StopIteration) as end:
        talking.send(OutboundReply(200, {}, b'{"state_type": "RUNNING"}'))
    assert end.value.value == Progress("running", "", None)


def ask_status(settings: dict[str, Any], reply: Reply) -> tuple[Progress, list[OutboundRequest]]:
    asked_for: list[OutboundRequest] = []

    def talk() -> Any:
        talking = webhook.follow(Started(KEY, None, "accepted"), settings, clock.now())
        try:
            request = next(talking)
            while True:
                asked_for.append(request)
                answer = yield request
                request = talking.send(answer)
        except StopIteration as end:
            return end.value

    return play(talk(), lambda _request: reply), asked_for


def test_a_status_address_is_asked_and_signed() -> None:
    settings = {"url": "https://o.example/runs", "status_url": "https://o.example/runs/{key}", "secret": SECRET}
    told, (request,) = ask_status(
        settings, (200, {"status": "running", "message": "epoch 3", "url": "https://o/1", "version": 7})
    )
    assert told == Progress("running", "epoch 3", "https://o/1", "7")
    assert request.url == f"https://o.example/runs/{KEY}"
    sent = to_datetime(int(request.headers["webhook-timestamp"]) * SECOND)
    assert request.headers["webhook-signature"] == Webhook(SECRET).sign(KEY, sent, "")


@pytest.mark.parametrize("body", [{"status": "lost"}, {}, [], "x", {"status": 3}])
def test_a_status_that_says_nothing_changes_nothing(body: Any) -> None:
    settings = {"url": "https://o.example/runs", "status_url": "https://o.example/{key}"}
    assert ask_status(settings, (200, body))[0].state is None


def test_a_status_address_names_the_run() -> None:
    with pytest.raises(BadSetting, match="key"):
        check_trigger({"type": "webhook", "url": "https://o.example", "status_url": "https://o.example/runs"})


def test_the_webhook_passes_the_parameters_that_are_given() -> None:
    body = {"entries": [{"type": "retraining.requested", "alert": {}, "readings": [], "links": {}}], "timestamp": "t"}
    told = Asked(KEY, "msg_1", 0, 1, body, {"id": "run-1"}, {"model": "flights"})
    settings = {"url": "https://o.example/runs", "parameters": {"what": "{model}"}}
    seen: list[Seen] = []

    def answer(request: Seen) -> Reply:
        seen.append(request)
        return 202, None

    assert play(webhook.start(told, settings), answer).kind == "accepted"
    assert seen[0].body["data"]["trigger_run"] == {"id": "run-1", "parameters": {"what": "flights"}}


@pytest.mark.parametrize(
    ("type_", "body", "said"),
    [
        ("text/plain; charset=utf-8", b"no such pipeline:\n m0", "no such pipeline: m0 (400)"),
        ("text/plain", b'{"detail": "no m0"}', "no m0 (400)"),
        ("text/plain", b"", "the receiver answered 400"),
        ("text/html", b"<p>no such pipeline", "the receiver answered 400"),
    ],
)
def test_a_refusal_by_a_webhook_is_told_in_its_words(type_: str, body: bytes, said: str) -> None:
    about = replace(asked(), body=message.test_body("train", "http://plimsoll.test", 0))
    talking = webhook.start(about, {"type": "webhook", "url": "https://o.example/train"})
    next(talking)
    with pytest.raises(StopIteration) as end:
        talking.send(OutboundReply(400, {"content-type": type_}, body))
    assert end.value.value == Answer("refused", said, status=400)
