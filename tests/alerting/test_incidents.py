"""The list inside an incident: Benjamini and Hochberg's step-up, ranked by what matters."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alerting.incidents import moved
from alerting.words import DAY, rfc3339
from tests.alerting.make import MIDNIGHT, reading


def window(p_values, effects=None):
    effects = effects or [0.1] * len(p_values)
    pairs = enumerate(zip(p_values, effects, strict=True))
    return [reading("ok", f"f{i}", p_value=p, details={"effect": effect}) for i, (p, effect) in pairs]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_list_is_that_of_benjamini_and_hochberg(p_values):
    listed = {one["feature"] for one in moved(window(p_values), {})}
    adjusted = stats.false_discovery_control(p_values, method="bh")
    sure = {f"f{i}" for i in np.flatnonzero(adjusted <= 0.05 * (1 - 1e-9))}
    perhaps = {f"f{i}" for i in np.flatnonzero(adjusted <= 0.05 * (1 + 1e-9))}
    assert sure <= listed <= perhaps


def test_ranked_by_rows_moved_times_importance():
    found = moved(window([1e-9, 1e-9, 0.001, 0.8], [0.1, 0.3, 0.5, 0.9]), {"f0": 10.0})
    assert [one["feature"] for one in found] == ["f0", "f2", "f1"]
    assert [one["weight"] for one in found] == [1.0, 0.5, 0.3]


def test_what_has_no_test_takes_no_part():
    assert moved([reading("ok", None, p_value=1e-9), reading("ok", "x", p_value=None)], {}) == []


def test_what_cannot_tell_takes_no_part():
    """Though it has numbers: of twelve rows all may have moved."""
    few = reading("cannot_tell", "few", p_value=1e-9, details={"effect": 0.9})
    sure = reading("warning", "sure", p_value=1e-6, details={"effect": 0.1})
    assert [one["feature"] for one in moved([few, sure], {})] == ["sure"]


def test_each_says_of_which_window_it_is():
    (one,) = moved([reading("warning", end=MIDNIGHT, details={"effect": 0.1})], {})
    assert one["window"] == {"start": rfc3339(MIDNIGHT - DAY), "end": rfc3339(MIDNIGHT)}
