"""The comparison with other packages counts rightly, and its streams are the same for everybody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.detection import goals, kept, report, streams
from bench.detection.metrics import Answer, Summary, incidents, poisson_interval, score
from bench.detection.picture import Bar, bars
from bench.detection.tools import TOOLS, Unit, Workshop, few

ROWS = 4


def answer(**flags):
    """Daily runs; ``d21="f10 f11"`` flags two names on day 21."""
    runs = [(24 * day, frozenset(flags.get(f"d{day}", "").split())) for day in range(1, 31)]
    return Answer(runs, {"cpu": 60.0})


def test_a_name_that_stays_red_is_one_incident_and_one_that_comes_back_another():
    flagged = [(24, frozenset("ab")), (48, frozenset("a")), (96, frozenset("a")), (97, frozenset())]
    assert incidents(flagged) == [(24, "a"), (24, "b"), (96, "a")]


def test_a_quick_right_and_only_alarm_has_merit():
    scenario = streams.SCENARIOS["D1-0.5-ar"]
    good = score(scenario, answer(d21="f10 f20", d22="f10 f30"), 720)
    assert (good.delay, good.precision, good.recall, good.merit) == (24, 1.0, 1.0, 1)
    assert good.false_incidents == 0
    late = score(scenario, answer(d22="f10"), 720)
    assert (late.delay, late.recall, late.merit) == (48, 1 / 3, 0)
    early = score(scenario, answer(d5="f10", d21="f10"), 720)
    assert (early.false_incidents, early.delay, early.merit) == (1, 24, 0)
    wrong = score(scenario, answer(d21="f10 f40"), 720)
    assert (wrong.precision, wrong.false_incidents, wrong.merit) == (0.5, 1, 0)


def test_on_a_quiet_stream_silence_has_merit():
    nothing = streams.SCENARIOS["N1"]
    assert score(nothing, answer(), 720).merit == 1
    red = score(nothing, answer(d3="f01", d9="f01 f02"), 720)
    assert (red.merit, red.false_runs, red.false_incidents, red.delay) == (0, 2, 3, None)


def test_a_summary_counts_months_and_what_was_never_found():
    scenario = streams.SCENARIOS["D1-0.5-ar"]
    whole = Summary([score(scenario, answer(d21="f10"), 720), score(scenario, answer(d3="f01"), 720)])
    assert whole.months == 2
    assert whole.found_soon == 0.5
    assert (whole.delay(0.5), whole.delay(0.9)) == (None, None)
    assert whole.incidents_a_month[0] == 0.5
    assert whole.red_per_thousand == pytest.approx(1000 / 60)
    assert whole.cost_a_month("cpu") == 60
    unknown = score(scenario, replace(answer(d3="f01"), cost={}), 720)
    assert Summary([*whole.scores, unknown]).cost_a_month("cpu") == 60
    assert Summary([unknown]).cost_a_month("cpu") is None


def test_the_interval_of_a_rate_is_exact():
    low, high = poisson_interval(4, 2.0)
    assert stats.poisson.sf(3, low * 2) == pytest.approx(0.025)
    assert stats.poisson.cdf(4, high * 2) == pytest.approx(0.025)
    assert poisson_interval(0, 1.0) == (0.0, pytest.approx(-np.log(0.025)))


@pytest.mark.parametrize("name", {one.change: name for name, one in streams.SCENARIOS.items()}.values())
def test_streams_are_the_same_for_everybody(name):
    first, second = (streams.make(name, 1, ROWS) for _ in range(2))
    for part in ("reference", "monitored", "labels"):
        pd.testing.assert_frame_equal(getattr(first, part), getattr(second, part))
    assert set(first.columns) < set(first.monitored.columns)
    assert first.reference["timestamp"].max() < streams.START <= first.monitored["timestamp"].min()
    assert first.monitored["timestamp"].is_monotonic_increasing
    assert bool(len(first.labels)) == first.scenario.labels


def monitored(name, rows=30):
    made = streams.make(name, 2, rows).monitored
    later = made["timestamp"] >= streams.START + pd.Timedelta(hours=streams.SCENARIOS[name].onset)
    return made[~later], made[later]


def test_what_is_said_to_happen_happens():
    before, after = monitored("D1-0.5-iid")
    moved = after[[*streams.MOVED, "f11"]].mean() - before[[*streams.MOVED, "f11"]].mean()
    np.testing.assert_allclose(moved, [0.5, 0.5, 0.5, 0.0], atol=0.06)
    before, after = monitored("D5")
    np.testing.assert_allclose([part["f00"].corr(part["f01"]) for part in (before, after)], [0.8, 0.5], atol=0.04)
    before, after = monitored("Q1")
    np.testing.assert_allclose([part["f10"].isna().mean() for part in (before, after)], [0.01, 0.06], atol=0.015)
    before, after = monitored("Q3")
    assert (before["c0"] == "new").sum() == 0
    assert (after["c0"] == "new").mean() == pytest.approx(0.02, abs=0.01)
    concept = streams.make("C2", 2, 30)
    known = concept.monitored.merge(concept.labels[["id", "label"]], on="id")
    later = known["timestamp"] >= streams.START + pd.Timedelta(days=10)
    right = (known["prediction"] == known["label"]).groupby(later).mean()
    np.testing.assert_allclose(right[False] - right[True], 0.049, atol=0.02)
    assert monitored("Q4")[1]["f10"].nunique() == 1
    before, after = monitored("Q2")
    assert after["f10"].std() == pytest.approx(1000 * before["f10"].std(), rel=0.1)


def test_a_slow_tool_runs_after_the_onset_too():
    runs = list(range(24, 721, 24))
    assert few(runs, 480, None) == runs
    chosen = few(runs, 480, 5)
    assert len(chosen) == 5
    assert 504 in chosen
    assert len(few(runs, None, 5)) == 5


def test_the_report_reads_what_was_kept(tmp_path):
    said = [{"at": at, "flags": sorted(names)} for at, names in answer(d21="f10").runs]
    told = Answer.read(map(json.dumps, [*said, {"cpu": 7.0}]))
    hourly = Answer([(hour, frozenset({"f11"} if hour == 484 else ())) for hour in range(720)], {"cpu": 80.0})
    odd = Answer([(24, frozenset()), (504, frozenset({"f10"})), (720, frozenset())], {})
    unit = Unit("D1-0.5-ar", 3, 100)
    for tool, one in (("Alibi Detect", told), ("Plimsoll", hourly), ("Evidently", odd)):
        kept.keep(tmp_path, tool, unit.key, 24, one)
        assert kept.answers(tmp_path, tool) == {(unit.key, 24): one}
    assert Unit.of(unit.key) == unit
    assert Unit.of("v0-D1-0.5-ar-100-3") is None
    assert Unit.of(Unit("N4-electricity", 1, 100).key) == Unit("N4-electricity", 1, 0)
    scores = report.read(tmp_path, 100)
    assert "| D1-0.5-ar | abrupt shift of 3 features, 0.5 sd | 1 | 1 | – | 1 |" in report.ran(scores, ["D1-0.5-ar"])
    (one,) = scores["D1-0.5-ar", "Alibi Detect"]
    assert (one.delay, one.merit, one.cost) == (24, 1, {"cpu": 7.0})
    assert {name for name, _ in report.read(tmp_path, 500)} == {"D1-0.5-ar at 100"}
    assert "| D1-0.5-ar | Alibi Detect | 1 | 1.00 | 24 |" in report.detection(scores, ["D1-0.5-ar"])
    shop = Workshop(tmp_path, tmp_path, None, 24)
    assert shop.is_done(unit, TOOLS[0])
    assert not shop.is_done(Unit("D1-0.5-ar", 4, 100), TOOLS[0])


def test_goals_are_told_of_what_is_kept_and_of_nothing_else(tmp_path):
    assert goals.lines(tmp_path, {}) == []
    quiet, shifted = streams.SCENARIOS["N3"], streams.SCENARIOS["D1-0.3-ar"]
    noisy = answer(**{f"d{day}": f"f{day}" for day in range(1, 31)})
    scores = {
        ("N3", "Plimsoll"): [score(quiet, answer(), 720)] * 40,
        ("N3", "NannyML"): [score(quiet, noisy, 720)] * 10,
        ("N3", "river"): [score(quiet, answer(), 720)] * 10,  # quiet, and finds nothing
        ("D1-0.3-ar", "Plimsoll"): [score(shifted, answer(d21="f10"), 720)],
        ("D1-0.3-ar", "NannyML"): [score(shifted, noisy, 720), score(shifted, answer(d21="f10"), 720)],
        ("D1-0.3-ar", "river"): [score(shifted, answer(), 720)],
    }
    found = {line[0].partition(":")[0]: line[1:] for line in goals.lines(tmp_path, scores)}
    assert found["false incidents a model-month, end to end, k = 1"] == ("N3 0 (to 0.092)", "yes")
    words, reached = found["false incidents where hours wander"]
    assert words.startswith("1200 times fewer than NannyML, 95 %: at least ")
    low = float(words.partition("at least ")[2].split()[0])
    # as many as the sum of both, of which ours has none: p^300 = 2.5 % at the least share that NannyML may have
    share = 0.025 ** (1 / 300)
    assert (low, reached) == (pytest.approx(share / (1 - share) * 4, rel=0.01), "yes")
    assert found["F ≥ .9, every other ≤ .3"] == (
        "Plimsoll 1.00 (of 1); NannyML 0.50 (of 1); river 0.00 (of 1)",
        "yes and **no**",
    )


def test_the_page_says_what_is_kept():
    page = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text("utf-8")
    scores = report.read(kept.FOLDER, 500)
    quiet, drifting = report.names(scores, False), report.names(scores, True)
    for part in (
        report.ran(scores, [*quiet, *drifting]),
        report.false_alarms(scores, quiet),
        report.detection(scores, drifting),
        report.merit(scores, drifting),
        report.cost(scores, [*quiet, *drifting]),
        report.errors_part(kept.FOLDER),
        report.published_part(kept.FOLDER),
        report.speed_part(kept.FOLDER)[0],
    ):
        assert part
        assert part in page
    assert "(not run)" not in page


def test_a_picture_is_a_picture():
    drawn = bars("Costs", [Bar("ours", 0.1, "0.1 s", ours=True), Bar("a < b", 30, "30 s", low=10, high=90)], 0.01)
    assert drawn.startswith("<svg")
    assert "a &lt; b" in drawn
