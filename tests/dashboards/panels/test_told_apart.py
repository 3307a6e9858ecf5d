"""The panel of the domain classifier: its area, chance, and what is surely more."""

from __future__ import annotations

from dataclasses import replace

from dashboards.figure import Figure
from dashboards.panels import told_apart
from dashboards.queries import Answer, Line, Lines, Query, Series
from dashboards.theme import Theme
from tests.dashboards.make import DAYS, SCOPE, answers_for, line


def one(*values: float) -> Line:
    """The newest values as given, the others at chance, each 0.04 to either side."""
    value = [0.5] * (DAYS - len(values)) + list(values)
    lower, upper = [v - 0.04 for v in value], [v + 0.04 for v in value]
    kept = replace(line(told_apart.METRIC, length_hours=168, check="together"), value=value, lower=lower, upper=upper)
    return replace(kept, verdict=("ok",) * DAYS)


def drawn(*lines: Line, **limits: tuple[float, ...]) -> Figure | None:
    scope = replace(SCOPE, limits=limits)
    answers: dict[Query, Answer] = answers_for(told_apart.ask(scope))
    answers[Series("readings", "data_drift", "")] = Lines(lines)
    return told_apart.draw(scope, answers, Theme())


def dotted(figure: Figure) -> list[float]:
    return [shape["y0"] for shape in figure.layout["shapes"] if shape["line"].get("dash") == "dot"]


def test_it_is_drawn_only_where_a_check_asks_for_it() -> None:
    assert drawn(line("correlation")) is None
    assert drawn(replace(one(), value=(None,) * DAYS)) is None


def test_the_area_has_its_interval_beside_chance_and_its_bound() -> None:
    figure = drawn(one(0.7, 0.52), together=(0.55,))
    assert figure is not None
    assert dotted(figure) == [0.5, 0.55]
    (area,) = [trace for trace in figure.data if trace.get("name") == "area"]
    assert area["y"][-2:] == [0.7, 0.52]
    assert len([trace for trace in figure.data if trace.get("fill") == "toself"]) == 1
    low, high = figure.layout["yaxis"]["range"]
    assert low < 0.46
    assert high > 0.74
    assert figure.words == (
        "Area 0.52 on 7 Jun 2026 (0.48 to 0.56, within what chance does); "
        "at most 0.7 on 6 Jun 2026 (0.66 to 0.74, surely more than chance)."
    )
    alone = drawn(one(0.52))
    assert alone is not None
    assert dotted(alone) == [0.5]
    assert "bounds" not in alone.note


def test_several_checks_are_told_apart_by_name_and_colour() -> None:
    lines = one(0.7), replace(one(0.6), check="money")
    figure = drawn(*lines, together=(0.55,), money=(0.65,))
    assert figure is not None
    named = {trace["name"]: trace["line"]["color"] for trace in figure.data if "area" in str(trace.get("name"))}
    assert set(named) == {"area, together", "area, money"}
    colours = {shape["y0"]: shape["line"]["color"] for shape in figure.layout["shapes"] if "dash" in shape["line"]}
    assert colours[0.55] == named["area, together"]
    assert colours[0.65] == named["area, money"]
