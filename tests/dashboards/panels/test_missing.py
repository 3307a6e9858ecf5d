"""The panel of values that cannot be used: what was counted, and what was not."""

from __future__ import annotations

from dashboards.panels import missing
from dashboards.queries import Answer, Line, Lines, Query, Series
from dashboards.theme import Theme
from tests.dashboards.make import DAYS, SCOPE, answers_for, line


def said(*lines: Line) -> str | None:
    answers: dict[Query, Answer] = answers_for(missing.ask(SCOPE))
    answers[Series("column", feature=SCOPE.feature)] = Lines(lines)
    return missing.draw(SCOPE, answers, Theme()).empty


def test_a_column_that_is_not_counted_is_not_called_flawless() -> None:
    """As one that the reference does not have."""
    assert said() == "No values were counted in this range."


def test_a_column_without_a_flaw_is_called_that() -> None:
    none = Line("missing", line("missing").at, (0.0,) * DAYS)
    assert said(none) == "Every value was there, of the right type, known and in range."
