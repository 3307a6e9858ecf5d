"""What holds for every panel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dashboards
from dashboards import pages
from dashboards.figure import Figure
from dashboards.queries import (
    Answer,
    Cause,
    Causes,
    Grid,
    Lines,
    Marks,
    Matrix,
    Query,
    Rows,
    Scope,
    Series,
    SideBySide,
    Table,
    Timeline,
)
from dashboards.registry import ALERT_PAGE, FEATURE_PAGE, MODEL_PAGE, PANELS
from dashboards.theme import Theme
from tests.dashboards.make import SCOPE, answers_for

EMPTY: dict[type, Answer] = {
    Series: Lines(()),
    Matrix: Grid((), (), (), (), (), 0),
    Timeline: Marks(()),
    Table: Rows(()),
    Cause: Causes("Loss", True),
}


def empty(scope: Scope, asked: list[Query]) -> dict[Query, Answer]:
    sides = SideBySide(scope.feature or "", "numeric", scope.start, scope.end)
    return {query: EMPTY.get(type(query), sides) for query in asked}


def test_every_panel_has_its_line_and_every_line_its_panel() -> None:
    files = {path.stem for path in (Path(dashboards.__file__).parent / "panels").glob("*.py")} - {"__init__"}
    assert files == set(PANELS)
    assert set(MODEL_PAGE) | set(FEATURE_PAGE) | set(ALERT_PAGE) == set(PANELS)


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_without_readings_says_so_or_is_left_out(name: str) -> None:
    asked = pages.asked([name], SCOPE)
    drawn = pages.drawn([name], SCOPE, empty(SCOPE, asked))
    assert all(figure.empty and not figure.data for figure in drawn.values())


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_draws_what_can_be_sent_with_words_and_numbers(name: str) -> None:
    figure = PANELS[name].draw(SCOPE, answers_for(PANELS[name].ask(SCOPE)), Theme())
    assert isinstance(figure, Figure)
    assert figure.empty is None
    assert figure.data
    assert figure.height > 0
    assert figure.words or figure.note
    assert figure.numbers is not None
    assert all(len(row) == len(figure.numbers.head) for row in figure.numbers.rows)
    sent = json.loads(figure.to_json())
    assert [trace["type"] for trace in sent["data"]] == [trace["type"] for trace in figure.data]


def test_colours_in_figures_are_names_that_the_style_sheet_knows() -> None:
    import re

    style = (Path(dashboards.__file__).parent / "static" / "plimsoll.css").read_text("utf-8")
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    used: set[str] = set()
    for panel in PANELS.values():
        figure = panel.draw(SCOPE, answers_for(panel.ask(SCOPE)), Theme())
        assert figure is not None
        used |= set(re.findall(r'"@([a-z0-9-]+)(?:/[0-9.]+)?"', figure.to_json()))
    assert used
    for name in used:
        assert re.search(rf"--{name}: #[0-9a-f]{{6}};", light), name
        assert re.search(rf"--{name}: #[0-9a-f]{{6}};", dark), name
