"""Cuts and levels of a first reference."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.binning import LATENCY_CUTS, make_binning, score_layout
from detectors.cuts import LEVELS, Binning, CategoricalColumn, NumericColumn
from tests.detectors.build import LAYOUT, binning_of, column


def numeric(values: object) -> NumericColumn:
    (made,) = binning_of({"feature.x": column(values)}).columns
    assert isinstance(made, NumericColumn)
    return made


def categorical(values: object) -> CategoricalColumn:
    (made,) = make_binning({"feature.c": column(values)}, {"feature.c": "categorical"}, LAYOUT).columns
    assert isinstance(made, CategoricalColumn)
    return made


def test_cuts_of_continuous_values_are_quantiles_at_the_levels():
    made = numeric(np.random.default_rng(1).normal(size=6400))
    assert len(made.cuts) == len(LEVELS) == 79
    np.testing.assert_allclose(made.levels, LEVELS, atol=1 / 6400)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([-1.5, 0.0, 0.1, 2.0, 7.0, 1e9]) | st.floats(-50, 50), min_size=1, max_size=300))
def test_a_heavy_value_is_alone_in_its_bin_and_levels_are_exact(values):
    made = numeric(np.array(values))
    values = np.array(values)
    np.testing.assert_array_equal(np.diff(made.cuts) > 0, True)
    for cut, level in zip(made.cuts, made.levels, strict=True):
        assert level == np.mean(values <= cut)
    distinct, counts = np.unique(values, return_counts=True)
    for heavy in distinct[counts >= max(2, len(values) / 64)]:
        place = int(np.searchsorted(made.cuts, heavy))
        assert made.cuts[place] == heavy
        assert np.nextafter(made.cuts[place - 1], np.inf) == heavy
        assert made.points[place]


def test_a_constant_is_set_apart_from_below_and_above():
    made = numeric([3.5] * 40)
    assert made.cuts.tolist() == [np.nextafter(3.5, -np.inf), 3.5]
    assert (made.minimum, made.maximum) == (3.5, 3.5)


def test_infinities_and_nulls_make_no_cuts():
    made = numeric([np.inf, -np.inf, None, *range(100)])
    assert np.isfinite(made.cuts).all()
    assert (made.minimum, made.maximum) == (0.0, 99.0)


def test_quantile_cuts_find_the_level_among_ties():
    made = numeric([0.0] * 30 + list(range(1, 71)))
    deciles = made.cuts[made.quantile_cuts(np.arange(1, 10) / 10)]
    np.testing.assert_array_equal(deciles, [0, 10, 20, 30, 40, 50, 60])


def test_levels_keep_all_of_a_small_reference():
    made = categorical(["a"] * 900 + ["b"] * 99 + ["once"])
    assert made.levels == ("a", "b", "once")
    assert made.rare == frozenset()


def test_rare_levels_are_known_but_share_a_slot():
    made = categorical(["a"] * 5000 + ["b"] * 5 + ["c"] * 4 + ["d"])
    assert made.levels == ("a",)
    assert made.rare == {"b", "c", "d"}
    many = categorical([f"level-{i}" for i in range(400) for _ in range(2 if i < 250 else 1)])
    assert len(many.levels) == 200
    assert len(many.rare) == 200


def test_numbers_measured_as_categories_have_canonical_names():
    made = categorical([1.0, 0.5, 1.0, -0.0, 0.0, 0.0, 1e16])
    assert set(made.levels) == {"1", "0.5", "0", "1e+16"}
    assert made.levels[0] == "0"


def test_special_columns_and_no_rows_at_all():
    kinds = {"feature.x": "numeric", "feature.c": "categorical", "latency_ms": "numeric", "metric.loss": "numeric"}
    made = make_binning({}, {**kinds, "error": "categorical"}, LAYOUT)  # type: ignore[arg-type]
    sizes = {one.name: one.size for one in made.columns}
    assert sizes == {
        "feature.x": 8,
        "feature.c": 4,
        "latency_ms": len(LATENCY_CUTS) + 8,
        "metric.loss": 8,
        "error": 4,
    }
    assert made.size == 1 + sum(sizes.values())


def test_bytes_round_trip_exactly():
    rng = np.random.default_rng(3)
    columns = {
        "feature.x": column(rng.normal(size=500)),
        "feature.c": column(rng.choice(list("abc"), 500)),
        "feature.none": column([None] * 500),
    }
    made = binning_of(columns)
    again = Binning.from_bytes(made.to_bytes())
    assert again.to_bytes() == made.to_bytes()
    assert again.offsets == made.offsets
    np.testing.assert_array_equal(again.columns[0].cuts, made.columns[0].cuts)  # type: ignore[union-attr]


def test_score_cuts_join_the_grid_and_the_references_own_quantiles():
    scores = np.random.default_rng(4).beta(1, 200, 5000)
    made = score_layout("binary", ("0", "1"), scores)
    shares = np.diff(np.searchsorted(np.sort(scores), made.score_cuts, side="right")) / len(scores)
    assert shares.max() <= 1 / 512 + 1 / 5000
    assert len(score_layout("binary", ("0", "1"), np.array([np.nan])).score_cuts) == 0
    assert len(score_layout("regression", (), None).score_cuts) == 0
