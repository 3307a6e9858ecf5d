"""Pages over HTTP: who may see and do what, what is escaped, what may be cached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from alerting.rules import Rule
from alerting.words import DAY
from monitor import clock
from monitor.actions.manage_keys import create, revoke
from monitor.api.access import COOKIE
from monitor.api.app import create_app
from monitor.api.sign_in import local
from monitor.service import Service
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs, make_service
from tests.monitor.api.serving import serving

RULE = Rule("drift", "data_drift", notify=("ops",), trigger="retrain")


@dataclass
class Site:
    """A service behind a socket, and somebody's browser."""

    runs: Runs
    service: Service
    browser: httpx.Client

    def fire(self) -> str:
        found = reading("warning", check=RULE.check, end=MIDNIGHT)
        return str(self.runs.run([RULE], found, as_of=found.end, wall_now=clock.now())[0]["id"])

    def key(self, scope: str) -> str:
        return create(self.service.database, scope, scope, clock.now())

    def sign_in(self, key: str, target: str = "/") -> httpx.Response:
        return self.browser.post("/sign-in", data={"key": key, "next": target})

    def token(self, path: str) -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.browser.get(path).text)
        assert found is not None
        return found[1]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    runs = make_runs(tmp_path)
    service = make_service(runs)
    with serving(create_app(service)) as url, httpx.Client(base_url=url, headers={"Accept": "text/html"}) as browser:
        yield Site(runs, service, browser)
    service.database.close()


def test_without_keys_this_machine_sees_and_does_everything(site: Site) -> None:
    alert = site.fire()
    assert "Acknowledge" in site.browser.get(f"/alerts/{alert}").text
    answer = site.browser.post(f"/alerts/{alert}/acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{alert}")
    assert "acknowledged by a person" in site.browser.get(f"/alerts/{alert}").text


@pytest.mark.parametrize("path", ["acknowledge", "resolve", "silence"])
def test_another_sites_form_is_refused(site: Site, path: str) -> None:
    alert = site.fire()
    elsewhere = {"Origin": "https://evil.example"}
    assert site.browser.post(f"/alerts/{alert}/{path}", headers=elsewhere).status_code == 403
    assert site.browser.post("/sign-in", data={"key": "x"}, headers=elsewhere).status_code == 403


def test_a_sessions_form_needs_its_token(site: Site) -> None:
    alert = site.fire()
    assert site.sign_in(site.key("admin")).status_code == 303
    path = f"/alerts/{alert}"
    for wrong in ({}, {"token": ""}, {"token": "0" * 64}):
        assert site.browser.post(f"{path}/acknowledge", data=wrong).status_code == 403
    assert site.browser.post("/sign-out").status_code == 403
    assert site.browser.post(f"{path}/acknowledge", data={"token": site.token(path)}).status_code == 303
    assert site.browser.post("/sign-out", data={"token": site.token("/")}).status_code == 303
    assert site.browser.get("/").headers["location"] == "/sign-in?next=/"


def test_a_reader_sees_no_buttons_and_may_not_press_them(site: Site) -> None:
    alert = site.fire()
    site.sign_in(site.key("read"))
    page = site.browser.get(f"/alerts/{alert}").text
    assert "Acknowledge" not in page
    answer = site.browser.post(f"/alerts/{alert}/acknowledge", data={"token": site.token(f"/alerts/{alert}")})
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_ends_with_its_key(site: Site) -> None:
    answer = site.sign_in(site.key("read"))
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    assert site.browser.get("/").status_code == 200
    revoke(site.service.database, "read", clock.now())
    assert site.browser.get("/").status_code == 303


@pytest.mark.parametrize("scope", ["ingest", None])
def test_a_key_that_cannot_read_does_not_sign_in(site: Site, scope: str | None) -> None:
    site.key("admin")
    answer = site.sign_in("plimsoll_wrong" if scope is None else site.key(scope))
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not known here" in answer.text


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/models/m?range=7d", "/models/m?range=7d"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nSet-Cookie: x=1", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_own_pages_only(target: str, lands: str) -> None:
    assert local(target) == lands


def test_pages_are_escaped_never_stored_and_run_own_scripts_only(site: Site) -> None:
    answer = site.browser.get("/alerts", params={"model": '"><script>alert(1)</script>'})
    assert "<script>alert" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe-eval" not in answer.headers["content-security-policy"]


def test_the_plot_library_is_sent_once(site: Site) -> None:
    first = site.browser.get("/static-plotly/plotly.min.js")
    assert first.status_code == 200
    assert "plotly.js v" in first.text[:200]
    assert "max-age" in first.headers["cache-control"]
    again = site.browser.get("/static-plotly/plotly.min.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = site.browser.get("/static-plotly/plotly.min.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == first.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/nobody", 404),
        ("/models/nobody/features/x", 404),
        ("/alerts/nothing", 404),
        ("/nowhere", 404),
        ("/?page=0", 422),
        ("/?page=x", 422),
        ("/alerts?state=asleep", 422),
        ("/alerts?cursor=x", 422),
    ],
)
def test_mistakes_are_told_on_a_page(site: Site, path: str, status: int) -> None:
    answer = site.browser.get(path)
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert "To the fleet" in answer.text


def test_a_silence_holds_for_the_rule_on_its_model_and_needs_a_time_to_come(site: Site) -> None:
    alert = site.fire()
    for until in ("", "soon", "2001-01-01T00:00"):
        answer = site.browser.post(f"/alerts/{alert}/silence", data={"until": until, "comment": "why"})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    until = clock.render(clock.now() + DAY)[:16]
    assert site.browser.post(f"/alerts/{alert}/silence", data={"until": until, "comment": "known"}).status_code == 303
    held = site.browser.get("/v1/silences").json()["items"]
    about = site.browser.get(f"/v1/alerts/{alert}").json()
    assert [(one["matchers"], one["comment"]) for one in held] == [
        ({"model": about["model"], "rule": about["rule"]}, "known")
    ]


def test_the_timeline_says_what_was_found_and_by_which_clock(site: Site) -> None:
    """Windows of long ago, seen today, and answered today."""
    alert = site.fire()
    worse = reading("critical", check=RULE.check, end=MIDNIGHT + DAY, details={"summary": "temp: 41 % of rows moved"})
    site.runs.run([RULE], worse, as_of=worse.end, wall_now=clock.now())
    site.browser.post(f"/alerts/{alert}/acknowledge")
    told = {one["kind"]: one for one in site.browser.get(f"/v1/alerts/{alert}").json()["transitions"]}
    assert told["raised"]["summary"] == "temp: 41 % of rows moved"
    assert told["raised"]["at"] == clock.render(worse.end)
    assert clock.parse(told["raised"]["noted_at"]) > worse.end + DAY
    assert told["acknowledged"]["at"] == told["acknowledged"]["noted_at"]
    _, timeline = site.browser.get(f"/alerts/{alert}").text.split('id="timeline-title"')
    entries = timeline.split("<li>")[1:]
    lines = {kind: line for line in entries for kind in told if f"<strong>{kind.replace('_', ' ')}<" in line}
    assert "temp: 41 % of rows moved" in lines["raised"]
    assert lines["pending"].count("temp: warning") == 1  # its reason says it
    assert {kind for kind, line in lines.items() if "noted <time" in line} == {*told} - {"acknowledged"}
    assert "Two clocks" in timeline


def test_resolving_twice_is_what_was_wanted(site: Site) -> None:
    alert = site.fire()
    assert site.browser.post(f"/alerts/{alert}/resolve").status_code == 303
    assert site.browser.post(f"/alerts/{alert}/resolve").status_code == 303
    assert "resolved" in site.browser.get(f"/alerts/{alert}").text


def test_a_shared_link_keeps_its_range_through_sign_in(site: Site) -> None:
    site.key("read")
    asked = site.browser.get("/models/m?start=2026-01-05&end=2026-01-09").headers["location"]
    assert asked == "/sign-in?next=/models/m%3Fstart%3D2026-01-05%26end%3D2026-01-09"
    assert 'value="/models/m?start=2026-01-05&amp;end=2026-01-09"' in site.browser.get(asked).text
