"""Days that wander are no drift: what the reference's own stretches give is taken off, and real changes stay."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.domain.cross_fit import halves, in_turn
from detectors.domain.replay import Replay, replay
from detectors.domain.wander import Wander
from detectors.measurement import Measurement
from detectors.multivariate.domain_classifier import Rows, measure_domain, time_blocks

FEATURES = ["a", "b", "c", "d", "e"]
REFERENCE, LATER, WINDOW, ROWS = 28, 14, 7, 48  # days, days between, days, rows a day
WARNING = 0.55


def stream(seed: int, phi: float, sd: float) -> np.ndarray:
    """Normal features [rows, 5] of days whose means are an AR(1) with standard deviation ``sd``."""
    rng = np.random.default_rng(seed)
    days = REFERENCE + LATER + WINDOW
    level = np.empty((days, 5))
    level[0] = sd * rng.normal(size=5)
    for day in range(1, days):
        level[day] = phi * level[day - 1] + np.sqrt(1 - phi**2) * sd * rng.normal(size=5)
    return np.repeat(level, ROWS, axis=0) + rng.normal(size=(days * ROWS, 5))


def rows(values: np.ndarray, first: int) -> Rows:
    hours = 24 * first + np.arange(len(values)) * 24 // ROWS
    columns = {name: pa.array(values[:, place]) for place, name in enumerate(FEATURES)}
    return Rows(columns, time_blocks(hours), hours)


def sides(values: np.ndarray) -> tuple[Rows, Rows]:
    later = REFERENCE + LATER
    return rows(values[: REFERENCE * ROWS], 0), rows(values[later * ROWS :], later)


def measured(values: np.ndarray) -> Measurement:
    reference, current = sides(values)
    return measure_domain(FEATURES, reference, current, replay(FEATURES, reference, 24 * WINDOW, 0))


def is_told(found: Measurement) -> bool:
    assert found.value is not None
    assert found.lower is not None
    return found.value > WARNING and found.lower > 0.5


@pytest.mark.parametrize(("phi", "alone"), [(0.6, 2), (0.9, 4)])
def test_days_that_wander_are_not_told(phi: float, alone: int) -> None:
    """In 3 of 60 streams of 100 rows a day and a window 30 days later, for either phi; the area alone told in 19 and
    in 43."""
    found = [measured(stream(seed, phi, 0.3)) for seed in range(6)]
    assert sum(one.details["auc"] > WARNING for one in found) >= alone
    assert sum(is_told(one) for one in found) == 0
    assert all(one.details["replayed"] for one in found)


def test_a_real_shift_and_a_correlation_that_changed_are_told() -> None:
    for seed in range(2):
        values = stream(seed, 0.6, 0.05)
        later = slice((REFERENCE + LATER) * ROWS, None)
        shifted, paired = values.copy(), values.copy()
        shifted[later, :3] += 0.5
        paired[later, 1] = 0.9 * paired[later, 0] + np.sqrt(1 - 0.9**2) * paired[later, 1]
        reference = sides(values)[0]
        replayed = replay(FEATURES, reference, 24 * WINDOW, 0)
        found = [measure_domain(FEATURES, *sides(one), replayed) for one in (values, shifted, paired)]
        assert [is_told(one) for one in found] == [False, True, True]


def test_value_and_limits_are_beyond_what_days_give() -> None:
    values = stream(1, 0.9, 0.3)
    reference, current = sides(values)
    replayed = replay(FEATURES, reference, 24 * WINDOW, 0)
    assert replayed is not None
    found = measure_domain(FEATURES, reference, current, replayed)
    null = replayed.null(np.unique(current.hours // 24).astype(float))
    assert found.value == pytest.approx(0.5 + found.details["auc"] - null.mean)
    assert found.details["replayed_auc"] == null.mean
    assert found.lower is not None
    assert found.value - found.lower > 1.96 * null.error  # few stretches: Student's
    assert found.mde is not None
    assert found.mde - 0.5 - (found.value - found.lower) > 1.28 * null.error  # with 90 % power beyond the limit
    again = replay(FEATURES, reference, 24 * WINDOW, 0)
    assert again is not None
    assert again.areas.tolist() == replayed.areas.tolist()


def test_a_short_reference_is_replayed_in_quarters_and_says_so() -> None:
    values = stream(2, 0.6, 0.3)
    reference, current = rows(values[: 10 * ROWS], 0), sides(values)[1]
    replayed = replay(FEATURES, reference, 24 * WINDOW, 0)
    assert replayed is not None
    assert (replayed.short, replayed.length) == (True, 48)
    assert measure_domain(FEATURES, reference, current, replayed).details["short_reference"] is True
    whole = replay(FEATURES, sides(values)[0], 24 * WINDOW, 0)
    assert whole is not None
    assert (whole.short, whole.length, whole.disjoint) == (False, 168, 4)


def test_no_stretch_is_taken_twice_and_columns_without_values_give_none() -> None:
    values = stream(2, 0.6, 0.3)
    days = np.random.default_rng(1).normal(size=(1000, 5))
    hours = np.arange(1000) * 24 * 5 // 1000
    columns = {name: pa.array(days[:, place]) for place, name in enumerate(FEATURES)}
    found = replay(FEATURES, Rows(columns, time_blocks(hours), hours), 24, 0)
    assert found is not None
    assert len({mine.tobytes() for mine, _ in found.stretches}) == len(found.areas)
    whole = rows(values, 0)
    empty = Rows({"v": pa.nulls(len(whole), pa.binary())}, whole.blocks, whole.hours)
    assert replay(["v"], empty, 24 * WINDOW, 0) is None


def test_without_times_or_days_there_is_no_replay_and_days_are_the_units() -> None:
    values = stream(3, 0.6, 0.3)
    reference, current = sides(values)
    untimed = Rows(reference.columns, reference.blocks)
    assert replay(FEATURES, untimed, 168, 0) is None
    assert replay(FEATURES, rows(values[: 3 * ROWS], 0), 24, 0) is None
    found = measure_domain(FEATURES, untimed, current, None)
    assert (found.details["replayed"], found.details["short_reference"]) == (False, True)
    assert found.value == found.details["auc"]
    restless = stream(3, 0.6, 1.0)
    level = [measure_domain(["a"], *sides_without_times(one), None) for one in (values, restless)]
    assert level[1].value - level[1].lower > 2 * (level[0].value - level[0].lower) > 0  # type: ignore[operator]


def sides_without_times(values: np.ndarray) -> list[Rows]:
    return [Rows(one.columns, one.blocks) for one in sides(values)]


def test_the_gap_keeps_a_stretch_from_its_neighbours() -> None:
    reference = sides(stream(4, 0.9, 0.3))[0]
    near, far = replay(FEATURES, reference, 168, 0, 0), replay(FEATURES, reference, 168, 0)
    assert near is not None
    assert far is not None
    assert all(len(rest) == REFERENCE - WINDOW for _, rest in near.stretches)
    assert {len(rest) for _, rest in far.stretches} < set(range(REFERENCE // 2, REFERENCE - WINDOW))
    assert near.areas.mean() < far.areas.mean()


def test_what_wander_the_days_have_is_learned() -> None:
    rng = np.random.default_rng(5)
    days = np.arange(40.0)

    def levels(phi: float) -> np.ndarray:
        found = rng.normal(size=(40, 12))
        for day in range(1, 40):
            found[day] = phi * found[day - 1] + np.sqrt(1 - phi**2) * found[day]
        return found

    assert Wander.of(levels(0.0), days).memory < 0.15
    assert Wander.of(levels(0.9), days).memory == pytest.approx(0.9, abs=0.06)
    assert Wander.of(np.ones((40, 2)), days).memory == 0
    independent = Wander.of(np.ones((40, 0)), days)
    assert independent.apart(np.arange(7.0), np.arange(50.0, 78.0)) == pytest.approx([1 / 7 + 1 / 28])


def test_farther_windows_of_days_with_memory_have_a_wider_null() -> None:
    found = replay(FEATURES, sides(stream(6, 0.9, 0.3))[0], 168, 0)
    assert isinstance(found, Replay)
    near, far = (np.arange(begin, begin + 7.0) for begin in (28, 90))
    assert found.null(near).mean <= found.null(far).mean
    assert found.effective < found.disjoint


def test_halves_are_stretches_of_blocks() -> None:
    blocks = np.repeat([3, 4, 7, 8, 9], [5, 1, 2, 2, 1])
    assert halves(blocks).tolist() == [0] * 8 + [1] * 3
    assert in_turn(blocks).tolist() == [0] * 5 + [1] + [0] * 2 + [1] * 2 + [0]
