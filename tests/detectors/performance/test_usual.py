"""A metric is counted from what it usually is at the hours of the window."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest
from scipy import stats

from detectors.cuts import ScoreLayout
from detectors.measurement import Measurement
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import METRICS, measure_performance
from detectors.performance.ratios import RATIOS, area_near
from detectors.performance.scored import WHOLE_SUMS, LabelCounts, label_size
from detectors.performance.usual import METRICS as TESTED
from detectors.performance.usual import Asked, UsualValue, rows_by_hour, usual_value
from detectors.performance.values import VALUES
from detectors.profile import ReferenceProfile, mix

DAY, DAYS, ROWS, ALPHA = 24, 28, 300, 1e-3
BINS = 64
EDGES = np.arange(1, BINS) / BINS
LAYOUTS = {"binary": ScoreLayout("binary", ("0", "1"), EDGES), "regression": ScoreLayout("regression")}
TASKS = [("regression", "mae"), ("regression", "rmse"), *(("binary", one) for one in TESTED[:6])]
NIGHT, NOON = 15, 3  # starts of windows of 6 h around the lowest and the highest hour of the sine


def errors(rng: np.random.Generator, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts [T, 1] and sums [T, 6] of a regression whose errors have this size by hour."""
    error = rng.normal(size=(len(size), ROWS)) * size[:, None]
    label = rng.normal(100, 20, error.shape)
    terms = [error, np.abs(error), error**2, error**4, label, label**2]
    return np.full((len(size), 1), ROWS), np.stack([term.sum(axis=1) for term in terms], axis=1)


def classes(
    rng: np.random.Generator, apart: np.ndarray, shift: np.ndarray, positive: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Counts [T, Lc] and sums [T, 4] of scores of two normal classes so far ``apart`` by hour, ``shift``ed together."""
    counts, sums = np.zeros((len(apart), label_size(LAYOUTS["binary"])), np.int64), np.zeros((len(apart), 4))
    for hour, (gap, both) in enumerate(zip(apart, shift, strict=True)):
        truth = (rng.random(ROWS) < positive).astype(int)
        score = np.clip(stats.norm.cdf(rng.normal(gap * (truth - 0.5) + both)), 1e-6, 1 - 1e-6)
        said = (score > 0.5).astype(int)
        counts[hour, 0] = ROWS
        np.add.at(counts[hour], 1 + 3 * truth + said, 1)
        np.add.at(counts[hour], 10 + BINS * truth + np.searchsorted(EDGES, score), 1)
        of_truth = np.where(truth == 1, score, 1 - score)
        loss, brier = -np.log(of_truth), (1 - of_truth) ** 2
        sums[hour] = [loss.sum(), (loss**2).sum(), brier.sum(), (brier**2).sum()]
    return counts, sums


def sine(start: int, hours: int) -> np.ndarray:
    return np.sin(2 * np.pi * np.arange(start, start + hours) / DAY)


def drawn(task: str, seed: int, start: int, hours: int, *, swing: float, worse: float = 0.0):
    """Hours whose errors swing by so much of their size from noon to night, and are ``worse`` by so much."""
    rng, rhythm = np.random.default_rng(seed), swing * sine(start, hours)
    if task == "regression":
        return errors(rng, 5 * (1 + rhythm) * (1 + worse))
    return classes(rng, 2 * (1 - rhythm) * (1 - worse), np.zeros(hours))


def profile_of(counts: np.ndarray, sums: np.ndarray) -> ReferenceProfile:
    hours, none = np.arange(len(counts)), np.zeros((0, 2))
    return ReferenceProfile(hours, counts[:, :1], none, none, hours, counts, sums)


@cache
def reference(task: str, seed: int, swing: float) -> ReferenceProfile:
    return profile_of(*drawn(task, seed, 0, DAYS * DAY, swing=swing))


def asked_of(
    task: str, metric: str, start: int, counts: np.ndarray, sums: np.ndarray, *, tolerance: float, alpha: float = ALPHA
) -> Asked:
    labels = LabelCounts(counts.sum(axis=0), sums.sum(axis=0))
    by_hour = rows_by_hour(LAYOUTS[task], metric, counts.astype(float), sums)
    return Asked(LAYOUTS[task], metric, start + len(counts), labels, by_hour, tolerance, alpha)


def usual_of(task: str, metric: str, profile, start: int, counts, sums, *, tolerance: float) -> UsualValue | None:
    then = METRICS[task][metric](LAYOUTS[task], profile.labels)
    return usual_value(asked_of(task, metric, start, counts, sums, tolerance=tolerance), profile, then)


def judged(
    task: str, metric: str, profile: ReferenceProfile, start: int, made, *, informed: bool, tolerance: float = 0.02
) -> Measurement:
    counts, sums = made
    labels = LabelHours.of_arrays(start, counts, sums)

    def usual(name, rows, then, allowed, alpha):
        by_hour = rows_by_hour(LAYOUTS[task], name, *labels.arrays(np.arange(counts.shape[1]), WHOLE_SUMS))
        asked = Asked(LAYOUTS[task], name, start + len(counts), rows, by_hour, allowed, alpha)
        return usual_value(asked, profile, then)

    found = measure_performance(
        LAYOUTS[task], labels.total, labels.total.rows, profile.labels, profile.labels.rows,
        profile.label_windows(len(counts), (start + len(counts)) % len(counts)),
        alpha=ALPHA, tolerances={metric: tolerance}, mature=True, usual=usual if informed else None,
    )  # fmt: skip
    return next(one for one in found if one.metric == metric)


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_a_bad_night_is_seen_although_noons_are_as_bad_and_a_usual_noon_is_no_loss(task: str, metric: str) -> None:
    """Errors of the size that a day has in the middle: at the best hour of the day that is a loss."""
    profile = reference(task, 1, 0.4)
    night = DAYS * DAY + NIGHT
    bad = drawn(task, 2, night, 6, swing=0.0)
    told, untold = (judged(task, metric, profile, night, bad, informed=known) for known in (True, False))
    assert told.p_value < ALPHA < untold.p_value
    assert told.effect_lower > 0.02 > untold.effect_lower
    usual, value, before = told.details["usual_value"], told.value, told.details["reference_value"]
    assert abs(value - before) < abs(value - usual)
    noon = DAYS * DAY + NOON
    fine = judged(task, metric, profile, noon, drawn(task, 3, noon, 6, swing=0.4), informed=True)
    assert fine.p_value > 0.05
    assert fine.details["usual_value"] == pytest.approx(fine.value, rel=0.1)


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_without_seasons_limits_are_as_wide_as_by_the_number_of_rows(task: str, metric: str) -> None:
    """On the mean: what single references know of their unrest is a guess."""
    layout, wide = LAYOUTS[task], []
    for seed in range(6):
        profile = reference(task, 10 + seed, 0.0)
        made = drawn(task, 20 + seed, DAYS * DAY, 6, swing=0.0)
        found = usual_of(task, metric, profile, DAYS * DAY, *made, tolerance=0.02)
        now = METRICS[task][metric](layout, LabelCounts(made[0].sum(axis=0), made[1].sum(axis=0)))
        then = METRICS[task][metric](layout, profile.labels)
        assert not found.seasonal
        assert found.value == pytest.approx(then.value, rel=0.003)
        wide.append(found.deviation / np.hypot(now.error, then.error))
    assert np.mean(wide) == pytest.approx(1.0, abs=0.08)
    informed, plain = (judged(task, metric, profile, DAYS * DAY, made, informed=known) for known in (True, False))
    assert "usual_value" not in informed.details
    assert informed.effect == pytest.approx(plain.effect, abs=0.003)


def test_hours_that_wander_make_it_less_sure() -> None:
    rng = np.random.default_rng(4)
    wander = np.zeros(DAYS * DAY)
    for hour in range(1, len(wander)):
        wander[hour] = 0.9 * wander[hour - 1] + 0.1 * rng.normal()
    restless = profile_of(*errors(rng, 5 * np.exp(wander)))
    steady = reference("regression", 1, 0.0)
    made = drawn("regression", 2, DAYS * DAY, 6, swing=0.0)
    found = [
        usual_of("regression", "mae", profile, DAYS * DAY, *made, tolerance=0.05) for profile in (steady, restless)
    ]
    assert found[1].deviation > 3 * found[0].deviation
    windows = [float(one.sums[1]) / one.rows for one in restless.label_windows(6, 0)]
    assert found[1].deviation == pytest.approx(np.std(windows), rel=0.25)


def test_scores_that_rise_and_fall_together_do_not_move_the_area() -> None:
    """The area of all hours is lower than that of any hour, and rows' placements among all hours say nonsense."""
    rng = np.random.default_rng(5)
    hours = np.arange(DAYS * DAY)
    profile = profile_of(*classes(rng, np.full(len(hours), 2.0), 0.8 * sine(0, len(hours))))
    then = METRICS["binary"]["roc_auc"](LAYOUTS["binary"], profile.labels)
    for start in (DAYS * DAY + NIGHT, DAYS * DAY + NOON):
        counts, sums = classes(rng, np.full(6, 2.0), 0.8 * sine(start, 6))
        found = usual_of("binary", "roc_auc", profile, start, counts, sums, tolerance=0.02)
        true = stats.norm.cdf(2 / np.sqrt(2))
        assert abs(found.value - true) < 0.006 < abs(then.value - true)


def test_the_area_near_a_reference_is_its_first_order() -> None:
    layout = LAYOUTS["binary"]
    counts, sums = drawn("binary", 1, 0, 48, swing=0.3)
    counts = counts.astype(float)
    whole = LabelCounts(counts.sum(axis=0), sums.sum(axis=0))
    area = partial(VALUES["binary"]["roc_auc"], layout)
    total, rows = area_near(whole)(layout, counts, sums)
    assert total.sum() / rows.sum() == pytest.approx(area(whole.counts, whole.sums), abs=1e-12)
    each, step = counts[7], 1e-5
    slope = (area(whole.counts + step * each, sums) - area(whole.counts - step * each, sums)) / (2 * step)
    influence = (total[7] - float(area(whole.counts, sums)) * rows[7]) / rows.sum()
    assert influence == pytest.approx(float(slope), rel=1e-6)


@pytest.mark.parametrize(("task", "metric"), TASKS)
def test_ratios_are_the_metrics(task: str, metric: str) -> None:
    counts, sums = drawn(task, 1, 0, 30, swing=0.0)
    whole = LabelCounts(counts.sum(axis=0), sums.sum(axis=0))
    ratio = area_near(whole) if metric == "roc_auc" else RATIOS[metric]
    total, rows = ratio(LAYOUTS[task], whole.counts.astype(float), whole.sums)
    value = np.sqrt(total / rows) if metric == "rmse" else total / rows
    assert value == pytest.approx(METRICS[task][metric](LAYOUTS[task], whole).value, rel=1e-12)


def test_nobody_knows_without_times_enough_windows_or_one_reference() -> None:
    counts, sums = drawn("regression", 1, 0, 5 * DAY, swing=0.0)
    made = drawn("regression", 2, 5 * DAY, DAY, swing=0.0)
    few, none = profile_of(counts, sums), np.zeros((0, 2))
    timeless = ReferenceProfile(None, counts[:1, :1], none, none, None, counts[:1], sums[:1])
    for reference in (few, timeless, mix([few, profile_of(counts, sums)], [1, 1])):
        assert usual_of("regression", "mae", reference, 5 * DAY, *made, tolerance=0.05) is None
    hours = drawn("regression", 3, 5 * DAY, 6, swing=0.0)
    assert usual_of("regression", "mae", few, 5 * DAY, *hours, tolerance=0.05) is not None
