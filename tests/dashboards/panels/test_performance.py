"""The performance panel: what was measured, what was only expected, and what cannot be judged yet."""

from __future__ import annotations

from dataclasses import replace

from dashboards.figure import Figure
from dashboards.panels import performance
from dashboards.queries import Answer, Line, Lines, Query, Series
from dashboards.theme import Theme
from detectors.estimation import calibration_slope
from tests.dashboards.make import DAYS, SCOPE, answers_for, line


def one(name: str, value: float | None = 0.8, verdict: str | None = "ok", **more: object) -> Line:
    values, verdicts = (value,) * DAYS, (verdict,) * DAYS
    return replace(line(name, version="v1", length_hours=168), value=values, verdict=verdicts, **more)


def drawn(*lines: Line, metric: str | None = None, inputs: tuple[Line, ...] = ()) -> Figure:
    scope = replace(SCOPE, metric=metric)
    answers: dict[Query, Answer] = answers_for(performance.ask(scope))
    answers[Series("readings", "performance")] = Lines(lines)
    answers[Series("readings", "data_drift", feature="")] = Lines(inputs)
    figure = performance.draw(scope, answers, Theme())
    assert figure is not None
    return figure


def named(figure: Figure, part: str) -> list[dict[str, object]]:
    return [trace for trace in figure.data if part in str(trace.get("name"))]


def shades(figure: Figure) -> list[tuple[str, str]]:
    return [(shape["x0"], shape["x1"]) for shape in figure.layout["shapes"] if shape["type"] == "rect"]


def test_an_estimate_is_dashed_and_has_no_band() -> None:
    figure = drawn(one("accuracy"), one("estimated_accuracy", 0.7, None), one("estimated_roc_auc", 0.9, None))
    (estimated,) = named(figure, "estimated")
    assert estimated["line"]["dash"] == "dash"
    assert estimated["y"] == [0.7] * DAYS
    assert len([trace for trace in figure.data if trace.get("fill") == "toself"]) == 1
    assert "cannot see concept drift" in figure.note
    assert "Estimated accuracy of v1 was 0.7" in figure.words
    assert figure.numbers.head == ["Day", "v1, 7 days", "estimated (CBPE), v1, 7 days"]


def test_the_estimate_of_moved_inputs_takes_the_place_of_the_other() -> None:
    weighted = one("estimated_accuracy", 0.6, None, check="together")
    late = replace(weighted, value=(None,) * 8 + (0.6,) * (DAYS - 8))
    daily = replace(late, length_hours=24, value=(0.1,) * DAYS)  # another length: not the same windows
    figure = drawn(one("accuracy"), one("estimated_accuracy", 0.7, None), inputs=(late, daily))
    (estimated,) = named(figure, "estimated")
    assert estimated["name"] == "v1, estimated (CBPE, PAPE)"
    assert estimated["y"] == [0.7] * 8 + [0.6] * (DAYS - 8)
    (diamonds,) = named(figure, "v1, PAPE")
    assert (diamonds["mode"], diamonds["y"]) == ("markers", [0.6] * (DAYS - 8))
    assert "Estimated accuracy of v1 was 0.6 (" in figure.words
    assert ", by PAPE without labels." in figure.words
    assert "Diamonds: PAPE" in figure.note
    assert figure.numbers.head[-1] == "estimated (CBPE, PAPE), v1, 7 days"
    plain = drawn(one("accuracy"), one("estimated_accuracy", 0.7, None))
    assert ", by CBPE without labels." in plain.words
    assert "PAPE" not in plain.note
    alone = drawn(inputs=(weighted,))
    assert named(alone, "estimated")[0]["name"] == "v1, estimated (PAPE)"


def test_errors_of_numbers_are_estimated_by_dle() -> None:
    figure = drawn(one("mae"), one("estimated_mae", 0.7, None), metric="mae")
    assert named(figure, "estimated")[0]["name"] == "v1, estimated (DLE)"
    assert ", by DLE without labels." in figure.words


def test_without_labels_the_estimate_stands_alone() -> None:
    figure = drawn(one("accuracy", None, "cannot_tell"), one("estimated_accuracy", 0.7, None))
    assert figure.empty is None
    assert named(figure, "estimated")
    assert not shades(figure)  # there is nothing that might be taken for a judged number


def test_windows_whose_labels_are_still_coming_are_shaded() -> None:
    verdicts = ("ok",) * 7 + ("cannot_tell",) * 3 + ("ok", "cannot_tell")
    figure = drawn(replace(one("accuracy"), verdict=verdicts))
    assert len(shades(figure)) == 2
    first, second = shades(figure)
    assert first[0] < first[1] < second[0] < second[1]
    assert "Shaded" in figure.note
    assert not shades(drawn(one("accuracy")))
    other = replace(one("accuracy"), version="v2")
    assert not shades(drawn(replace(one("accuracy"), verdict=verdicts), other))  # one version can be judged


def test_what_labels_point_to_so_far_is_no_fact() -> None:
    verdicts = (None,) * (DAYS - 2) + ("immature",) * 2
    young = replace(one("precision", verdict=None), verdict=verdicts)
    figure = drawn(young, metric="precision")
    assert len(shades(figure)) == 1
    assert figure.words.startswith("Precision of v1 was 0.8 (")
    assert " on 5 Jun 2026; later labels are still coming, and point to 0.8 (" in figure.words
    assert [row[1] for row in figure.numbers.rows[:3]] == ["0.8 so far", "0.8 so far", "0.8"]
    never = drawn(one("precision", verdict="immature"), metric="precision")
    assert never.words.startswith("Precision of v1 cannot be told yet: labels are still coming, and point to 0.8 (")
    assert "so far" not in drawn(one("precision", verdict=None), metric="precision").words


def test_a_label_or_two_point_to_nothing() -> None:
    young = replace(one("precision", verdict="immature"), value=(*one("precision").value[:-1], 1.0))
    young = replace(young, lower=(*young.lower[:-1], 0.2), upper=(*young.upper[:-1], 1.0))
    assert ", and point to 0.8 (" in drawn(young, metric="precision").words
    few = replace(young, value=(1.0,) * len(young.at), lower=(0.2,) * len(young.at), upper=(1.0,) * len(young.at))
    assert ", and point to 1 (0.2 to 1)" in drawn(few, metric="precision").words


def test_the_shades_are_those_of_the_judged_metric() -> None:
    judged = one("accuracy", verdict="cannot_tell")
    assert shades(drawn(judged, one("precision", verdict=None), metric="precision"))


def test_an_estimate_that_labels_contradict_is_not_to_be_trusted() -> None:
    gap = one("calibration_gap", 0.1)
    turned = replace(gap, verdict=("ok",) * (DAYS - 3) + ("critical",) + (None,) * 2)
    lines = one("accuracy", 0.7), one("estimated_accuracy", 0.7, None)
    figure = drawn(*lines, turned)
    assert "The last labels of v1 say that scores no longer mean what they meant: do not trust" in figure.words
    (flag,) = [note for note in figure.layout["annotations"] if "do not trust" in note["text"]]
    assert flag["y"] == 0.7
    better = replace(gap, verdict=("critical",) * (DAYS - 3) + ("ok",) + (None,) * 2)
    other = replace(turned, version="v2")
    for quiet in (gap, better, other, replace(gap, verdict=(None,) * DAYS)):
        assert not [note for note in drawn(*lines, quiet).layout["annotations"] if "do not trust" in note["text"]]
    assert "do not trust" not in drawn(*lines, better).words
    assert "do not trust" not in drawn(one("accuracy"), turned).words  # there is no estimate
    slope = one("calibration_slope", 0.4, None, lower=(0.1,) * DAYS, upper=(0.85,) * DAYS)
    figure = drawn(*lines, slope)
    assert "The last labels of v1 say that labels no longer follow the scores as they did: do not trust" in figure.words
    near, immature = replace(slope, upper=(0.95,) * DAYS), replace(slope, verdict=("immature",) * DAYS)
    recovered = replace(slope, upper=(*(0.85,) * (DAYS - 1), 1.2))
    for quiet in (near, immature, recovered):
        assert "do not trust" not in drawn(*lines, quiet).words
    assert performance.AS_BEFORE == (1 - calibration_slope.TOLERANCE, 1 + calibration_slope.TOLERANCE)
    errors = drawn(one("mae"), one("estimated_mae", 2.0, None), one("error_gap", 0.5, "warning"), metric="mae")
    assert "predictions are farther off than such predictions were: do not trust" in errors.words


def test_labels_that_are_there_belie_an_estimate_that_is_far_off() -> None:
    guess = one("estimated_accuracy", 0.7, None)
    figure = drawn(one("accuracy", 0.8), guess)
    said = "The last labels of v1 say 0.8 where 0.7 was estimated of the same window: do not trust the estimate."
    assert said in figure.words
    assert [note["text"] for note in figure.layout["annotations"]].count("do not trust the estimate") == 1
    near = one("accuracy", 0.715, lower=(0.71,) * DAYS, upper=(0.72,) * DAYS)
    immature = one("accuracy", 0.8, "immature")
    wide = one("accuracy", 0.8, lower=(0.6,) * DAYS, upper=(0.9,) * DAYS)
    for quiet in (near, immature, wide, replace(one("accuracy", 0.8), length_hours=24 * 30)):
        assert "do not trust" not in drawn(quiet, guess).words
    last = replace(one("accuracy", 0.8), value=(*(0.8,) * (DAYS - 1), 0.7), lower=(0.69,) * DAYS)
    assert "do not trust" not in drawn(last, guess).words  # the newest of them counts
