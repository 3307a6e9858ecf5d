"""Every page in a real Chromium: both schemes, both widths, all of it clicked through, and nothing in the console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from monitor import clock
from monitor.actions import manage_keys
from tests.end_to_end.browser import NARROW, WIDE, Watched, chromium, watching
from tests.end_to_end.scene import MODEL, NOW, ODD, START, Scene, must, rows, running

pytestmark = pytest.mark.browser
FEATURES = f"/models/{MODEL}/features"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def session(browser: Any) -> Any:
    return browser.new_context()


def pages_of(scene: Scene) -> list[str]:
    models = [f"/models/{name}" for name in ("no-reference-yet", "sleeping", "prices")]
    features = [f"{FEATURES}/{quote(name, safe='')}" for name in ("channel", ODD, "score")]
    alert = f"/alerts/{scene.alert}"
    return [
        "/",
        f"/models/{MODEL}?range=all",
        f"/models/{MODEL}?range=24h",
        *models,
        *features,
        "/alerts",
        alert,
        "/channels",
    ]


@pytest.mark.one_engine
def test_every_page_fits_when_it_is_opened_narrow_and_dark_and_when_it_is_then_wide_and_light(
    session: Any, scene: Scene
) -> None:
    with watching(session, scene.url, scheme="dark", width=NARROW) as watched:
        for path in pages_of(scene):
            watched.go(path)
            watched.whole()
            _sound(watched, path)
            watched.page.emulate_media(color_scheme="light")
            watched.page.set_viewport_size({"width": WIDE, "height": 900})
            _sound(watched, path)
            watched.page.emulate_media(color_scheme="dark")
            watched.page.set_viewport_size({"width": NARROW, "height": 900})


@pytest.mark.one_engine
def test_the_main_pages_fit_when_they_are_opened_wide_and_light(session: Any, scene: Scene) -> None:
    with watching(session, scene.url) as watched:
        for path in ("/", f"/models/{MODEL}", f"{FEATURES}/income", f"/alerts/{scene.alert}", "/sign-in"):
            watched.go(path)
            _sound(watched, path)


def _sound(watched: Watched, path: str) -> None:
    """No sideways scrolling, one heading and one main part, a name on every field."""
    page = watched.page
    assert watched.overflow() <= 0, path
    assert page.locator("h1").count() == page.locator("main#main").count() == 1, path
    nameless = "all => all.filter(one => !one.closest('label')).length"
    assert page.locator("input:not([type=hidden]):not([id])").evaluate_all(nameless) == 0, path


@pytest.mark.one_engine
def test_from_the_fleet_down_to_a_feature_and_back(session: Any, scene: Scene) -> None:
    with watching(session, scene.url) as watched:
        page = watched.page
        watched.go("/")
        first = page.locator("table.fleet tbody tr").first
        assert MODEL in first.inner_text()
        assert "unhealthy" in first.inner_text()
        page.get_by_role("link", name=MODEL, exact=True).click()
        watched.settle()
        assert watched.path == f"/models/{MODEL}"
        assert "at most 1 false alarm expected" in page.locator(".ledger").inner_text()
        assert "channel-psi" in page.locator(".ledger").inner_text()
        _click_worst_cell(page)
        page.wait_for_url("**/features/*")
        watched.settle()
        assert watched.path.startswith(FEATURES)
        page.get_by_role("link", name="whole range").click()
        watched.settle()
        assert "window=range" in watched.path
        page.get_by_role("link", name=MODEL, exact=True).click()
        watched.settle()
        assert watched.path == f"/models/{MODEL}"


def _click_worst_cell(page: Any) -> None:
    """The top right corner of the heatmap: the worst feature's newest window."""
    box = page.locator("#drift_heatmap .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 8)
    page.wait_for_selector("#drift_heatmap .hoverlayer .hovertext")
    page.mouse.click(box["x"] + box["width"] - 14, box["y"] + 8)


@pytest.mark.one_engine
def test_ranges_metrics_and_lengths_are_chosen_by_links_that_can_be_shared(session: Any, scene: Scene) -> None:
    with watching(session, scene.url) as watched:
        page = watched.page
        watched.go(f"/models/{MODEL}")
        page.get_by_role("navigation", name="Metric").get_by_role("link", name="ROC AUC").click()
        page.wait_for_load_state()
        assert page.get_by_role("heading", name="Performance: ROC AUC").count() == 1
        page.get_by_role("navigation", name="Time range").get_by_role("link", name="7d").click()
        page.wait_for_load_state()
        assert page.get_by_role("heading", name="Performance: ROC AUC").count() == 1
        assert "range=7d" in watched.path
        page.get_by_label("From", exact=True).fill("2026-06-20")
        page.get_by_label("through").fill("2026-06-27")
        page.get_by_role("button", name="Show").click()
        page.wait_for_load_state()
        assert page.get_by_label("From", exact=True).input_value() == "2026-06-20"
        assert page.get_by_label("through").input_value() == "2026-06-27"
        page.get_by_role("link", name="Link to exactly this").click()
        page.wait_for_load_state()
        assert page.get_by_label("through").input_value() == "2026-06-27"
        page.get_by_role("navigation", name="Window length").get_by_role("link", name="7 days").click()
        page.wait_for_load_state()
        assert "length=168" in watched.path


@pytest.mark.one_engine
def test_figures_follow_the_colour_scheme(session: Any, scene: Scene) -> None:
    with watching(session, scene.url, scheme="light") as watched:
        watched.go(f"{FEATURES}/income")
        stroke = "document.querySelector('#distribution .scatterlayer .js-line:last-child').style.stroke"
        light = watched.page.evaluate(stroke)
        watched.page.emulate_media(color_scheme="dark")
        watched.page.wait_for_function(f"before => {stroke} !== before", arg=light)


@pytest.mark.one_engine
def test_alerts_are_filtered_by_model_and_state(session: Any, scene: Scene) -> None:
    with watching(session, scene.url) as watched:
        page = watched.page
        watched.go("/alerts")
        everything = page.locator("table.alerts tbody tr").count()
        page.get_by_label("State").select_option("firing")
        page.get_by_label("Model").select_option(MODEL)
        page.get_by_role("button", name="Show").click()
        assert 0 < page.locator("table.alerts tbody tr").count() <= everything
        page.get_by_label("Model").select_option("churn")
        page.get_by_role("button", name="Show").click()
        assert "No alert matches" in page.locator("main").inner_text()


@pytest.mark.one_engine
def test_an_alert_is_told_with_its_evidence_messages_and_retraining(session: Any, scene: Scene) -> None:
    with watching(session, scene.url) as watched:
        _await_retraining(scene)
        watched.go(f"/alerts/{scene.alert}")
        text = watched.page.locator("main").inner_text()
        for words in ("Evidence", "income", "rows moved", "firing", "retraining succeeded", "delivered", "job-7"):
            assert words in text
        assert {one.path for one in scene.outside.received} == {"/ops", "/train"}


@pytest.mark.one_engine
def test_a_performance_alert_is_explained_when_somebody_asks(session: Any, scene: Scene) -> None:
    found = scene.client.get("/v1/alerts", params={"model": MODEL}).json()["items"]
    alert = next(one["id"] for one in found if one["check"] == "performance")
    with watching(session, scene.url) as watched:
        watched.go(f"/alerts/{alert}")
        watched.page.get_by_role("button", name="Explain").click()
        watched.page.wait_for_url("**explain=yes**")
        watched.whole()
        text = watched.page.locator("main").inner_text()
        assert "What the rise is made of" in text
        assert "because the same inputs turn out otherwise" in text


def _await_retraining(scene: Scene) -> None:
    for _ in range(200):
        runs = scene.client.get(f"/v1/alerts/{scene.alert}").json()["trigger_runs"]
        if runs and runs[0]["state"] == "succeeded":
            return
        time.sleep(0.05)
    raise AssertionError("the retraining did not report")


@pytest.mark.one_engine
def test_without_scripts_everything_but_the_plots_can_be_read(browser: Any, scene: Scene) -> None:
    with watching(browser.new_context(java_script_enabled=False), scene.url) as watched:
        page = watched.page
        answer = page.goto(f"{scene.url}/models/{MODEL}")
        assert answer.status == 200
        assert "2 features of 4 moved beyond what is tolerated" in page.locator("main").inner_text()
        page.locator("#drift_heatmap-title >> xpath=ancestor::section >> details summary").click()
        assert "channel" in page.locator("section:has(#drift_heatmap) .numbers table").inner_text()
        assert "The plot needs scripts" in page.locator("#drift_heatmap").inner_text()


@pytest.mark.one_engine
def test_the_keyboard_reaches_the_content_first(session: Any, scene: Scene) -> None:
    with watching(session, scene.url) as watched:
        page = watched.page
        watched.go(f"/models/{MODEL}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Fleet"


@pytest.mark.one_engine
def test_what_cannot_be_is_told_on_a_page(session: Any, scene: Scene) -> None:
    with watching(session, scene.url, but="Failed to load resource") as watched:
        for path, status in (("/models/nobody", 404), ("/nowhere", 404), (f"/models/{MODEL}?range=2w", 422)):
            watched.go(path, status=status)
            assert watched.page.get_by_role("link", name="To the fleet").count() == 1


def test_an_empty_service_says_how_to_begin(session: Any, tmp_path: Path) -> None:
    with running(tmp_path) as (_, url), watching(session, url, width=NARROW) as watched:
        watched.go("/")
        assert f"curl -X POST {url}/v1/models/my-model/predictions" in watched.page.locator("pre").inner_text()
        assert watched.overflow() <= 0
        watched.go("/alerts")
        assert "No alert was ever opened" in watched.page.locator("main").inner_text()


@pytest.fixture(scope="module")
def guarded(
    on_each_engine: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, str], str]]:
    """A service with keys and one firing alert: its address, its keys by scope, and the alert's id."""
    with running(tmp_path_factory.mktemp("guarded")) as (service, url):
        keys = {scope: manage_keys.create(service.database, scope, scope, NOW) for scope in ("admin", "read", "ingest")}
        headers = {"Authorization": f"Bearer {keys['admin']}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            reference = rows(20, 50, START, shift_after=99, seed=1)
            must(client.put("/v1/models/m/references/training", json=reference))
            log = rows(2, 100, START + 20 * clock.DAY, shift_after=0, seed=2)
            must(client.post("/v1/models/m/predictions", json=[_without_label(row) for row in log]))
            as_of = clock.render(START + 22 * clock.DAY + 5 * clock.MINUTE)
            found = client.post("/v1/models/m/runs", json={"as_of": as_of}).json()["alerts"]
        yield url, keys, next(alert["id"] for alert in found if alert["state"] == "firing")


def _without_label(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "label"}


def _sign_in(watched: Any, key: str) -> None:
    watched.page.get_by_label("Key").fill(key)
    watched.page.get_by_role("button", name="Sign in").click()
    watched.settle()


def test_people_sign_in_with_a_key_and_out_again(session: Any, guarded: tuple[str, dict[str, str], str]) -> None:
    url, keys, alert = guarded
    with watching(session, url) as watched:
        page = watched.page
        watched.go(f"/alerts/{alert}")
        assert watched.path == f"/sign-in?next=/alerts/{alert}"
        for wrong in ("plimsoll_nonsense", keys["ingest"]):
            _sign_in(watched, wrong)
            assert "not known here" in page.get_by_role("alert").inner_text()
        watched.troubles[:] = [one for one in watched.troubles if "401" not in one]
        _sign_in(watched, keys["read"])
        assert watched.path == f"/alerts/{alert}"
        assert page.get_by_role("button", name="Acknowledge").count() == 0
        page.get_by_role("button", name="Sign out").click()
        watched.settle()
        watched.go("/")
        assert watched.path == "/sign-in?next=/"


def test_an_alert_is_acknowledged_silenced_and_resolved(session: Any, guarded: tuple[str, dict[str, str], str]) -> None:
    url, keys, alert = guarded
    with watching(session, url, width=NARROW) as watched:
        page = watched.page
        watched.go(f"/sign-in?next=/alerts/{alert}")
        _sign_in(watched, keys["admin"])
        page.get_by_role("button", name="Acknowledge").click()
        watched.settle()
        assert "acknowledged by admin" in page.locator("main").inner_text()
        assert page.get_by_role("button", name="Acknowledge").count() == 0
        page.get_by_text("Silence …").click()
        page.get_by_label("Time (UTC)").fill("2020-01-01T00:00")
        page.get_by_label("Why").fill("known: the partner channel opened")
        page.get_by_role("button", name="Silence", exact=True).click()
        watched.settle()
        assert "yet to come" in page.get_by_role("alert").inner_text()
        watched.troubles[:] = [one for one in watched.troubles if "422" not in one]
        page.get_by_label("Why").fill("known: the partner channel opened")
        page.get_by_role("button", name="Silence", exact=True).click()
        watched.settle()
        assert "known: the partner channel opened" in page.locator("main").inner_text()
        assert watched.overflow() <= 0
        page.get_by_role("button", name="Resolve").click()
        watched.settle()
        assert "resolved" in page.locator(".head").inner_text()
        assert page.get_by_role("button", name="Resolve").count() == 0
