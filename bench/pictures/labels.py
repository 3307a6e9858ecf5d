"""Pictures of performance: labels that come late, estimates without them, and errors one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.pictures.chart import Chart
from detectors.cuts import ScoreLayout
from detectors.estimation.label_shift import maximum_likelihood
from detectors.performance.maturity import arrivals
from detectors.performance.measure import METRICS
from detectors.performance.scored import LabelCounts, count_scored, encode
from detectors.performance.strata import Strata
from detectors.performance.weighting import weigh
from detectors.sequential.shiryaev_roberts import step
from detectors.streams import START, Usual

DAY = 24
LAYOUT = ScoreLayout("binary", ("0", "1"), np.arange(1, 64) / 64)
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Cases:
    """A fraud model's rows: hour, truth, score, said, and the hours until the label comes."""

    hour: Ints
    truth: Ints
    score: NDArray[np.float64]
    said: Ints
    delay: Ints

    def known(self, as_of: int) -> Cases:
        """Those whose label is there."""
        there = self.hour + self.delay <= as_of
        return Cases(*(getattr(self, name)[there] for name in ("hour", "truth", "score", "said", "delay")))


def _cases(days: int, per_hour: int, seed: int) -> Cases:
    rng = np.random.default_rng(seed)
    hour = np.repeat(np.arange(days * DAY), per_hour)
    chance = 1 / (1 + np.exp(2.0 - 1.6 * rng.normal(size=len(hour))))
    truth, said = (rng.random(len(hour)) < chance).astype(np.int64), (chance > 0.3).astype(np.int64)
    mean = np.where(truth == 1, 20.0, 4.0) * DAY * np.where(said == 1, 0.5, 1.0)
    return Cases(hour, truth, chance, said, 1 + rng.exponential(mean).astype(np.int64))


def _counted(rows: Cases, groups: Ints) -> tuple[Ints, NDArray[np.float64]]:
    truth, said = (pa.array(one.astype(str)) for one in (rows.truth, rows.said))
    _, counts, sums = count_scored(LAYOUT, groups, truth, said, rows.score, np.ones(len(groups), dtype=np.int8))
    return counts, sums


def _labelled(rows: Cases) -> LabelCounts:
    counts, sums = _counted(rows, np.zeros(len(rows.hour), dtype=np.int64))
    return LabelCounts(counts[0], sums[0])


def _precision(labels: LabelCounts) -> float:
    found = METRICS["binary"]["precision"](LAYOUT, labels)
    return found.value if found else float("nan")


def late_labels() -> Chart:
    """The precision of one day, as it reads while its labels come."""
    strata = Strata.of(LAYOUT)
    past, now = _cases(150, 60, 1), 150 * DAY
    known = past.known(now)
    pairs, group = np.unique(np.stack([known.hour, known.delay]), axis=1, return_inverse=True)
    data = [encode(*one) for one in zip(*_counted(known, group.ravel().astype(np.int64)), strict=True)]
    hours, predictions = np.unique(past.hour, return_counts=True)
    curve = arrivals(now - pairs[0], pairs[1], strata.count(data), strata.parents, (now - hours, predictions))
    assert curve is not None
    rows = _cases(1, 1000, 11)
    hours, predictions = np.unique(rows.hour, return_counts=True)
    ages = np.array([2, 3, 4, 5, 7, 9, 12, 15, 20, 25, 30, 40, 50, 60])
    plain, weighted, low, high, there = [], [], [], [], []
    for age in ages:
        labels = _labelled(rows.known(age * DAY))
        found = weigh(LAYOUT, strata, curve, age * DAY - hours, predictions).weighting
        mine = labels if found is None else found.of("precision", labels)[0]  # type: ignore[index]
        estimate = METRICS["binary"]["precision"](LAYOUT, mine)
        assert estimate is not None
        plain.append(_precision(labels))
        there.append(labels.rows / len(rows.hour))
        weighted.append(estimate.value)
        low.append(estimate.lower)
        high.append(estimate.upper)
    chart = Chart(
        "Precision of one day, as it reads while labels come",
        (0, 60),
        (0.1, 0.7),
        "age of the day, days",
        "precision",
        y_ticks=[(i / 10, f"{10 * i} %") for i in range(1, 8)],
    )
    chart.band(ages, low, high, "a")
    chart.line(ages, weighted, "a", "weighted")
    chart.line(ages, plain, "b", "labels as they are")
    chart.rule(y=_precision(_labelled(rows)), text="once all are there")
    for age in (3, 7, 20):
        place = int(np.flatnonzero(ages == age)[0])
        chart.say(age + 0.6, plain[place] - 0.035, f"{100 * there[place]:.0f} % of labels")
    return chart


def _day(seed: int, *, moved: float, turned: float) -> tuple[NDArray[np.float64], Ints, Ints]:
    rng = np.random.default_rng(seed)
    x = rng.normal(moved, 1, 4_000)
    score = 1 / (1 + np.exp(1.6 - 1.5 * x))
    odds = np.log(score / (1 - score)) - turned * (score > 0.35)
    return score, (score > 0.4).astype(np.int64), (rng.random(len(x)) < 1 / (1 + np.exp(-odds))).astype(np.int64)


def estimates() -> Chart:
    """What the scores let expect, beside what came."""
    days = np.arange(21)
    expected, came = [], []
    for day in days:
        score, said, truth = _day(day, moved=0.7 * (7 <= day < 14), turned=1.4 * (day >= 14))
        expected.append(np.mean(np.where(said == 1, score, 1 - score)))
        came.append(np.mean(said == truth))
    error = 1.96 * np.sqrt(np.array(came) * (1 - np.array(came)) / 4_000)
    chart = Chart(
        "Estimated without labels, and realised when they came",
        (0, 20),
        (0.6, 0.9),
        "days",
        "accuracy",
        y_ticks=[(i / 20, f"{5 * i} %") for i in range(12, 19)],
    )
    chart.band(days, came - error, came + error, "a")
    chart.line(days, came, "a", "realised")
    chart.line(days, expected, "b", "estimated", dashed=True)
    chart.rule(x=7, text="inputs move")
    chart.rule(x=14, text="the world changes")
    return chart


def base_rate() -> Chart:
    """The share of positives by the scores' mixture, by their mean, and in truth."""
    rng = np.random.default_rng(8)
    cuts = np.linspace(0, 1, 65)

    def scores(n: int, prior: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        truth = rng.random(n) < prior
        x = rng.normal(np.where(truth, 1.2, 0.0), 1)
        odds = 1.2 * x - 0.72 + np.log(0.2 / 0.8)
        return 1 / (1 + np.exp(-odds)), truth

    known, truth = scores(30_000, 0.2)
    negative, positive = (np.histogram(known[truth == side], cuts)[0].astype(float) for side in (False, True))
    days, real, mean, value, low, high = np.arange(31), [], [], [], [], []
    for day in days:
        prior = 0.2 + 0.25 * np.clip((day - 8) / 12, 0, 1)
        now, _ = scores(2_000, prior)
        found = maximum_likelihood(np.histogram(now, cuts)[0].astype(float), negative, positive)
        real.append(prior)
        mean.append(now.mean())
        value.append(found.value)
        low.append(found.lower)
        high.append(found.upper)
    chart = Chart(
        "How common positives are, before any label",
        (0, 30),
        (0.1, 0.6),
        "days",
        "share of positives",
        y_ticks=[(i / 10, f"{10 * i} %") for i in range(1, 7)],
    )
    chart.band(days, low, high, "a")
    chart.line(days, value, "a", "estimated base rate")
    chart.line(days, mean, "b", "mean score")
    chart.line(days, real, "d", "truth", dashed=True)
    return chart


def stream() -> Chart:
    """Errors one after the other, and the statistic that waits for them to become more."""
    rng = np.random.default_rng(5)
    errors = (rng.random(8_000) < np.where(np.arange(8_000) < 5_000, 0.10, 0.15)).astype(float)
    usual = Usual(0.10, 0.0, 20_000.0)
    state, seen = START, []
    for first in range(0, len(errors), 20):
        before = state.inner
        state, _ = step(state, errors[first : first + 20], usual)
        logs = np.asarray(state.inner if state.inner is not None else before)
        seen.append(float(np.log(np.mean(np.exp(np.minimum(logs, 700))))) if np.isfinite(logs).any() else np.nan)
    labels = np.arange(20, len(errors) + 1, 20)
    shown = np.maximum(np.array(seen) / np.log(10), 0)
    chart = Chart(
        "One label after the other: 10 % wrong, then 15 %",
        (0, 8_000),
        (0, 5),
        "labels",
        "statistic",
        x_ticks=[(i * 1000, f"{i * 1000:,}") for i in range(9)],
        y_ticks=[(i, f"{10**i:,}") for i in range(6)],
    )
    chart.line(labels, shown, "a", "Shiryaev-Roberts")
    chart.rule(y=float(np.log10(20_000)), text="alarm: at most one false in 20,000 labels")
    chart.rule(x=5_000, text="15 % from here")
    alarms = np.array(state.alarms, dtype=float)
    chart.dots(alarms, np.full(len(alarms), np.log10(20_000)), "b", f"alarm ({len(alarms)})", size=4)
    return chart


def maturity() -> Chart:
    """A month of days, some of which are too young to be judged."""
    rng = np.random.default_rng(9)
    days = np.arange(30)
    truth = np.where(days < 20, 0.9, 0.84)
    coverage = 1 - np.exp(-(30 - days) / 3.5)
    rows = np.maximum(2_000 * coverage, 30).astype(int)
    value = rng.binomial(rows, truth) / rows
    error = 1.96 * np.sqrt(value * (1 - value) / rows)
    last = int(np.flatnonzero(coverage >= 0.8)[-1])
    chart = Chart(
        "Accuracy by day, as known on day 30",
        (0, 29),
        (0.75, 0.95),
        "days",
        "accuracy",
        y_ticks=[(i / 20, f"{5 * i} %") for i in range(15, 20)],
    )
    chart.band(days[last:], np.full(30 - last, 0.75), np.full(30 - last, 0.95), "d", "labels of under 80 %: not judged")
    chart.band(days, value - error, value + error, "a")
    chart.line(days, value, "a", "accuracy, 95 %")
    chart.rule(y=0.88, text="reference less 2 points: a warning below")
    return chart
