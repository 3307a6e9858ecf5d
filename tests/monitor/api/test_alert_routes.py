"""Alerts, silences and the callback over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from alerting.retraining import callback_token
from alerting.rules import Rule
from alerting.words import DAY
from monitor import clock
from monitor.actions.manage_keys import create
from monitor.api import alerts, silences, trigger_runs
from monitor.api.access import refuse_unguarded
from monitor.errors import PlimsollError
from monitor.service import Service
from monitor.store import models
from monitor.store.installation import known_secret
from monitor.store.trigger_runs import move_run, runs_of_model
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs, make_service

RULE = Rule("drift", "data_drift", notify=("ops",), trigger="retrain")
MANY = [Rule(f"rule-{n}", f"check-{n}") for n in range(5)]


@dataclass
class Api:
    """The three routers on a store, called in memory."""

    runs: Runs
    service: Service
    app: FastAPI

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                return await client.request(method, path, **given)

        return asyncio.run(send())

    def fire(self, rule: Rule = RULE, n: int = 0) -> dict[str, Any]:
        found = reading("warning", check=rule.check, end=MIDNIGHT + n * DAY)
        return self.runs.run([RULE, *MANY], found, as_of=found.end, wall_now=clock.now())[0]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    runs = make_runs(tmp_path)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.service = service = make_service(runs)
    app.state.clock = clock.now
    for module in (alerts, silences, trigger_runs):
        app.include_router(module.router)
    refuse_unguarded(app)

    @app.exception_handler(PlimsollError)
    def said(_request: Any, error: PlimsollError) -> JSONResponse:
        return JSONResponse(error.body(), error.status)

    yield Api(runs, service, app)
    runs.database.close()


def test_list_filters_and_pages(api: Api) -> None:
    made = [api.fire(rule, n)["id"] for n, rule in enumerate(MANY)]
    assert [one["id"] for one in api.call("GET", "/v1/alerts").json()["items"]] == made[::-1]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.call("GET", "/v1/alerts", params={"limit": 2, "cursor": cursor}).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    api.call("POST", f"/v1/alerts/{made[0]}/resolve")
    assert [one["id"] for one in api.call("GET", "/v1/alerts?state=resolved").json()["items"]] == made[:1]
    assert len(api.call("GET", "/v1/alerts?model=flight-delays&state=firing").json()["items"]) == 4
    assert api.call("GET", "/v1/alerts?model=other").json() == {"items": [], "next_cursor": None}
    assert len(api.call("GET", "/v1/alerts", params={"since": clock.render(clock.now() + DAY)}).json()["items"]) == 4


@pytest.mark.parametrize("query", ["state=odd", "limit=0", "cursor=odd", "since=odd", "colour=red"])
def test_list_refuses_what_it_does_not_know(api: Api, query: str) -> None:
    reply = api.call("GET", f"/v1/alerts?{query}")
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, query.split("=")[0])


def test_one_alert_with_its_story(api: Api) -> None:
    alert = api.fire()
    found = api.call("GET", f"/v1/alerts/{alert['id']}").json()
    assert {name: found[name] for name in alert} == alert
    assert [one["kind"] for one in found["transitions"]] == ["pending", "firing", "retraining_requested"]
    assert found["readings"][0]["feature"] == "temp"
    assert [(one["channel"], one["kind"], one["state"]) for one in found["deliveries"]] == [
        ("retrain", "trigger", "waiting"),
        ("ops", "channel", "waiting"),
    ]
    (run,) = found["trigger_runs"]
    assert run["state"] == "requested"
    assert "hash" not in str(run)
    assert api.call("GET", "/v1/alerts/nope").status_code == 404


def test_acknowledge_and_resolve(api: Api) -> None:
    path = f"/v1/alerts/{api.fire()['id']}"
    assert api.call("POST", f"{path}/acknowledge").json()["acknowledged_at"] is not None
    assert api.call("POST", f"{path}/acknowledge").status_code == 200
    assert api.call("POST", f"{path}/resolve").json()["resolve_reason"] == "manual"
    assert api.call("POST", f"{path}/resolve").status_code == 409
    assert api.call("POST", "/v1/alerts/nope/resolve").status_code == 404


def said(api: Api, alert_id: str, **given: Any) -> list[tuple[str, str, dict[str, Any]]]:
    found = api.call("GET", f"/v1/alerts/{alert_id}", **given).json()["transitions"]
    return [(one["kind"], one["reason"], one["details"]) for one in found]


def test_who_answered_and_why_is_in_the_timeline(api: Api) -> None:
    alert = api.fire()
    path = f"/v1/alerts/{alert['id']}"
    found = api.call("POST", f"{path}/acknowledge", json={"author": "Ana", "comment": "known outage"}).json()
    assert found["details"]["acknowledged_by"] == "Ana"
    kind, reason, details = said(api, alert["id"])[-1]
    assert (kind, reason) == ("acknowledged", "acknowledged by Ana: known outage")
    assert details == {"author": "Ana", "comment": "known outage"}
    api.call("POST", f"{path}/resolve", json={"author": "Ben"})
    assert said(api, alert["id"])[-1][:2] == ("resolved", "resolved by Ben")


def test_the_keys_name_stands_in_for_an_author(api: Api) -> None:
    alert = api.fire()
    headers = {"Authorization": f"Bearer {create(api.service.database, 'admin', 'night shift', clock.now())}"}
    path = f"/v1/alerts/{alert['id']}"
    api.call("POST", f"{path}/acknowledge", headers=headers)
    assert said(api, alert["id"], headers=headers)[-1][1] == "acknowledged by night shift"
    api.call("POST", f"{path}/resolve", headers=headers, json={"author": "Ana"})
    assert said(api, alert["id"], headers=headers)[-1][1] == "resolved by Ana"


@pytest.mark.parametrize(
    ("body", "field"), [({"author": 7}, "author"), ({"comment": "x" * 2001}, "comment"), ({"who": "Ana"}, "who")]
)
def test_an_answer_that_is_not_understood_changes_nothing(api: Api, body: dict[str, Any], field: str) -> None:
    path = f"/v1/alerts/{api.fire()['id']}"
    reply = api.call("POST", f"{path}/acknowledge", json=body)
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, field)
    assert api.call("GET", path).json()["acknowledged_at"] is None


def test_a_silence_is_noted_on_what_it_holds_for(api: Api) -> None:
    alert = api.fire()
    until = clock.render(clock.now() + DAY)
    wanted = {"matchers": {"model": "flight-delays", "rule": "drift"}, "until": until, "comment": "a known change"}
    made = api.call("POST", "/v1/silences", json={**wanted, "author": "Ana"}).json()
    assert (made["author"], made["ends_with"]) == ("Ana", None)
    kind, reason, details = said(api, alert["id"])[-1]
    assert (kind, details["silence"]) == ("silenced", made["id"])
    assert reason.startswith("silenced by Ana until ")
    assert reason.endswith(": a known change")
    api.call("DELETE", f"/v1/silences/{made['id']}")
    assert said(api, alert["id"])[-1][:2] == ("silence_ended", "the silence was ended by a person")
    api.call("POST", "/v1/silences", json={**wanted, "matchers": {"rule": "another"}})
    assert said(api, alert["id"])[-1][0] == "silence_ended"


def test_a_silence_ends_with_the_next_version(api: Api) -> None:
    alert = api.fire()
    with api.runs.database.write() as connection:
        models.note_predictions(connection, 1, {"v1": (5, MIDNIGHT - DAY, MIDNIGHT)})
    wanted = {"matchers": {"model": "flight-delays"}, "until": "next_version", "comment": "v2 is coming"}
    made = api.call("POST", "/v1/silences", json=wanted).json()
    assert made["ends_with"] == "next_version"
    assert clock.parse(made["until"]) - clock.parse(made["created_at"]) == 30 * DAY
    assert "until the next version, at most to" in said(api, alert["id"])[-1][1]
    api.fire(n=1)
    assert said(api, alert["id"])[-1][0] == "silenced"
    with api.runs.database.write() as connection:
        models.note_predictions(connection, 1, {"v2": (5, MIDNIGHT + DAY + 1, MIDNIGHT + 2 * DAY)})
    api.runs.run([RULE, *MANY], as_of=MIDNIGHT + DAY)  # a replay of a time before the version
    assert said(api, alert["id"])[-1][0] == "silenced"
    api.fire(n=2)
    assert said(api, alert["id"])[-1][:2] == ("silence_ended", "the silence ended: version v2 came after v1")
    (kept,) = api.call("GET", "/v1/silences").json()["items"]
    assert clock.parse(kept["until"]) <= clock.now()


def test_in_a_replay_the_next_version_is_the_next_one_of_its_time(api: Api) -> None:
    """The store holds what came later, too."""
    spans = {"v1": (5, MIDNIGHT - DAY, MIDNIGHT), "v2": (5, MIDNIGHT + DAY + 1, MIDNIGHT + 9 * DAY)}
    with api.runs.database.write() as connection:
        models.note_predictions(connection, 1, spans)
    alert = api.fire()
    wanted = {"matchers": {"model": "flight-delays"}, "until": "next_version", "comment": "v2 is coming"}
    assert api.call("POST", "/v1/silences", json=wanted).status_code == 201
    api.fire(n=1)
    assert said(api, alert["id"])[-1][0] == "silenced"
    api.fire(n=2)
    assert said(api, alert["id"])[-1][:2] == ("silence_ended", "the silence ended: version v2 came after v1")


def test_a_silence_ends_with_the_retraining(api: Api) -> None:
    alert = api.fire()
    wanted = {"matchers": {"model": "flight-delays"}, "until": "retraining_ends", "comment": "on its way"}
    assert api.call("POST", "/v1/silences", json=wanted).status_code == 201
    api.fire(n=1)
    assert said(api, alert["id"])[-1][0] == "silenced"
    with api.runs.database.write() as connection:
        (run,) = runs_of_model(connection, 1)
        move_run(connection, run, "succeeded", clock.now(), ended_at=clock.now())
    api.fire(n=2)
    assert said(api, alert["id"])[-1][:2] == ("silence_ended", "the silence ended: the retraining ended")


@pytest.mark.parametrize("matchers", [{"rule": "drift"}, {"model": "unknown"}])
@pytest.mark.parametrize("until", ["next_version", "retraining_ends"])
def test_what_waits_for_a_model_names_one(api: Api, matchers: dict[str, str], until: str) -> None:
    reply = api.call("POST", "/v1/silences", json={"matchers": matchers, "until": until})
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, "until")


def test_silences_come_and_go(api: Api) -> None:
    until = clock.render(clock.now() + DAY)
    wanted = {"matchers": {"model": "flight-delays"}, "until": until, "comment": "a known change"}
    made = [api.call("POST", "/v1/silences", json=wanted) for _ in range(3)]
    assert [one.status_code for one in made] == [201] * 3
    assert made[0].json()["until"] == until
    first = api.call("GET", "/v1/silences?limit=2").json()
    second = api.call("GET", f"/v1/silences?limit=2&cursor={first['next_cursor']}").json()
    assert {one["id"] for one in first["items"] + second["items"]} == {one.json()["id"] for one in made}
    assert second["next_cursor"] is None
    ids = [one.json()["id"] for one in made]
    assert api.call("DELETE", f"/v1/silences/{ids[0]}").status_code == 204
    assert api.call("DELETE", f"/v1/silences?id={ids[1]}").status_code == 204
    assert api.call("DELETE", f"/v1/silences/{ids[0]}").status_code == 404
    assert api.call("DELETE", "/v1/silences").status_code == 422
    assert len(api.call("GET", "/v1/silences").json()["items"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matchers": {}}, "matchers"),
        ({"matchers": None}, "matchers"),
        ({"matchers": {"colour": "red"}}, "matchers.colour"),
        ({"matchers": {"model": 3}}, "matchers.model"),
        ({"matchers": {"model": "m", "version": ""}}, "matchers.version"),
        ({"matchers": {"model": "m", "severity": "bad"}}, "matchers.severity"),
        ({"matchers": {"severity": "Critical"}}, "matchers.severity"),
        ({"matchers": {"model": "m", "segment": "origin"}}, "matchers.segment"),
        ({"until": "2001-01-01"}, "until"),
        ({"until": None}, "until"),
        ({"until": "soon"}, "until"),
        ({"comment": 3}, "comment"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_silences_that_cannot_be(api: Api, change: dict[str, Any], field: str) -> None:
    wanted = {"matchers": {"model": "m"}, "until": clock.render(clock.now() + DAY), "comment": ""}
    reply = api.call("POST", "/v1/silences", json={**wanted, **change})
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, field)


def test_the_callback_takes_its_own_token_and_nothing_else(api: Api) -> None:
    key = create(api.service.database, "read", "reader", clock.now())
    reader = {"Authorization": f"Bearer {key}"}
    alert = api.fire()
    assert api.call("GET", f"/v1/alerts/{alert['id']}").status_code == 401
    assert api.call("POST", f"/v1/alerts/{alert['id']}/resolve", headers=reader).status_code == 403
    (run,) = api.call("GET", f"/v1/alerts/{alert['id']}", headers=reader).json()["trigger_runs"]
    with api.service.database.read() as connection:
        secret = known_secret(connection)
    assert secret is not None
    token, path = callback_token(secret, run["id"]), f"/v1/trigger-runs/{run['id']}"
    assert api.call("POST", path, json={"status": "running"}).status_code == 401
    assert api.call("POST", path, json={"status": "running"}, headers=reader).status_code == 401
    assert api.call("POST", f"{path}?token={token}", json={"status": "running"}).json()["state"] == "running"
    bearer = {"Authorization": f"Bearer {token}"}
    assert api.call("POST", path, json={"status": "running"}, headers=bearer).status_code == 200
    assert api.call("POST", path, json={"status": "odd"}, headers=bearer).status_code == 422
    assert api.call("POST", path, content=b"{", headers=bearer).status_code == 400
    assert api.call("POST", path, json=[], headers=bearer).status_code == 422
    assert api.call("POST", path, json={"status": "failed"}, headers=bearer).status_code == 200
    assert api.call("POST", path, json={"status": "succeeded"}, headers=bearer).status_code == 409
    assert api.call("POST", "/v1/trigger-runs/nope", json={"status": "running"}, headers=bearer).status_code == 404
    assert api.call("POST", "/v1/trigger-runs/nope", json={"status": "running"}).status_code == 401
