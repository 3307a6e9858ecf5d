"""Columns of many rare values: what is new or gone among them by chance is no drift, what is more than chance is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from alerting.sentence import sentence
from detectors.binning import make_binning
from detectors.cuts import Binning, CategoricalColumn
from detectors.measurement import Measurement
from detectors.registry import TWO_SAMPLE
from detectors.sample import Levels, sample_of
from detectors.shares.auto import measure_drift
from tests.alerting.make import reading
from tests.detectors.build import LAYOUT, binning_of, column, profile_of, window_of

NAME, ALPHA = "feature.x", 0.002
Draw = Callable[[np.random.Generator, int], NDArray[np.int64]]


def by_rank(values: int) -> Draw:
    weights = 1 / np.arange(1, values + 1)
    return lambda random, rows: random.choice(values, rows, p=weights / weights.sum())


USERS: dict[str, Draw] = {
    "many alike": lambda random, rows: random.integers(0, 1_000, rows),
    "few alike": lambda random, rows: random.integers(0, 150, rows),
    "by rank": by_rank(2_000),
    "unequal": lambda random, rows: np.exp(random.normal(5, 1.5, rows)).astype(np.int64),
}


def named(codes: NDArray[np.int64]) -> dict[str, object]:
    return {NAME: column([f"v{code}" for code in codes.tolist()])}


def measured(before: dict[str, object], now: dict[str, object], tolerance: float = 0.0) -> tuple[Measurement, float]:
    """By ``auto``, of rows without times, and the p-value of chi-square on the counts."""
    binning = binning_of(before)
    rows = len(before[NAME].values)
    reference = profile_of(binning, np.zeros(rows, np.int64), before, timed=False)
    window = window_of(binning, now, start=1_000)
    (found,) = measure_drift(binning, [NAME], window, reference, length_hours=24, tolerance=tolerance, alpha=ALPHA)
    then, live = (sample_of(binning, NAME, counts) for counts in (reference.total, window.counts))
    by_counts = TWO_SAMPLE["chi_square"].compare(then, live)
    return found, 1.0 if by_counts.p_value is None else by_counts.p_value


@pytest.mark.parametrize("kind", USERS)
@pytest.mark.parametrize(("rows", "live"), [(600, 600), (8_000, 4_000), (40_000, 10_000)])
def test_rare_values_that_come_and_go_are_no_drift(kind, rows, live):
    random, draw = np.random.default_rng(5), USERS[kind]
    found = [measured(named(draw(random, rows)), named(draw(random, live))) for _ in range(6)]
    assert not [one for one, _ in found if one.p_value is not None and one.p_value <= ALPHA]
    assert min(by_counts for _, by_counts in found) > ALPHA


def test_a_new_value_is_told_where_all_values_are_known():
    """A thousand airports: none is common, and none is still to come."""
    random = np.random.default_rng(6)
    before = named(random.integers(0, 1_000, 40_000))
    now = random.integers(0, 1_000, 4_000)
    quiet, _ = measured(before, named(now))
    found, p_value = measured(before, named(np.where(random.random(4_000) < 0.1, 5_000, now)))
    assert quiet.p_value > ALPHA
    assert found.p_value < 1e-6
    assert p_value < 1e-6
    assert 0.05 < found.effect_lower < 0.1 < found.effect_upper
    assert found.details["category"] == "__unseen__"


def test_what_replaces_common_values_is_told_among_rare_ones():
    random = np.random.default_rng(7)
    draw = by_rank(2_000)
    codes = draw(random, 4_000)
    before = named(draw(random, 40_000))
    found, _ = measured(before, named(np.where(codes < 3, codes + 10_000, codes)), 0.02)
    assert found.p_value < 1e-6
    assert found.details["category"] == "__unseen__"
    details = {**found.details, "share_reference": 0.6, "share_current": 0.8, "short_reference": False}
    assert sentence(reading(verdict="warning", details=details)).endswith("rare and new values from 60 % to 80 %")


def test_a_column_without_common_values_says_so():
    random = np.random.default_rng(8)
    codes = random.permutation(20_000)
    found, _ = measured(named(codes), named(codes[:500] + 30_000))
    assert (found.metric, found.value, found.reason, found.n_current) == ("l_infinity", None, "no_common_value", 500)


@pytest.mark.parametrize(
    ("counts", "common", "closed"),
    [
        ([900, 600, 300], 3, True),
        ([900, 600, 4], 2, False),  # the third is by luck no fourth
        ([900, 52, 50, 48, 47, 46], 6, True),  # what is told apart from nothing
        ([900, 12, 9, 7, 5, 4, 3, 2, 1, 1], 1, False),
        ([5, 4, 4, 3, 1, 1, 1], 0, False),
    ],
)
def test_how_many_levels_are_common_by_no_chance(counts, common, closed):
    codes = np.repeat(np.arange(len(counts)), counts)
    binning = make_binning(named(codes), {NAME: "categorical"}, LAYOUT)
    for one in (binning, Binning.from_bytes(binning.to_bytes())):
        made = one.by_name[NAME]
        assert isinstance(made, CategoricalColumn)
        assert (made.levels[0], made.sure, made.is_closed) == ("v0", common, closed)


def test_cuts_of_before_that_was_counted_are_read():
    for rare, sure in ((frozenset(), 2), (frozenset({"z"}), 0)):
        column_of = CategoricalColumn(NAME, ("a", "b"), rare)
        assert (column_of.sure, column_of.is_closed) == (sure, not rare)


def test_categories_that_all_have_names_are_counted_each():
    """As scipy counts them, however rare they are."""
    then, now = (
        Levels(("a", "b", "c", "__other__", "__unseen__"), np.array([*n, 0, 0]), 1) for n in ([50, 3, 2], [40, 9, 1])
    )
    found = TWO_SAMPLE["chi_square"].compare(then, now)
    assert found.details["categories"] == ["a", "b", "c"]
    new = Levels(now.levels, np.array([40, 9, 1, 2, 5]), 1)
    assert TWO_SAMPLE["chi_square"].compare(then, new).details["categories"] == ["a", "__other__"]
    closed = Levels(then.levels, then.counts, 1, closed=True)
    assert TWO_SAMPLE["chi_square"].compare(closed, new).details["categories"] == ["a", "__other__", "__unseen__"]
