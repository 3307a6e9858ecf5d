"""The panel of detectors on the stream of labels: evidence beside its bound, alarms apart from it."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from dashboards.figure import Figure
from dashboards.panels import streams
from dashboards.queries import Answer, Line, Lines, Query, Series
from dashboards.theme import Theme
from detectors.registry import SEQUENTIAL
from tests.dashboards.make import DAYS, SCOPE, answers_for, line


def one(method: str, value: float, version: str = "", verdict: str | None = "ok", **more: object) -> Line:
    kept = line(method, version=version, check=method)
    none: tuple[None, ...] = (None,) * DAYS
    return replace(kept, value=(value,) * DAYS, lower=none, upper=none, verdict=(verdict,) * DAYS, **more)


def drawn(*lines: Line, **limits: tuple[float, ...]) -> Figure | None:
    scope = replace(SCOPE, limits=limits)
    answers: dict[Query, Answer] = answers_for(streams.ask(scope))
    answers[Series("readings", "performance")] = Lines(lines)
    return streams.draw(scope, answers, Theme())


def dotted(figure: Figure) -> list[tuple[str, float]]:
    return [(shape["yref"], shape["y0"]) for shape in figure.layout["shapes"] if shape["line"].get("dash") == "dot"]


def test_every_detector_has_its_place() -> None:
    guaranteed = {name for name, detector in SEQUENTIAL.items() if detector.guaranteed}
    assert guaranteed == {streams.EVIDENCE}
    assert set(SEQUENTIAL) - guaranteed == set(streams.COUNTED)


def test_it_is_drawn_only_where_a_check_asks_for_a_stream() -> None:
    assert drawn(line("accuracy")) is None
    assert drawn(replace(one("adwin", 0.0), value=(None,) * DAYS)) is None


def test_evidence_is_on_a_logarithmic_axis_beside_its_bound() -> None:
    figure = drawn(one("shiryaev_roberts", log(20)), shiryaev_roberts=(log(1000),))
    assert figure is not None
    (evidence,) = [trace for trace in figure.data if trace.get("name") == "Shiryaev–Roberts"]
    assert evidence["y"] == pytest.approx([20.0] * DAYS)
    assert figure.layout["yaxis"]["type"] == "log"
    ((axis, bound),) = dotted(figure)
    assert (axis, round(bound)) == ("y", 1000)
    assert figure.layout["yaxis"]["range"][1] > 3  # log10 of the bound
    assert figure.words == "Shiryaev–Roberts: at most 20, on 27 May 2026 (an alarm is at 1,000)."
    assert "yaxis2" not in figure.layout
    assert not [trace for trace in figure.data if trace.get("fill") == "toself"]


def test_numbers_of_alarms_have_an_axis_of_their_own() -> None:
    figure = drawn(
        one("shiryaev_roberts", 1.0), one("ddm", 2.0, verdict="warning"), one("adwin", 0.0), ddm=(0.0,), adwin=(3.0,)
    )
    assert figure is not None
    axes = {trace["name"]: trace.get("yaxis", "y") for trace in figure.data if trace.get("mode") != "markers"}
    assert axes == {"Shiryaev–Roberts": "y", "DDM": "y2", "ADWIN": "y2"}
    (marker,) = [trace for trace in figure.data if trace.get("name") == "warning"]
    assert (marker["yaxis"], marker["y"]) == ("y2", [2.0] * DAYS)
    assert "type" not in figure.layout["yaxis2"]
    assert dotted(figure) == [("y2", 3.0)]
    assert "DDM: at most 2 alarms in a window, on 27 May 2026." in figure.words
    assert figure.words.endswith("ADWIN: no alarm.")
    alone = drawn(one("ddm", 1.0))
    assert alone is not None
    assert {trace.get("yaxis") for trace in alone.data if trace.get("name") == "DDM"} == {"y"}
    assert "Evidence" not in alone.note
    assert "yaxis2" not in alone.layout


def test_versions_are_told_apart_where_there_are_several() -> None:
    figure = drawn(one("adwin", 0.0, "v1"), one("adwin", 1.0, "v2"), one("ddm", 0.0, "v2"))
    assert figure is not None
    assert figure.numbers is not None
    assert figure.numbers.head == ["Day", "ADWIN, v1", "ADWIN, v2", "DDM"]


def test_evidence_beyond_all_numbers_can_be_drawn() -> None:
    figure = drawn(one("shiryaev_roberts", 5000.0))
    assert figure is not None
    assert figure.to_json()
