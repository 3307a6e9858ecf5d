"""Triggers over HTTP: tried before they are saved, approved by a person, and the rows that they are given."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alerting.rules import Rule
from monitor import clock
from monitor.actions import apply_checked, manage_keys
from monitor.actions.follow_triggers import trigger_run_body
from monitor.actions.rows_link import Window, rows_url
from monitor.actions.rows_parquet import rows_parquet
from monitor.actions.step_alerts import step_alerts
from monitor.config.reading import from_object
from monitor.errors import NotFound
from monitor.service import Service
from monitor.store import config, installation, trigger_runs
from tests.alerting.make import reading
from tests.monitor.api.calling import Api
from tests.monitor.world import NOW, T0, D, H, World, traffic
from tests.orchestrators.base import Orchestrator, served
from tests.orchestrators.every import ENVIRONMENT
from tests.orchestrators.schedulers import Dagster, Prefect


@pytest.fixture
def api(service: Service, monkeypatch: pytest.MonkeyPatch) -> Api:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Api(service, NOW)


@pytest.fixture
def there() -> Iterator[Orchestrator]:
    made = Prefect()
    with served(made):
        yield made


def put(api: Api, settings: dict[str, Any], plan: bool = False) -> tuple[int, Any]:
    document = {"triggers": {"retrain": settings}, "models": {"m": {"rules": []}}}
    answer = api.call("PUT", f"/v1/config{'?plan=true' if plan else ''}", json=document)
    return answer.status_code, answer.json()


def saved(api: Api) -> bool:
    with api.service.database.read() as connection:
        return "retrain" in config.objects(connection, "trigger")


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        ({"gone": True}, {}, "Deployment not found"),
        ({"paused": True}, {}, "is paused"),
        ({}, {"parameters": {"model": "m", "rows": "many"}}, "'many' is not of type 'integer'"),
        ({}, {"parameters": {"model": "m", "colour": "red"}}, "no parameter 'colour'"),
        ({"secret": "another"}, {}, "Unauthorized"),
    ],
)
def test_a_trigger_that_would_not_start_is_not_saved(
    api: Api, there: Orchestrator, change: dict[str, Any], given: dict[str, Any], words: str
) -> None:
    for name, value in change.items():
        setattr(there, name, value)
    for plan in (True, False):
        status, answer = put(api, there.configured(**given), plan)
        assert (status, answer["error"]["field"]) == (422, "triggers.retrain")
        assert words in answer["error"]["message"]
    assert not saved(api)
    assert there.runs == []


def test_an_orchestrators_sentence_ends_once(api: Api) -> None:
    dagster = Dagster()
    with served(dagster):
        _, answer = put(api, dagster.configured(run_config={"rows": 1}), True)
    assert answer["error"]["message"].endswith(" at the root. Nothing was changed.")


def test_a_trigger_is_tried_when_it_is_new_or_changed(api: Api, there: Orchestrator) -> None:
    assert put(api, there.configured()) == (
        200,
        {
            "version": 1,
            "changes": [
                {"kind": "model", "name": "m", "change": "added", "keys": []},
                {"kind": "trigger", "name": "retrain", "change": "added", "keys": []},
            ],
            "warnings": [],
        },
    )
    there.paused = True
    assert put(api, there.configured())[0] == 200
    assert put(api, there.configured(start_by="2h"))[0] == 422


def test_what_cannot_be_asked_is_a_warning(api: Api, there: Orchestrator, monkeypatch: pytest.MonkeyPatch) -> None:
    status, answer = put(api, {**there.configured(), "url": "http://127.0.0.1:9/api"})
    assert (status, answer["warnings"]) == (
        200,
        ["triggers.retrain: no connection could be made; it was not checked"],
    )
    monkeypatch.delenv("PASSWORD")
    status, answer = put(api, there.configured())
    assert "PASSWORD is not set in the environment" in answer["warnings"][0]
    assert saved(api)


def test_a_service_starts_whatever_its_triggers_say(
    api: Api, there: Orchestrator, caplog: pytest.LogCaptureFixture
) -> None:
    there.paused = True
    document = from_object({"triggers": {"retrain": there.configured()}})
    with caplog.at_level(logging.WARNING):
        apply_checked.warn_of_triggers(api.service, document, NOW, ENVIRONMENT)
    (said,) = [record.__dict__ for record in caplog.records if record.message == "trigger"]
    assert said["trigger"] == "retrain"
    assert said["problem"].endswith("the deployment train/nightly is paused.")


HOOK = {"type": "webhook", "url": "http://127.0.0.1:9/x"}
CHANNEL = {"channels": {"ops": {"type": "webhook", "url": "http://127.0.0.1:9/ops"}}}


def apply(api: Api, **document: Any) -> tuple[int, str | None]:
    answer = api.call("PUT", "/v1/config", json=document)
    return answer.status_code, answer.json().get("error", {}).get("field")


def asking(**rule: Any) -> dict[str, Any]:
    return {"m": {"rules": [{"name": "drift", "check": "data_drift", "trigger": "retrain", **rule}]}}


def test_a_deadline_that_cannot_be_is_named(api: Api) -> None:
    late = {**HOOK, "start_by": "2h", "finish_by": "1h"}
    assert apply(api, triggers={"retrain": late}) == (422, "triggers.retrain.start_by")


def test_somebody_has_to_be_there_who_can_approve(api: Api) -> None:
    waits = {"retrain": {**HOOK, "approval": True}}
    for rule in ({}, {"notify": []}):
        assert apply(api, models=asking(**rule), triggers=waits) == (422, "models.m.rules.0.notify")
    assert apply(api, models=asking(notify=["ops"]), triggers=waits, **CHANNEL) == (200, None)
    assert apply(api, models=asking(), default_notify=["ops"]) == (200, None)
    assert apply(api, default_notify=[]) == (422, "default_notify")
    assert apply(api, triggers={"other": HOOK}) == (200, None)
    assert apply(api, models=asking(), triggers={"retrain": HOOK}, default_notify=[]) == (200, None)
    assert apply(api, triggers=waits) == (422, "triggers.retrain.approval")
    patched = api.call("PATCH", "/v1/models/m", json={"rules": asking(notify=[])["m"]["rules"]})
    assert patched.status_code == 200
    assert apply(api, triggers=waits, models=asking(notify=["ops"])) == (200, None)
    patched = api.call("PATCH", "/v1/models/m", json={"rules": asking(notify=[])["m"]["rules"]})
    assert (patched.status_code, patched.json()["error"]["field"]) == (422, "rules.0.notify")


@pytest.fixture
def world(service: Service) -> World:
    """Two days of two versions, the labels of the first known after an hour."""
    made = World(service)
    rows = traffic(T0, 24, per_hour=30, version="v1") + traffic(T0 + D, 24, per_hour=30, seed=2, version="v2")
    made.post(rows)
    made.label(rows[:720], delay=H)
    return made


def table_of(api: Api, path: str) -> pa.Table:
    answer = api.call("GET", path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    return pq.read_table(io.BytesIO(answer.content))


def run_of(world: World, run_id: str) -> trigger_runs.TriggerRun:
    with world.service.database.read() as connection:
        run = trigger_runs.get_run(connection, run_id)
    assert run is not None
    return run


def link_of(world: World, run_id: str) -> str:
    """The path of the link to the rows that a retraining is given."""
    with world.service.database.write() as connection:
        link = str(trigger_run_body(world.service, connection, run_of(world, run_id))["data_url"])
    return link.removeprefix(world.service.settings.public_url)


def fired(world: World, segment: str | None = None, **settings: Any) -> str:
    """The id of a retraining that an alert on the first day asked for."""
    trigger = {"type": "webhook", "url": "http://127.0.0.1:9/x", **settings}
    with world.service.database.write() as connection:
        config.put(connection, "trigger", "retrain", trigger)
        step_alerts(
            connection,
            world.found(connection),
            [Rule("drift", "data_drift", trigger="retrain")],
            [reading("warning", "x", end=T0 + D, version="v1", segment=segment)],
            as_of=T0 + D,
            wall_now=NOW,
            public_url="http://plimsoll.test",
            channels={},
            triggers={"retrain": trigger},
            owner=None,
            deliver=True,
            importance={},
        )
        return trigger_runs.runs_of_model(connection, world.found(connection).id)[0].id


def test_the_link_of_a_run_leads_to_the_rows_of_its_window(api: Api, world: World) -> None:
    manage_keys.create(world.service.database, "admin", "me", NOW)  # from here on a key is needed
    run_id = fired(world)
    path, run = link_of(world, run_id), run_of(world, run_id)
    table = table_of(api, path)
    assert len(table) == 720
    assert table.column("version").unique().to_pylist() == ["v1"]
    assert table.column_names == [
        "id", "timestamp", "version", "feature.x", "feature.kind", "prediction", "probability", "latency_ms", "error",
        "label", "labelled",
    ]  # fmt: skip
    rows = {one["id"]: one for one in traffic(T0, 24, per_hour=30, version="v1")}
    for got in table.to_pylist():
        sent = rows[got["id"]]
        assert got["feature.x"] == sent["features"]["x"]
        assert (got["prediction"], got["label"]) == (sent["prediction"], sent["label"])
        assert clock.render(int(got["timestamp"].timestamp() * 1_000_000)) == sent["timestamp"]
    for wrong in (
        path[:-1],
        path.replace("version=v1", "version=v2"),
        path.replace("2026-01-05", "2026-01-04"),
        path.split("&token")[0],
    ):
        assert api.call("GET", wrong).status_code == 401
    api.now = run.finish_by + D + clock.SECOND
    assert api.call("GET", path).status_code == 401


def test_the_link_of_an_alert_on_a_segment_leads_to_the_rows_of_it(api: Api, world: World) -> None:
    manage_keys.create(world.service.database, "admin", "me", NOW)
    path = link_of(world, fired(world, segment="kind=b"))
    rows = table_of(api, path)
    wanted = [one for one in traffic(T0, 24, per_hour=30, version="v1") if one["features"]["kind"] == "b"]
    assert sorted(rows.column("id").to_pylist()) == sorted(one["id"] for one in wanted)
    for wrong in ("&segment=kind%3Da", ""):
        assert api.call("GET", path.replace("&segment=kind%3Db", wrong)).status_code == 401


def test_the_name_of_a_segment_may_hold_an_equals_sign(api: Api, world: World) -> None:
    rows = traffic(T0 + 20 * D, 1, per_hour=4, prefix="e")
    for place, one in enumerate(rows):
        one["features"]["k=d"] = "x=y" if place % 2 else "x"
    world.post(rows)
    span = f"start={clock.render(T0 + 20 * D)}&end={clock.render(T0 + 21 * D)}"
    table = table_of(api, f"/v1/models/m/rows.parquet?{span}&segment=k%3Dd%3Dx%3Dy")
    assert table.column("feature.k=d").to_pylist() == ["x=y", "x=y"]


def test_the_link_of_an_alert_that_compares_groups_leads_to_the_rows_of_all(api: Api, world: World) -> None:
    path = link_of(world, fired(world, segment="kind=*"))
    assert "segment" not in path
    assert len(table_of(api, path)) == 720


@pytest.mark.parametrize(
    ("segment", "rows", "status"),
    [("kind=nobody", 0, 200), ("kind", None, 422), ("colour=red", None, 422), ("=b", None, 422)],
)
def test_a_segment_is_of_a_column_there_is(api: Api, world: World, segment: str, rows: int | None, status: int) -> None:
    query = {"start": clock.render(T0), "end": clock.render(T0 + D), "segment": segment}
    answer = api.call("GET", f"/v1/models/m/rows.parquet?{urlencode(query)}")
    assert answer.status_code == status
    if rows is None:
        assert answer.json()["error"]["field"] == "segment"
    else:
        assert len(pq.read_table(io.BytesIO(answer.content))) == rows


def test_labels_are_those_that_were_known(api: Api, world: World) -> None:
    start, end = clock.render(T0), clock.render(T0 + 2 * D)
    path = f"/v1/models/m/rows.parquet?start={start}&end={end}"
    now = table_of(api, path)
    assert len(now) == 1440
    assert np.sum(now.column("labelled").to_numpy()) == 720
    then = table_of(api, f"{path}&as_of={clock.render(T0 + 12 * H)}")
    assert len(then) == 360  # what came later was not known
    assert 300 < np.sum(then.column("labelled").to_numpy()) < 360
    of_v2 = table_of(api, f"{path}&version=v2")
    assert (len(of_v2), of_v2.column("label").null_count) == (720, 720)
    none = table_of(api, f"/v1/models/m/rows.parquet?start={clock.render(T0 - D)}&end={start}")
    assert (len(none), none.schema.names) == (0, now.schema.names)


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("?start=2026-01-05", 422), ("?start=2026-01-06&end=2026-01-05", 422), ("?start=x&end=y", 422),
     ("?start=2026-01-05&end=2026-01-06&colour=red", 422)],
)  # fmt: skip
def test_a_window_that_is_none(api: Api, world: World, query: str, status: int) -> None:
    assert api.call("GET", f"/v1/models/m/rows.parquet{query}").status_code == status
    assert api.call("GET", "/v1/models/nope/rows.parquet?start=2026-01-05&end=2026-01-06").status_code == 404


def test_rows_are_sent_in_pieces(world: World) -> None:
    pieces = [piece for piece in rows_parquet(world.service, Window("m", None, T0, T0 + 2 * D), NOW) if piece]
    assert len(pieces) > 1
    assert len(pq.read_table(io.BytesIO(b"".join(pieces)))) == 1440
    with pytest.raises(NotFound):
        rows_parquet(world.service, Window("nope", None, T0, T0 + D), NOW)


def test_a_token_is_of_one_installation(api: Api, world: World) -> None:
    manage_keys.create(world.service.database, "admin", "me", NOW)
    with world.service.database.write() as connection:
        installation.secret(connection)
    link = rows_url("", b"another secret", Window("m", None, T0, T0 + D), NOW + D)
    assert api.call("GET", link).status_code == 401
    assert api.call("GET", link.replace("token=", "token=x")).status_code == 401


def test_a_retraining_is_approved_over_http(api: Api, world: World) -> None:
    run_id = fired(world, approval=True)
    assert api.call("POST", "/v1/trigger-runs/nope/approve").status_code == 404
    first = api.call("POST", f"/v1/trigger-runs/{run_id}/approve")
    assert (first.status_code, first.json()["state"]) == (200, "requested")
    assert first.json()["approval"] == {
        "open": False, "asked_at": clock.render(NOW), "answer": "approved", "by": None,
        "answered_at": clock.render(NOW),
    }  # fmt: skip
    assert api.call("POST", f"/v1/trigger-runs/{run_id}/deny").status_code == 409
    assert api.get("/v1/models/m")["retrainings"] == {
        "requested": 1, "succeeded": 0, "recovered": 0, "not_recovered": 0,
    }  # fmt: skip


@pytest.mark.one_engine
@pytest.mark.parametrize("word", ["approve", "deny"])
def test_who_answers_a_retraining_and_why_stands_in_the_timeline(api: Api, world: World, word: str) -> None:
    path = f"/v1/trigger-runs/{fired(world, approval=True)}/{word}"
    assert api.call("POST", path, json={"who": "Ada"}).status_code == 422
    assert api.call("POST", path, json={"author": 7}).json()["error"]["field"] == "author"
    told = api.call("POST", path, json={"author": "Ada", "comment": "the fair is over"}).json()
    assert (told["approval"]["by"], told["approval"]["comment"]) == ("Ada", "the fair is over")
    alert = api.get(f"/v1/alerts/{told['alert']}")
    said = next(one for one in alert["transitions"] if "Ada" in one["reason"])
    assert said["reason"].endswith(f"{told['approval']['answer']} by Ada: the fair is over")
    assert (said["details"]["author"], said["details"]["comment"]) == ("Ada", "the fair is over")


def test_a_retraining_is_denied_on_the_page(api: Api, world: World) -> None:
    run_id = fired(world, approval=True)
    (alert,) = api.get("/v1/alerts")["items"]
    page = api.call("GET", f"/alerts/{alert['id']}").text
    action = f"/alerts/{alert['id']}/retrainings/{run_id}/deny"
    assert "It waits until somebody approves it" in page
    assert f'action="{action}"' in page
    assert api.call("POST", action.replace("/deny", "/perhaps")).status_code == 422
    assert api.call("POST", action, data={"comment": "not today"}).status_code == 303
    page = api.call("GET", f"/alerts/{alert['id']}").text
    assert "denied by a person: not today" in page
    assert action not in page
    assert "1 asked for, 0 succeeded" in api.call("GET", "/models/m").text
