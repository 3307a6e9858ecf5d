"""Labelled rows that are counted part by part give the bytes of all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.binning import score_layout
from detectors.performance.parts import ScoredParts, room_of
from detectors.performance.scored import count_scored, encode, most_cells

SCORES = np.random.default_rng(1).random(300)
LAYOUTS = (
    score_layout("binary", ("0", "1"), SCORES),
    score_layout("multiclass", ("0", "1", "2"), SCORES),
    score_layout("regression", (), SCORES),
    score_layout("regression", (), None),
)
STRANGE = [None, 0.0, -0.0, 1e-320, -1e100, 1e160, 1.7e308, -1.7e308, np.inf, np.nan]


def rows_of(count: int, seed: int) -> tuple[Any, ...]:
    """Labelled rows as ``count_scored`` takes them, by whether they are of a regression."""
    rng = np.random.default_rng(seed)
    strange = rng.random(count) < 0.2
    numbers = np.where(strange, rng.choice(np.array(STRANGE, object), count), rng.normal(size=count))
    classes = [rng.choice(np.array([None, "0", "1", "2", "else"], object), count) for _ in range(2)]
    score = np.where(rng.random(count) < 0.2, np.nan, rng.choice([0.0, 1.0, *SCORES], count))
    sign = rng.choice(np.array([1, -1], np.int8), count)
    groups = rng.integers(0, 4, count) * 7 - 2
    return groups, numbers, rng.normal(size=count), *classes, score, sign, rng.random(count)


def labelled(task: str, rows: tuple[Any, ...], some: Any) -> tuple[Any, ...]:
    groups, truth, said, known, claimed, score, sign, highest = (values[some] for values in rows)
    kind = pa.string() if task != "regression" else pa.float64()
    pair = (truth, said) if task == "regression" else (known, claimed)
    return groups, *(pa.array(values.tolist(), kind) for values in pair), score, sign, highest


@given(
    st.sampled_from(LAYOUTS),
    st.one_of(st.integers(1, 60), st.sampled_from([9000])),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 9000), max_size=5),
)
@settings(max_examples=150, deadline=None)
def test_any_partition_in_any_order(layout: Any, count: int, seed: int, cuts: list[int]) -> None:
    rows = rows_of(count, seed)
    expected = count_scored(layout, *labelled(layout.task, rows, np.arange(count)))
    order = np.random.default_rng(seed).permutation(count)
    parts = [labelled(layout.task, rows, some) for some in np.split(order, sorted(cut % (count + 1) for cut in cuts))]
    counted = ScoredParts(layout)
    for part in parts:
        counted.count(*part)
    for part in reversed(parts):
        counted.add(*part)
    found = counted.found()
    assert found[0].tolist() == expected[0].tolist()
    assert [encode(*pair) for pair in zip(*found[1:], strict=True)] == [
        encode(*pair) for pair in zip(*expected[1:], strict=True)
    ]


@given(st.sampled_from(LAYOUTS), st.integers(1, 60), st.integers(0, 2**32 - 1), st.integers(-3, 25), st.integers(0, 15))
@settings(max_examples=60, deadline=None)
def test_groups_of_some_keys(layout: Any, count: int, seed: int, first: int, more: int) -> None:
    """As of all of them, within the room that was said."""
    part = labelled(layout.task, rows_of(count, seed), np.arange(count))
    counted = ScoredParts(layout)
    counted.count(*part)
    counted.add(*part)
    keys, counts, sums = counted.found()
    some = (keys >= first) & (keys < first + more)
    found = counted.between(first, first + more)
    for one, expected in zip(found, (keys[some], counts[some], sums[some]), strict=True):
        np.testing.assert_array_equal(one, expected)
    _, rows = np.unique(part[0], return_counts=True)
    assert (room_of(layout, rows) >= counts[:1].nbytes).all()
    assert (np.count_nonzero(sums, axis=1) <= most_cells(layout, rows.max())).all()


def test_labels_that_came_between_the_readings_do_no_harm() -> None:
    layout, rows, more = LAYOUTS[2], rows_of(50, 3), rows_of(50, 4)
    more[0][:] = 99
    counted = ScoredParts(layout)
    first, second = (labelled("regression", some, np.arange(50)) for some in (rows, more))
    counted.count(*first)
    counted.add(*first)
    counted.add(*second)
    assert (counted.found()[2] == count_scored(layout, *first)[2]).all()
