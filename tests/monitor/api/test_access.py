"""Deny by default: every route is walked with no key, wrong keys and the right one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount

from monitor.actions import manage_keys
from monitor.api.access import COOKIE, OPEN, api_routes, refuse_unguarded, scope_of_route
from monitor.api.app import create_app
from monitor.errors import Invalid
from monitor.service import Service
from monitor.serving import refuse_open_door
from tests.monitor.api.calling import Api
from tests.monitor.world import NOW

REACH = {"ingest": {"ingest", "admin"}, "read": {"read", "admin"}, "admin": {"admin"}}
CONTRACT = {  # what CONTRACT.md names, with the scope it says
    ("POST", "/v1/models/{}/predictions"): "ingest",
    ("GET", "/v1/models/{}/predictions/{}"): "read",
    ("POST", "/v1/models/{}/labels"): "ingest",
    ("PUT", "/v1/models/{}/references/{}"): "admin",
    ("GET", "/v1/models"): "read",
    ("GET", "/v1/models/{}"): "read",
    ("PATCH", "/v1/models/{}"): "admin",
    ("POST", "/v1/models/{}/runs"): "admin",
    ("GET", "/v1/models/{}/readings"): "read",
    ("GET", "/v1/models/{}/distributions/{}"): "read",
    ("GET", "/v1/models/{}/quarantine"): "read",
    ("GET", "/v1/models/{}/health"): "read",
    ("POST", "/v1/gates/flagger/{}"): "read",
    ("GET", "/v1/alerts"): "read",
    ("GET", "/v1/alerts/{}"): "read",
    ("POST", "/v1/alerts/{}/acknowledge"): "admin",
    ("POST", "/v1/alerts/{}/resolve"): "admin",
    ("GET", "/v1/silences"): "read",
    ("POST", "/v1/silences"): "admin",
    ("PUT", "/v1/config"): "admin",
    ("POST", "/v1/trigger-runs/{}"): OPEN,
    ("POST", "/v1/trigger-runs/{}/approve"): "admin",
    ("POST", "/v1/trigger-runs/{}/deny"): "admin",
    ("GET", "/v1/models/{}/rows.parquet"): OPEN,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): "read",
    ("GET", "/openapi.json"): "read",
}


@pytest.fixture
def api(service: Service) -> Api:
    return Api(service, NOW)


def routes(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    found = list(api_routes(route for route in app.routes if not isinstance(route, Mount)))
    assert len(found) > 20
    for route in found:
        scope = scope_of_route(route)
        assert scope is not None
        for method in sorted(route.methods - {"HEAD"}):
            yield method, re.sub(r"\{[^}]*\}", "x", route.path), scope


def test_every_route_asks_for_its_scope(api: Api) -> None:
    keys = {scope: manage_keys.create(api.service.database, scope, scope, NOW) for scope in REACH}
    for method, path, scope in routes(api.app):
        api.key = None
        bare = api.call(method, path).status_code
        if scope == OPEN:
            own_token = ("/v1/trigger-runs/x", "/v1/models/x/rows.parquet", "/v1/slack/")
            assert path.startswith((*own_token, "/livez", "/readyz", "/sign-", "/static")), path
            continue
        assert bare == 401, (method, path)
        api.key = "plimsoll_wrong"
        assert api.call(method, path).status_code == 401, (method, path)
        for held, api.key in keys.items():
            status = api.call(method, path).status_code
            if held in REACH[scope]:
                assert status not in (401, 403), (method, path, held)
            else:
                assert status == 403, (method, path, held)


def test_the_contract_names_its_scopes(api: Api) -> None:
    scopes = {(method, path): scope for method, path, scope in routes(api.app)}
    for (method, path), scope in CONTRACT.items():
        assert scopes[(method, path.replace("{}", "x"))] == scope, (method, path)


def test_a_route_without_a_scope_keeps_the_app_from_starting() -> None:
    router = APIRouter()

    @router.get("/bare")
    def bare() -> None:
        """Names no scope."""

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    with pytest.raises(RuntimeError, match="/bare names no scope"):
        refuse_unguarded(app)


def test_an_unknown_key_says_so_in_the_error_s_form(api: Api) -> None:
    api.key = manage_keys.create(api.service.database, "read", "r", NOW)
    manage_keys.revoke(api.service.database, "r", NOW)
    answer = api.call("GET", "/v1/models")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "unauthorized"


def test_revoking_the_last_key_does_not_open_the_doors(api: Api) -> None:
    manage_keys.create(api.service.database, "admin", "a", NOW)
    manage_keys.revoke(api.service.database, "a", NOW)
    assert api.call("GET", "/v1/models").status_code == 401


def test_without_keys_this_machine_is_served(api: Api) -> None:
    assert api.call("GET", "/v1/models").status_code == 200
    assert api.call("POST", "/v1/models/m/predictions", json=[]).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Cookie": f"{COOKIE}=x"}])
def test_a_foreign_name_is_refused_where_no_key_guards(api: Api, headers: dict[str, str]) -> None:
    api.host = "rebound.example:8000"
    assert api.call("GET", "/v1/models", headers=headers).status_code == 403
    api.key = manage_keys.create(api.service.database, "read", "r", NOW)
    assert api.call("GET", "/v1/models").status_code == 200
    api.key = None
    assert api.call("GET", "/v1/models", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_other_sites_cannot_post(api: Api, headers: dict[str, str], status: int) -> None:
    assert api.call("PUT", "/v1/config", headers=headers, json={}).status_code == status


def test_it_refuses_to_bind_elsewhere_without_keys(service: Service) -> None:
    elsewhere = replace(service, settings=replace(service.settings, host="0.0.0.0"))
    with pytest.raises(Invalid, match="plimsoll keys create"):
        refuse_open_door(elsewhere)
    refuse_open_door(service)
    manage_keys.create(service.database, "read", "r", NOW)
    refuse_open_door(elsewhere)


def test_security_headers_on_every_answer(api: Api) -> None:
    for path in ("/livez", "/v1/models", "/nowhere"):
        headers = api.call("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


def test_create_app_twice(service: Service) -> None:
    assert create_app(service) is not create_app(service)
