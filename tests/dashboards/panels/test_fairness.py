"""The panel of fairness: which gaps are drawn, in which unit, and what labels may change yet."""

from __future__ import annotations

from dataclasses import replace

from dashboards.figure import Figure
from dashboards.panels import fairness
from dashboards.queries import Answer, Line, Lines, Query, Series
from dashboards.theme import Theme
from tests.dashboards.make import DAYS, SCOPE, answers_for, line

PARITY, RECALL = "demographic_parity_difference", "equal_opportunity_difference"


def one(metric: str, column: str = "gender", value: float = 0.1, verdict: str | None = None, **more: object) -> Line:
    kept = line(metric, length_hours=24, check="fairness")
    sides = {"value": (value,) * DAYS, "lower": (max(value - 0.05, 0.0),) * DAYS, "upper": (value + 0.05,) * DAYS}
    return replace(kept, segment=f"{column}=*", verdict=(verdict,) * DAYS, **{**sides, **more})


def drawn(*lines: Line, **limits: tuple[float, ...]) -> Figure:
    scope = replace(SCOPE, limits=limits)
    answers: dict[Query, Answer] = answers_for(fairness.ask(scope))
    answers[Series("readings", "fairness")] = Lines(lines)
    figure = fairness.draw(scope, answers, Theme())
    assert figure is not None
    return figure


def names(figure: Figure) -> list[str]:
    return [trace["name"] for trace in figure.data if " by " in str(trace.get("name"))]


def test_gaps_are_in_points_with_their_interval() -> None:
    figure = drawn(one(PARITY, value=0.12))
    (gap,) = [trace for trace in figure.data if trace.get("name") == "demographic parity by gender"]
    assert gap["y"] == [12.0] * DAYS
    assert figure.words == "Demographic parity by gender, 12 points apart (7 to 17) on 7 Jun 2026."
    assert figure.numbers is not None
    assert figure.numbers.head == ["Day", "demographic parity by gender, points"]
    assert figure.numbers.rows[0][1] == "12"


def test_a_line_for_each_column_and_metric_and_one_length_of_each() -> None:
    week = one(PARITY, "region", 0.3, length_hours=168)
    figure = drawn(one(PARITY), one(PARITY, "region"), week, one(RECALL))
    assert names(figure) == [
        "demographic parity by gender",
        "equal opportunity by gender",
        "demographic parity by region",
    ]
    assert max(max(trace["y"]) for trace in figure.data if trace.get("name") in names(figure)) == 10.0


def test_what_a_check_judges_takes_the_place_of_what_is_shown() -> None:
    limit = one(PARITY, verdict="warning", check="parity", length_hours=168, value=0.15)
    figure = drawn(one(PARITY), limit, parity=(0.1, 0.2))
    (gap,) = [trace for trace in figure.data if trace.get("name") == "demographic parity by gender"]
    assert gap["y"] == [15.0] * DAYS
    assert len([trace for trace in figure.data if trace.get("name") == "warning"]) == 1
    assert [(shape["y0"], shape["line"]["color"]) for shape in figure.layout["shapes"] if "dash" in shape["line"]][
        :2
    ] == [
        (10.0, "@warning"),
        (20.0, "@critical"),
    ]
    assert figure.layout["yaxis"]["range"][1] > 20
    assert figure.words.endswith("Beyond what a check allows: demographic parity by gender.")
    assert "Dotted" not in drawn(one(PARITY)).note


def test_the_worst_are_drawn_and_the_rest_is_in_the_table() -> None:
    many = [one(PARITY, f"c{i}", 0.01 * i) for i in range(1, 9)]
    figure = drawn(*many, replace(one(PARITY, "zz", 0.001, verdict="warning"), check="parity"))
    assert names(figure) == [f"demographic parity by {column}" for column in ("c4", "c5", "c6", "c7", "c8", "zz")]
    assert len({trace["line"]["color"] for trace in figure.data if trace.get("name") in names(figure)}) == 6
    bands = [trace for trace in figure.data if trace.get("fill") == "toself"]
    assert len(bands) == 2
    assert "interval for all pairs of groups at once (of the 2 worst)" in figure.note
    assert figure.note.endswith("The table has 3 more lines.")
    assert figure.numbers is not None
    assert len(figure.numbers.head) == 10


def test_what_labels_may_change_is_shaded_and_no_fact() -> None:
    late = (None,) * (DAYS - 2) + ("immature",) * 2
    figure = drawn(one(PARITY, value=0.02), replace(one(RECALL, value=0.2), verdict=late))
    assert len([shape for shape in figure.layout["shapes"] if shape["type"] == "rect"]) == 1
    assert "Shaded" in figure.note
    assert figure.words == "Widest at the end: equal opportunity by gender, 20 points apart (15 to 25) on 5 Jun 2026."
    assert figure.numbers is not None
    assert [row[2] for row in figure.numbers.rows[:3]] == ["20 so far", "20 so far", "20"]
    never = drawn(one(PARITY, value=0.02), one(RECALL, value=0.2, verdict="immature"))
    assert never.words.startswith("Demographic parity by gender, 2 points apart")
    assert never.words.endswith("Cannot be told yet, labels are still coming: equal opportunity by gender.")
    assert "Shaded" not in drawn(one(RECALL)).note
    nothing = replace(one(RECALL), value=(0.2,) * (DAYS - 2) + (None,) * 2, verdict=late)
    assert "Shaded" not in drawn(nothing).note


def test_the_interval_of_a_few_rows_does_not_press_the_rest_flat() -> None:
    figure = drawn(one(PARITY, value=0.02, upper=(0.9,) * DAYS))
    assert figure.layout["yaxis"]["range"][1] < 6
