"""Figures, sparklines, words."""

from __future__ import annotations

import json

import pytest

from dashboards import sparkline, words
from dashboards.figure import Figure
from dashboards.panels import distribution, drift_heatmap
from dashboards.plotting import broken, runs, wrapped
from dashboards.queries import DAY, HOUR, Grid, Marks, SideBySide
from dashboards.theme import Theme
from tests.dashboards.make import SCOPE, START


def test_a_figure_cannot_end_its_script_element() -> None:
    figure = Figure("t", data=[{"type": "bar", "name": "</script><script>alert(1)//&<!--"}])
    assert not {"<", ">", "&"} & set(figure.to_json())
    assert json.loads(figure.to_json())["data"][0]["name"] == "</script><script>alert(1)//&<!--"


def test_a_figure_with_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        Figure("t", data=[{"y": [float("nan")]}]).to_json()


def test_lines_have_holes_where_days_are_missing() -> None:
    at = [START + i * DAY for i in (0, 1, 2, 6, 7)]
    assert runs(at, [1.0, None, 3.0, 4.0, 5.0], 2 * DAY) == [[0, 2], [3, 4]]
    _, y = broken(at, [1.0, None, 3.0, 4.0, 5.0], 2 * DAY)
    assert y == [1.0, 3.0, None, 4.0, 5.0]


def test_a_cell_of_the_heatmap_is_a_day_wide_beside_days_without_readings() -> None:
    at = (START, START + DAY, START + 5 * DAY)
    matrix = Grid((("data_drift", "ks", "x"),), at, [[0.1, 0.2, 0.3]], [[0.0, 0.1, 0.2]], [["ok", "ok", "warning"]], 1)
    matrix_query, timeline = drift_heatmap.ask(SCOPE)
    figure = drift_heatmap.draw(SCOPE, {matrix_query: matrix, timeline: Marks(())}, Theme())
    cells = figure.data[0]
    assert cells["z"] == [[0.0, 0.1, None, None, None, 0.2]]
    assert cells["x"] == [words.iso(START + i * DAY) for i in range(7)]
    assert "at least 20 % of rows" in figure.words


def test_values_that_the_reference_never_saw_have_a_bar_of_their_own() -> None:
    counts = {"reference": [60.0, 40.0], "current": [10.0, 10.0]}
    extras = {"reference": {"unseen": 0.0}, "current": {"unseen": 80.0}}
    found = SideBySide(
        "x", "categorical", START, START + DAY, "r 1", categories=("a", "b"), counts=counts, extras=extras
    )
    figure = distribution.draw(SCOPE, {distribution.ask(SCOPE)[0]: found}, Theme())
    current = next(trace for trace in figure.data if trace["marker"]["color"] == "@accent")
    assert dict(zip(current["y"], current["x"], strict=True)) == {"a": 0.1, "b": 0.1, "(unseen in the reference)": 0.8}
    assert figure.words == "The largest move: (unseen in the reference) from 0 % to 80 % of rows."


def test_a_sparkline_keeps_the_newest_day_at_its_right_end() -> None:
    drift = [(START + i * DAY, size, "ok") for i, size in enumerate([0.0, 0.05, 0.3])]
    places = sparkline.places(drift)
    assert places[-1] == (sparkline.WIDTH - 4, 3)
    assert places[0][0] < places[1][0] < places[2][0]
    assert all(0 <= x <= sparkline.WIDTH and 0 <= y <= sparkline.HEIGHT for x, y in places)
    assert sparkline.path(drift).startswith("M")
    assert sparkline.path([]) == ""
    assert "at most 30 % of rows moved" in sparkline.say(drift)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.1234, "12"),
        (0.01234, "1.2"),
        (0.001234, "0.12"),
        (0.0001234, "0.012"),
        (0.99996, "100"),
        (1, "100"),
    ],
)
def test_shares_have_as_many_digits_as_they_deserve(value: float, text: str) -> None:
    assert words.percent(value) == text


def test_times_are_written_short() -> None:
    assert words.window(START, START + DAY) == words.day(START)
    assert words.window(START, START + 7 * DAY).startswith(words.short_day(START))
    assert words.ago(START - 30 * 60_000_000, START) == "30 minutes ago"
    assert words.ago(START - 5 * HOUR, START) == "5 hours ago"
    assert words.ago(START - 3 * DAY, START) == "3 days ago"
    assert words.ago(START - 300 * DAY, START) == words.day(START - 300 * DAY)
    assert words.span(168 * HOUR) == "7 days"
    assert words.span(24 * HOUR) == "24 hours"
    assert words.span(HOUR) == "1 hour"


def test_hover_texts_are_short_and_carry_no_markup() -> None:
    text = wrapped("a<b> & " + "word " * 100)
    assert "<b>" not in text
    assert text.count("<br>") == 3
    assert text.endswith("…")
