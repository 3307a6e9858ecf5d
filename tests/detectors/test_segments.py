"""Which segments there are, and how the budget is shared among them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.cuts import Binning, SegmentColumn
from detectors.segments import (
    LARGEST_EFFECT,
    MOST_VALUES,
    Size,
    budget_shares,
    segment_codes,
    segment_column,
    smallest_effect,
)
from detectors.summary import summarise, summarise_by
from tests.detectors.build import binning_of, column


def test_the_commonest_values_are_told_apart() -> None:
    values = ["b"] * 40 + ["a"] * 40 + ["c"] * 90 + ["rare"] * 29 + [None] * 100
    assert segment_column("s", pa.array(values)) == SegmentColumn("s", ("c", "a", "b"))
    assert segment_column("s", None) == SegmentColumn("s")
    assert segment_column("s", pa.array([1.0] * 30 + [0.5] * 31)).values == ("0.5", "1")
    many = [f"v{i:03}" for i in range(60) for _ in range(30 + i)]
    kept = segment_column("s", pa.array(many)).values
    assert kept == tuple(f"v{i:03}" for i in range(59, 59 - MOST_VALUES, -1))


def test_rows_of_other_values_are_in_no_segment() -> None:
    one = SegmentColumn("s", ("c", "a"))
    assert segment_codes(one, pa.array(["a", None, "c", "new", "a"])).tolist() == [1, -1, 0, -1, 1]
    assert segment_codes(SegmentColumn("s"), pa.array(["a", None])).tolist() == [-1, -1]
    assert one.segments == ("s=c", "s=a")


def test_segments_travel_with_the_cuts() -> None:
    plain = binning_of({"feature.x": column([1.0, 2.0])})
    sliced = Binning(plain.columns, plain.scores, (SegmentColumn("s", ("ä", "b=c")), SegmentColumn("t")))
    assert Binning.from_bytes(sliced.to_bytes()).segments == sliced.segments
    assert Binning.from_bytes(plain.to_bytes()).segments == ()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2), st.integers(-50, 50)), min_size=1, max_size=40))
def test_counting_by_segment_is_counting_its_rows_alone(rows: list[tuple[int, int, int]]) -> None:
    """To the bit: the same counts, sums and extremes as of the filtered rows."""
    hours, codes, numbers = (np.array(part) for part in zip(*rows, strict=True))
    texts = np.array(["a", "b", "z"])[numbers % 3]
    binning = binning_of({"feature.x": column(np.arange(-20.0, 20.0)), "feature.c": column(["a", "b"] * 20)})
    keys = np.where(codes >= 0, codes * 4 + hours, -1)
    values = {"feature.x": column(numbers / 7), "feature.c": column(texts.tolist())}
    whole, sliced = summarise_by(binning, [hours, keys], values)
    alone = summarise(binning, hours, values)
    assert whole.hours.tolist() == alone.hours.tolist()
    assert np.array_equal(whole.counts, alone.counts)
    for code in range(3):
        mine = codes == code
        some = {
            "feature.x": column(numbers[mine] / 7),
            "feature.c": column(texts[mine].tolist() or pa.array([], "str")),
        }
        expected = summarise(binning, hours[mine], some) if mine.any() else None
        got = np.flatnonzero(sliced.hours // 4 == code)
        assert len(got) == (0 if expected is None else len(expected.hours))
        if expected is not None:
            assert np.array_equal(sliced.hours[got] % 4, expected.hours)
            assert np.array_equal(sliced.counts[got], expected.counts)
            assert np.array_equal(sliced.moments[got], expected.moments)
            assert np.array_equal(sliced.extremes[got], expected.extremes)


def test_shares_go_by_the_root_of_the_rows_and_add_up() -> None:
    sizes = {"a": Size(40_000, 10_000), "b": Size(10_000, 2_500)}
    shares = budget_shares(sizes, tolerance=0.02, weekly_alpha=1e-4)
    assert shares == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert budget_shares({}, tolerance=0.02, weekly_alpha=1e-4) == {}


def test_a_segment_too_small_to_tell_leaves_its_share_to_the_others() -> None:
    sizes = {"large": Size(40_000, 10_000), "small": Size(4_000, 300), "empty": Size(0, 0)}
    assert budget_shares(sizes, tolerance=0.02, weekly_alpha=1e-4) == {"large": 1.0}
    assert budget_shares({"small": Size(400, 300)}, tolerance=0.02, weekly_alpha=1e-4) == {}


def test_segments_of_one_size_are_all_judged_or_none() -> None:
    for rows in range(1000, 6000, 250):
        sizes = {f"v={name}": Size(rows, rows / 2) for name in range(12)} | {"v=big": Size(9e5, 9e4)}
        shares = budget_shares(sizes, tolerance=0.02, weekly_alpha=1e-4)
        assert len(shares) in (1, 13)
        assert "v=big" in shares
        assert sum(shares.values()) == pytest.approx(1)
    assert len(shares) == 13


def test_the_smallest_effect_is_found_nine_times_in_ten() -> None:
    """A z-test of the share at its own level, against the law it was derived from."""
    rows, tolerance, alpha = np.array([[50_000.0, 2_000.0]]), 0.02, 1e-4
    effect = float(smallest_effect(rows, tolerance, np.array([alpha]))[0])
    assert effect < LARGEST_EFFECT
    error = 0.5 * np.sqrt(1 / 50_000 + 1 / 2_000)
    reach = tolerance + stats.norm.isf(alpha / 2) * error
    assert stats.norm.sf(reach, loc=effect, scale=error) == pytest.approx(0.9)
