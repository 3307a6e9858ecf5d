"""The documentation names everything that there is, its links lead somewhere, and its examples run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from fastapi import FastAPI
from pydantic import BaseModel

from alerting.registry import CHANNELS, TRIGGERS
from bench.pictures.__main__ import PICTURES
from dashboards.registry import PANELS
from detectors.estimation.measure import PREFIX
from detectors.registry import ESTIMATED, MULTIVARIATE, SEQUENTIAL, TWO_SAMPLE
from monitor import cli
from monitor.actions import apply_config
from monitor.actions.exposition import exposition
from monitor.api.access import scope_of_route
from monitor.api.app import create_app
from monitor.bootstrap import build
from monitor.cli.base import app as command_line
from monitor.config import document
from monitor.config.mistakes import metrics_of
from monitor.config.reading import from_yaml
from monitor.service import Service
from monitor.settings import Settings, load
from tests.monitor.api.serving import serving
from tests.routes import routes_of

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
PAIR = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^ `]*)")
DERIVED = {"embedded"}  # follows from another setting
OF_THE_FRAMEWORK = {"--install-completion", "--show-completion", "--help"}


def text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def statistics() -> str:
    """The overview and all its pages."""
    return "\n".join(
        [text("statistics.md"), *(page.read_text("utf-8") for page in sorted(DOCS.glob("statistics/*.md")))]
    )


def named(page: str) -> set[str]:
    """What stands in backticks in a heading or in a row of a table."""
    lines = [line for line in page.splitlines() if line.startswith(("#", "|"))]
    return {name for line in lines for name in re.findall(r"`([^`]+)`", line)}


def section(page: str, heading: str) -> str:
    """The part of a page under a heading, up to the next of the same depth."""
    depth = heading.split()[0]
    rest = page.split(f"\n{heading}\n", 1)
    assert len(rest) == 2, f"there is no heading {heading!r}"
    return re.split(rf"\n{depth} ", rest[1], maxsplit=1)[0]


def commands(command: Any, path: str = "plimsoll") -> Iterator[tuple[str, set[str]]]:
    inner = getattr(command, "commands", {})
    if not inner:
        flags = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
        yield path, flags - OF_THE_FRAMEWORK
    for name, one in inner.items():
        yield from commands(one, f"{path} {name}")


cli.load([])
COMMANDS = dict(commands(typer.main.get_command(command_line)))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = build(load({}, home=tmp_path_factory.mktemp("store")))
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def app(service: Service) -> FastAPI:
    return create_app(service)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_flag(command: str) -> None:
    part = section(text("cli.md"), f"## `{command}`")
    missing = {flag for flag in COMMANDS[command] if f"`{flag}`" not in part}
    assert not missing
    there = {word for name in re.findall(r"\| `(--[a-z-]+)", part) for word in [name]}
    assert there <= COMMANDS[command], "the page names a flag that the command does not take"


def test_every_setting() -> None:
    wanted = {f"PLIMSOLL_{field.name.upper()}" for field in dataclasses.fields(Settings) if field.name not in DERIVED}
    assert wanted <= named(text("configuration.md"))


def test_every_endpoint_with_its_scope(app: FastAPI) -> None:
    wanted = {
        (method, route.path.replace(":text}", "}")): scope_of_route(route)
        for route in routes_of(app.routes)
        for method in (route.methods or set())
    }
    assert len(wanted) > 25, "the routes were not found"
    documented = {}
    for line in text("api.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) > 1 and (pair := PAIR.search(cells[0])):
            documented[pair.groups()] = cells[1]
    assert {pair: documented.get(pair) for pair in wanted} == wanted
    assert set(documented) - {("GET", "/static/{path}")} == set(wanted), "the page names a route that does not exist"


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## The document", document.Document),
        ("## A model", document.Model),
        ("## A check", document.Check),
        ("## A threshold", document.Threshold),
        ("## A rule", document.Rule),
        ("## A feature", document.Feature),
    ],
)
def test_every_key_of_the_configuration(heading: str, model: type[BaseModel]) -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", section(text("configuration.md"), heading), re.MULTILINE)
    assert set(rows) == keys_of(model)


@pytest.mark.parametrize(
    ("heading", "entries"),
    [
        ("## Kinds of check", document.KINDS),
        ("## Methods", ("auto", *TWO_SAMPLE, *MULTIVARIATE, *SEQUENTIAL)),
        ("## Channels", CHANNELS),
        ("## Triggers", TRIGGERS),
    ],
)
def test_every_registry_entry_in_the_configuration(heading: str, entries: Any) -> None:
    assert set(entries) <= named(section(text("configuration.md"), heading))


def test_every_channel_has_its_section_with_an_example() -> None:
    for name in CHANNELS:
        part = section(text("channels.md"), f"## `{name}`")
        assert f"type: {name}" in part
        assert part.count("```") >= 2, f"{name} shows no message"


@pytest.mark.parametrize("kind", document.KINDS)
def test_every_metric_and_method_is_explained(kind: str) -> None:
    assert set(metrics_of(kind, None)) <= named(statistics())
    assert set(TWO_SAMPLE) <= named(text("statistics/methods.md"))


def test_everything_about_late_labels_is_explained() -> None:
    estimated = {PREFIX + metric for metrics in ESTIMATED.values() for metric in metrics}
    assert {*estimated, "calibration_gap"} <= named(text("statistics/estimates.md"))
    assert set(SEQUENTIAL) <= named(text("statistics/error-stream.md"))


@pytest.mark.parametrize("page", sorted(DOCS.glob("statistics/*.md")), ids=lambda page: page.stem)
def test_every_page_of_the_statistics_has_a_picture_and_a_line(page: Path) -> None:
    assert re.search(r"^!\[.+\]\(\.\./images/statistics/.+\.svg\)$", page.read_text("utf-8"), re.MULTILINE)
    assert f"(statistics/{page.name})" in text("statistics.md")


def test_every_picture_of_the_statistics_is_drawn_and_shown() -> None:
    drawn = {one.stem for one in (DOCS / "images/statistics").glob("*.svg")}
    assert drawn == set(PICTURES)
    assert drawn == set(re.findall(r"images/statistics/(.+?)\.svg", statistics()))


def test_every_panel() -> None:
    assert set(PANELS) <= named(text("dashboards.md"))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert not dead


def test_files_that_the_pages_name_exist() -> None:
    named_files = {
        name
        for page in (ROOT / "CONTRIBUTING.md", DOCS / "architecture.md")
        for name in re.findall(r"`((?:detectors|alerting|dashboards|monitor|tests|bench)/[\w/.]+)`", page.read_text())
    }
    assert len(named_files) > 10
    new = {"kuiper", "zulip", "flyte", "staleness", "postgres"}  # what the recipes add
    assert not {name for name in named_files if not (ROOT / name).exists() and Path(name).stem not in new}


def block(page: Path, language: str, containing: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return next(one for one in found if containing in one)


def test_the_example_of_the_readme_runs(app: FastAPI) -> None:
    code = block(ROOT / "README.md", "python", "monitor.client")
    with serving(app) as url:
        exec(code.replace("http://127.0.0.1:8000", url), {})
        told = httpx.get(f"{url}/v1/models/flight-delays/predictions/ua-1545").json()
    assert told["features"] == {"temp": 71.6, "carrier": "UA"}
    assert [label["label"] for label in told["labels"]] == ["late"]


def curl(url: str, command: str) -> httpx.Response:
    """What a documented curl line asks for."""
    address = re.search(r"http://127\.0\.0\.1:8000(\S*)", command)
    assert address is not None, command
    given = re.search(r"-X (\w+)", command)
    body = re.search(r"--json '(.*)'", command, re.DOTALL)
    method = given[1] if given else "POST" if body else "GET"
    kind = {"Content-Type": "application/json"} if body else {}
    content = body[1].replace("'\\''", "'") if body else None
    return httpx.request(method, url + address[1].strip("'\""), content=content, headers=kind, timeout=60)


def test_the_curl_lines_of_the_readme_run(app: FastAPI) -> None:
    lines = re.split(r"\n(?=curl)", block(ROOT / "README.md", "sh", "curl http"))
    asked = [line for line in lines if line.startswith("curl")]
    assert len(asked) >= 4
    with serving(app) as url:
        for command in asked:
            answer = curl(url, command)
            assert answer.is_success, f"{command}: {answer.text}"


def test_the_configuration_that_the_page_shows_is_one(service: Service) -> None:
    shown = from_yaml(block(DOCS / "configuration.md", "yaml", "default_notify"), "configuration.md")
    changes = apply_config.plan(service.database, shown)
    assert {change.kind for change in changes} == {"model", "channel", "trigger", "setting"}


def test_every_trigger_has_an_example_that_is_one() -> None:
    shown = from_yaml(block(DOCS / "retraining.md", "yaml", "prefect: {"), "retraining.md").triggers
    assert {str(settings["type"]) for settings in shown.values()} == set(TRIGGERS)


def test_every_metric_of_the_service(service: Service) -> None:
    exposed = set(re.findall(r"^# HELP (\w+)", exposition(service, 0), re.MULTILINE))
    assert exposed
    assert exposed == {name for name in named(text("operations.md")) if name.startswith("plimsoll_")}
