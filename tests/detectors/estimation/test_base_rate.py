"""Days have scores of their own that are no label shift: intervals of the base rate are as wide as that takes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from detectors.estimation.base_rate import BY_CLASSES, METRIC, measure_base_rate, unrest_of
from detectors.estimation.measure import PREFIX, estimate_performance
from detectors.profile import mix
from tests.detectors.estimation.test_rare import Rows, world_of

PER_DAY = 2_000
DAY_28 = 28 * 24


def days(rng: np.random.Generator, count: int, weekend: float) -> list[Rows]:
    """A calibrated model; on weekends its inputs are so many sd higher."""
    found = []
    for day in range(count):
        x = rng.normal(weekend * (day % 7 >= 5), 1, PER_DAY)
        score = special.expit(1.5 * x - 0.5)
        found.append(Rows(score, score > 0.5, rng.random(PER_DAY) < score))
    return found


def together(parts: list[Rows]) -> Rows:
    return Rows(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("score", "said", "truth")))


@pytest.mark.parametrize("weekend", [0.0, 0.25])
def test_intervals_hold_the_labels_own_rate_on_every_day(weekend: float) -> None:
    held: dict[tuple[str, bool], list[bool]] = {}
    widened = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        world = world_of(together(days(rng, 28, weekend)))
        for rows in days(rng, 14, weekend):
            for given in (None, (24, DAY_28)):
                for one in measure_base_rate(world.binning, world.window(rows), world.reference, given):
                    if one.value is not None:
                        inside = one.lower <= rows.truth.mean() <= one.upper
                        held.setdefault((one.metric, given is not None), []).append(inside)
                        widened += [one.details.get("widened", 1.0)] if given else []
    for metric in (METRIC, BY_CLASSES):
        assert np.mean(held[metric, True]) >= 0.93
        if weekend:
            assert np.mean(held[metric, False]) < 0.85
            assert min(widened) > 1.5
        else:
            assert max(widened) < 1.25
    assert len(held[METRIC, True]) > 60


def test_too_few_windows_change_nothing() -> None:
    rng = np.random.default_rng(3)
    world, (rows,) = world_of(together(days(rng, 28, 0.5))), days(rng, 1, 0.0)
    plain, week = (measure_base_rate(world.binning, world.window(rows), world.reference, w) for w in (None, (168, 672)))
    assert [(one.lower, one.upper, one.details) for one in plain] == [
        (one.lower, one.upper, one.details) for one in week
    ]


def of_classes(rng: np.random.Generator, rows: int, rate: float, moved: float = 0.0) -> Rows:
    """Calibrated where 15 % are positive: what the scores of each class look like does not depend on ``rate``."""
    truth = rng.random(rows) < rate
    x = rng.normal(1.6 * truth + moved, 1)
    score = special.expit(np.log(0.15 / 0.85) + 1.6 * x - 1.28)
    return Rows(score, score > 0.5, truth)


def test_what_would_be_if_only_the_base_rate_changed() -> None:
    rng = np.random.default_rng(8)
    world = world_of(of_classes(rng, 40_000, 0.15))

    def told(rows: Rows) -> dict[str, dict[str, float]]:
        found = estimate_performance(world.binning, world.window(rows), world.reference, {})
        return {
            one.metric.removeprefix(PREFIX): one.details["if_base_rate_moved"]
            for one in found
            if "if_base_rate_moved" in one.details
        }

    for _ in range(5):
        rows = of_classes(rng, 8_000, 0.35)
        found = told(rows)
        assert set(found) >= {"accuracy", "precision", "recall"}
        for metric, other in found.items():
            if metric in rows.realised:
                assert abs(other["value"] - rows.realised[metric]) < 0.03
                assert other["lower"] < other["value"] < other["upper"]
            assert other["base_rate"] == pytest.approx(0.35, abs=0.03)
    assert sum(bool(told(of_classes(rng, 8_000, 0.15))) for _ in range(20)) <= 1
    assert told(of_classes(rng, 8_000, 0.15, moved=-3.0)) == {}  # no mixture of the two classes


def test_weekends_are_no_other_base_rate() -> None:
    rng = np.random.default_rng(2)
    world = world_of(together(days(rng, 28, 0.25)))
    told = [
        one.metric
        for rows in days(rng, 28, 0.25)
        for one in estimate_performance(world.binning, world.window(rows), world.reference, {})
        if "if_base_rate_moved" in one.details
    ]
    assert told == []


def test_a_mixed_reference_is_as_restless_as_its_parts() -> None:
    rng = np.random.default_rng(4)
    restless = world_of(together(days(rng, 28, 0.5)))
    alone = unrest_of(restless.binning, restless.reference, 24, DAY_28)
    twice = mix([restless.reference, restless.reference], [1.0, 1.0])
    found = unrest_of(restless.binning, twice, 24, DAY_28)
    assert (found.by_scores, found.by_classes) == pytest.approx((alone.by_scores, alone.by_classes))
    assert alone.by_scores > 2
    assert ("base_rate", 24, 0) in restless.reference.memo


def test_an_interval_that_is_wide_because_days_differ_is_still_told() -> None:
    rng = np.random.default_rng(5)
    world = world_of(together(days(rng, 28, 2.0)))
    (rows,) = days(rng, 1, 0.0)
    few = Rows(rows.score[:60], rows.said[:60], rows.truth[:60])
    one, *_ = measure_base_rate(world.binning, world.window(few), world.reference, (24, DAY_28))
    assert one.reason is None
    assert one.value is not None
    assert one.details["widened"] > 5
