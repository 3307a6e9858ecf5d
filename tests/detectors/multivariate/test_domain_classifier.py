"""What only several features together show; when nothing changed; and the same numbers twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from detectors.domain.cross_fit import area_under_curve
from detectors.measurement import NO_REFERENCE, TOO_FEW_ROWS
from detectors.multivariate.domain_classifier import Rows, measure_domain, time_blocks

FEATURES = ["a", "b", "c", "kind"]


def side(n: int, seed: int, *, together: float = 0.8, kinds: str = "uvw", day_effect: float = 0.0) -> Rows:
    """a and b correlate by ``together``, their own distributions being the same; some values are missing."""
    rng = np.random.default_rng(seed)
    days = np.arange(n) * 14 // n
    a, c = rng.normal(size=n), rng.normal(size=n) + day_effect * rng.normal(size=14)[days]
    b = together * a + np.sqrt(1 - together**2) * rng.normal(size=n)
    kind = rng.choice(list(kinds), n)
    c[rng.random(n) < 0.1] = np.nan
    columns = {"a": pa.array(a), "b": pa.array(b), "c": pa.array(c, from_pandas=True), "kind": pa.array(kind)}
    return Rows(columns, days)


def test_a_correlation_that_changed_is_seen_and_named() -> None:
    found = measure_domain(FEATURES, side(4000, 1), side(4000, 2, together=0.3))
    assert found.value is not None
    assert found.value > 0.55
    assert found.lower is not None
    assert found.lower > 0.5
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert set(list(found.details["features"])[:2]) == {"a", "b"}


def test_a_new_category_is_seen() -> None:
    found = measure_domain(FEATURES, side(2000, 3), side(2000, 4, kinds="uvwx"))
    assert found.value is not None
    assert found.value > 0.55
    assert next(iter(found.details["features"])) == "kind"


def test_what_is_alike_is_not_told_apart() -> None:
    areas = [measure_domain(FEATURES, side(1000, seed), side(1000, seed + 100)) for seed in range(8)]
    assert all(one.value is not None and abs(one.value - 0.5) < 0.05 for one in areas)
    assert sum(one.p_value is not None and one.p_value < 0.05 for one in areas) <= 2


def test_days_that_differ_are_not_taken_for_drift() -> None:
    """Rows of one day resemble each other: dealt row by row, the days' own levels would be learned."""
    reference, current = side(3000, 11, day_effect=1.0), side(3000, 12, day_effect=1.0)
    by_row = [Rows(one.columns, np.random.default_rng(1).permutation(len(one))) for one in (reference, current)]
    by_day, fooled = measure_domain(["c"], reference, current), measure_domain(["c"], *by_row)
    assert by_day.value is not None
    assert fooled.value is not None
    assert fooled.value > by_day.value + 0.05
    assert by_day.lower is not None
    assert by_day.lower < 0.55


def test_the_same_rows_give_the_same_numbers() -> None:
    assert measure_domain(FEATURES, side(600, 5), side(600, 6)) == measure_domain(FEATURES, side(600, 5), side(600, 6))


def test_too_little_to_learn_from() -> None:
    few, enough = side(199, 7), side(400, 8)
    assert measure_domain(FEATURES, enough, few).reason == TOO_FEW_ROWS
    assert measure_domain(FEATURES, Rows({}, np.empty(0, np.int64)), few).reason == NO_REFERENCE
    one_day = Rows(enough.columns, np.zeros(len(enough), np.int64))
    assert measure_domain(FEATURES, enough, one_day).reason == TOO_FEW_ROWS
    late = Rows(enough.columns, np.array([*([0] * 399), 9]))
    assert measure_domain(FEATURES, enough, late).details == {"needed_in_half": 20}


def test_the_area_is_scikit_learns() -> None:
    rng = np.random.default_rng(10)
    truth = (rng.random(500) < 0.3).astype(np.int64)
    score = np.round(rng.normal(size=500) + truth, 1)
    assert area_under_curve(truth, score)[0] == pytest.approx(roc_auc_score(truth, score))


def test_blocks_of_time() -> None:
    assert time_blocks(np.arange(0, 240, 24)).tolist() == list(range(10))
    assert time_blocks(np.array([100, 105, 111, 123])).tolist() == [0, 0, 1, 3]
    assert time_blocks(np.array([7])).tolist() == [0]


def vectors(n: int, seed: int, *, together: float = 0.0, of: int = 60) -> Rows:
    """Vectors of 60 numbers of which the first two correlate by ``together``; some are missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, of)) * np.linspace(2, 0.5, of)
    x[:, 1] = together * x[:, 0] + np.sqrt(1 - together**2) * x[:, 1]
    rows = [None if i % 20 == 0 else one.tobytes() for i, one in enumerate(x.astype("<f4"))]
    columns = {"v": pa.array(rows, pa.binary()), "a": pa.array(rng.normal(size=n))}
    return Rows(columns, np.arange(n) * 14 // n)


def test_vectors_are_told_apart_by_their_components() -> None:
    alike = measure_domain(["v", "a"], vectors(2000, 1), vectors(2000, 2))
    moved = measure_domain(["v", "a"], vectors(2000, 1), vectors(2000, 2, together=0.95))
    assert alike.value is not None
    assert moved.value is not None
    assert abs(alike.value - 0.5) < 0.04
    assert moved.value > 0.55
    assert next(iter(moved.details["features"])) == "v"
    assert set(moved.details["features"]) <= {"v", "a"}
    assert measure_domain(["v", "a"], vectors(2000, 1), vectors(2000, 2, together=0.95)) == moved


def test_a_reference_without_vectors_is_none() -> None:
    then = vectors(400, 1)
    empty = Rows({"v": pa.nulls(400, pa.binary())}, then.blocks)
    assert measure_domain(["v"], empty, then).reason == NO_REFERENCE


def test_a_window_without_vectors_is_told() -> None:
    then, now = vectors(2000, 1), vectors(2000, 2)
    empty = Rows({"v": pa.nulls(2000, pa.binary()), "a": now.columns["a"]}, now.blocks)
    found = measure_domain(["v", "a"], then, empty)
    assert found.value is not None
    assert found.value > 0.9
    assert next(iter(found.details["features"])) == "v"
