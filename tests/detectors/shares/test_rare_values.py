"""Columns of many rare values: what is new or gone among them by chance is no drift, what is more than chance is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from alerting.sentence import sentence
from detectors.binning import make_binning
from detectors.cuts import Binning, CategoricalColumn
from detectors.measurement import Measurement
from detectors.registry import TWO_SAMPLE
from detectors.sample import Levels, sample_of
from detectors.shares.auto import measure_drift
from detectors.shares.cells import categories, name_of
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
    found, p_value = measured(before, named(np.where(codes < 3, codes + 10_000, codes)), 0.02)
    assert max(found.p_value, p_value) < 1e-6
    assert found.details["category"] == "__other__"  # some of it was there before
    found, _ = measured(before, named(np.where(codes < 3, 100 + random.integers(0, 1_000, 4_000), codes)), 0.02)
    assert found.p_value < 1e-6
    assert found.details["category"] == "__other__"
    said = sentence(reading(verdict="warning", details={**found.details, "share_reference": 0.6, "share_current": 0.8}))
    assert ", rare and new values from 60 % to 80 %" in said


@pytest.mark.parametrize(("rows", "draw"), [(10_000, by_rank(300)), (1_300, lambda r, n: r.geometric(3 / 60, n))])
def test_a_new_value_is_told_beside_those_that_are_always_new(rows, draw):
    """A few values are still to come in such columns, and a fifth of the rows is more than these."""
    random = np.random.default_rng(9)
    before, now = named(draw(random, rows)), draw(random, 720)
    quiet, by_counts = measured(before, named(now), 0.02)
    assert min(quiet.p_value, by_counts) > ALPHA
    found, by_counts = measured(before, named(np.where(random.random(720) < 0.2, 99_999, now)), 0.02)
    assert max(found.p_value, by_counts) < 1e-6
    assert found.details["category"] == "__unseen__"


def test_one_unseen_row_hides_nothing():
    """A typo in the window, and levels of which none is sure to be commoner than the next."""
    random = np.random.default_rng(10)
    before = random.integers(0, 8, 100)
    now = np.where(random.random(300) < 0.7, 0, random.integers(0, 8, 300))
    for typo in (now, np.append(now, 77)):
        found, p_value = measured(named(before), named(typo))
        assert max(found.p_value, p_value) < 1e-6


def test_a_column_without_common_values_says_so():
    random = np.random.default_rng(8)
    codes = random.permutation(20_000)
    found, _ = measured(named(codes), named(codes[:500] + 30_000))
    assert (found.metric, found.value, found.reason, found.n_current) == ("l_infinity", None, "no_common_value", 500)


@pytest.mark.parametrize(
    ("counts", "common", "unseen"),
    [
        ([900, 600, 300], 3, 0.0),
        ([900, 600, 4], 2, 0.0),  # the third is by luck no fourth
        ([900, 52, 50, 48, 47, 46], 6, 0.0),  # what is told apart from nothing
        ([900, 12, 9, 7, 5, 4, 3, 2, 1, 1], 1, 4 / 944),
        ([5, 4, 4, 3, 1, 1, 1], 0, (3 + 3**0.5) / 19),
    ],
)
def test_how_many_levels_are_common_by_no_chance(counts, common, unseen):
    codes = np.repeat(np.arange(len(counts)), counts)
    binning = make_binning(named(codes), {NAME: "categorical"}, LAYOUT)
    for one in (binning, Binning.from_bytes(binning.to_bytes())):
        made = one.by_name[NAME]
        assert isinstance(made, CategoricalColumn)
        assert (made.levels[0], made.common, made.unseen) == ("v0", common, pytest.approx(unseen))


def test_cuts_of_before_that_was_counted_are_as_they_were():
    column_of = CategoricalColumn(NAME, ("a", "b"), frozenset({"z"}))
    made = categories(Binning((column_of,), LAYOUT), [NAME])
    assert (made.first.tolist(), made.last.tolist()) == ([1, 2, 3, 4], [2, 3, 4, 5])
    assert [name_of(column_of, place) for place in range(4)] == ["a", "b", "__other__", "__unseen__"]


def test_categories_that_all_have_names_are_counted_each():
    """As scipy counts them, however rare they are."""
    random = np.random.default_rng(11)
    before, now = np.repeat([0, 1, 2], [50, 3, 2]), random.integers(0, 3, 40)
    binning = binning_of(named(before))
    then, live = (sample_of(binning, NAME, window_of(binning, named(codes)).counts) for codes in (before, now))
    found = TWO_SAMPLE["chi_square"].compare(then, live)
    table = [[50, 3, 2], np.bincount(now).tolist()]
    assert found.details["categories"] == ["v0", "v1", "v2"]
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-12)


def test_a_method_on_a_column_without_common_values_is_not_told():
    for codes, tells in ((np.arange(20_000), False), (np.repeat(np.arange(20), 100), True)):
        binning = binning_of(named(codes))
        found = sample_of(binning, NAME, window_of(binning, named(codes)).counts)
        assert isinstance(found, Levels)
        assert found.tells is tells
