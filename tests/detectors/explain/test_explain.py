"""Explanations of losses whose cause is known, because it was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from detectors.density_ratio import density_ratio
from detectors.explain.decomposition import decompose
from detectors.explain.explain import explain
from detectors.explain.labelled import Labelled
from detectors.explain.resampling import drawn, part
from detectors.explain.retraining import retraining
from detectors.explain.slices import slices_that_got_worse
from detectors.multivariate.domain_classifier import Rows, measure_domain
from tests.detectors.explain.made import FEATURES, labelled

SAME = dict.fromkeys(FEATURES, 1.0)
EVEN = [1.0] * len(FEATURES)


def test_the_density_ratio_is_that_of_the_densities() -> None:
    reference, current = labelled(1), labelled(2, shift=0.7)
    found = density_ratio(FEATURES, reference.rows, current.rows)
    assert found is not None
    x = reference.rows.columns["x"].to_numpy()
    known = np.exp(0.7 * x - 0.7**2 / 2)  # of normal densities
    middle = np.abs(x) < 1.5
    assert np.median(np.abs(np.log(found.reference[middle] / known[middle]))) < 0.35
    assert found.area == pytest.approx(0.69, abs=0.03)  # Φ(0.7 / √2)
    assert (found.weights @ x) / found.weights.sum() == pytest.approx(0.7, abs=0.12)
    assert 0.3 < found.effective < 0.9


def test_weights_of_labels_to_come_count_in_the_ratio() -> None:
    reference, current = labelled(1), labelled(2)
    x = current.rows.columns["x"].to_numpy()
    found = density_ratio(FEATURES, reference.rows, current.rows, np.where(x > 0, 3.0, 1.0))
    assert found is not None
    there = reference.rows.columns["x"].to_numpy()
    assert np.median(found.reference[there > 0.3]) / np.median(found.reference[there < -0.3]) == pytest.approx(
        3, rel=0.3
    )


def test_other_inputs_alone_are_covariate_shift() -> None:
    reference, current = labelled(3), labelled(4, shift=1.0)
    ratio = density_ratio(FEATURES, reference.rows, current.rows)
    assert ratio is not None
    found = decompose(FEATURES, reference, current, ratio)
    assert found.rise.upper < 0  # fewer rows near the threshold: fewer errors
    assert found.covariate.value == pytest.approx(found.rise.value, abs=0.02)
    assert not found.concept.sure
    assert not found.shared


def test_other_outcomes_alone_are_concept_shift() -> None:
    reference, current = labelled(5), labelled(6, everywhere=0.2)
    ratio = density_ratio(FEATURES, reference.rows, current.rows)
    assert ratio is not None
    found = decompose(FEATURES, reference, current, ratio)
    assert found.concept.lower > 0.06
    assert abs(found.covariate.value) < 0.02
    assert found.covariate.value + found.concept.value == pytest.approx(found.rise.value)
    assert found.current - found.reference == pytest.approx(found.rise.value)


def test_inputs_that_hardly_overlap_are_compared_where_they_do() -> None:
    reference, current = labelled(7), labelled(8, shift=3.0, everywhere=0.15)
    ratio = density_ratio(FEATURES, reference.rows, current.rows)
    assert ratio is not None
    assert ratio.effective < 0.1
    found = decompose(FEATURES, reference, current, ratio)
    assert found.shared
    assert found.concept.lower > 0
    assert found.covariate.upper < 0


def test_the_slice_that_broke_is_named() -> None:
    found = slices_that_got_worse(FEATURES, labelled(9), labelled(10, broken=0.6), EVEN)
    assert "b" in {one.value for one in found.found[0].where}
    exact = max(found.found, key=lambda one: one.effect)
    assert {one.feature for one in exact.where} == {"kind", "z"}
    assert next(one.low for one in exact.where if one.feature == "z") >= -0.2
    assert exact.lower > 0.1
    assert exact.contribution == exact.effect * exact.share
    assert exact.effect > found.found[0].effect  # listed are first those that add most to the whole
    assert found.tested <= 40 < found.candidates


def test_a_loss_that_rose_everywhere_is_of_no_slice() -> None:
    listed = [
        len(slices_that_got_worse(FEATURES, labelled(2 * s), labelled(2 * s + 1, everywhere=0.05), EVEN).found)
        for s in range(10, 20)
    ]
    assert np.count_nonzero(listed) <= 2


def test_of_many_features_the_important_ones_are_looked_at() -> None:
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in range(21)]
    reference, current = (
        replace(
            side,
            rows=Rows(
                {**side.rows.columns, **{n: pa.array(rng.normal(size=len(side))) for n in names}}, side.rows.blocks
            ),
        )
        for side in (labelled(9), labelled(10, broken=0.6))
    )
    features = [*FEATURES, *names]
    by_loss = slices_that_got_worse(features, reference, current, [1.0] * len(features))
    assert any(one.feature == "kind" for found in by_loss.found for one in found.where)
    others = slices_that_got_worse(features, reference, current, [*[1.0] * 4, *[2.0] * 21])
    assert not any(one.feature in FEATURES for found in others.found for one in found.where)


def test_retraining_helps_where_there_is_something_to_learn() -> None:
    learned = retraining(FEATURES, labelled(11), labelled(12, broken=0.9), classes=True)
    noise = retraining(FEATURES, labelled(11), labelled(12, everywhere=0.2), classes=True)
    assert learned is not None
    assert noise is not None
    assert learned.gain.lower > 0.03
    assert learned.table[0, 1] - learned.table[1, 1] == pytest.approx(learned.gain.value)
    assert learned.table[1, 0] > learned.table[0, 0]  # on rows of the reference it is the other way round
    assert noise.gain.lower < 0.01


def test_a_regression_too() -> None:
    rng = np.random.default_rng(5)
    sides = []
    for seed, slope in ((13, 1.0), (14, 3.0)):
        side = labelled(seed, n=1500)
        truth = slope * side.rows.columns["x"].to_numpy() + rng.normal(size=len(side)) / 5
        sides.append(replace(side, truth=truth, loss=np.abs(truth - side.rows.columns["x"].to_numpy())))
    found = explain(SAME, *sides, classes=False)
    assert found is not None
    assert found.retraining is not None
    assert found.retraining.gain.lower > 1
    assert found.parts.concept.lower > 1
    assert {one.feature for each in found.slices.found for one in each.where} >= {"x"}


def test_the_same_rows_say_the_same() -> None:
    first, again = (explain(SAME, labelled(9, n=800), labelled(10, n=800), classes=True) for _ in range(2))
    assert first is not None
    assert again is not None
    assert (first.parts, first.slices) == (again.parts, again.slices)
    assert first.retraining is not None
    assert again.retraining is not None
    assert first.retraining.gain == again.retraining.gain


def test_too_little_says_nothing() -> None:
    few, one_day = labelled(1, n=199), labelled(1, days=1)
    assert explain(SAME, few, labelled(2), classes=True) is None
    assert explain(SAME, labelled(2), one_day, classes=True) is None
    assert explain({}, labelled(2), labelled(3), classes=True) is None


def test_days_drawn_anew_have_the_spread_of_a_mean() -> None:
    values = np.random.default_rng(3).normal(size=(30, 1))
    found = part(drawn(values, 0)[:, 0] / 30, 30)
    error = values.std(ddof=1) / np.sqrt(30)
    assert found.value == pytest.approx(values.mean())
    assert (found.upper - found.lower) / 2 / 2.045 == pytest.approx(error, rel=0.15)  # Student's t of 29 degrees


def test_vectors_take_part_but_have_no_slices() -> None:
    def with_vectors(side: Labelled, seed: int, moved: float) -> Labelled:
        rng = np.random.default_rng(seed)
        drawn = rng.normal(moved, 1, (len(side), 4)).astype("<f4")
        vectors = pa.array([row.tobytes() for row in drawn], pa.binary())
        return replace(side, rows=Rows({"v": vectors, **side.rows.columns}, side.rows.blocks))

    then, now = with_vectors(labelled(1), 1, 0.0), with_vectors(labelled(2, broken=0.6), 2, 0.8)
    found = explain({"v": 1.0, **SAME}, then, now, classes=True)
    assert found is not None
    assert found.ratio.area > 0.7
    assert {one.feature for each in found.slices.found for one in each.where} == {"kind", "z"}
    alone = explain({"v": 1.0}, then, now, classes=True)
    assert alone is not None
    assert alone.slices.found == ()


@pytest.mark.parametrize("gone", ["before", "now", "both"])
def test_a_feature_that_is_not_sent_any_more_is_no_obstacle(gone: str) -> None:
    def without_x(side: Labelled) -> Labelled:
        return replace(side, rows=Rows({**side.rows.columns, "x": pa.nulls(len(side), pa.float64())}, side.rows.blocks))

    then, now = labelled(1), labelled(2, everywhere=0.2)
    then, now = (without_x(then) if gone != "now" else then), (without_x(now) if gone != "before" else now)
    found = explain(SAME, then, now, classes=True)
    assert found is not None
    assert found.parts.rise.lower > 0
    assert found.ratio.area > 0.95 if gone != "both" else found.ratio.area < 0.6
    assert measure_domain(FEATURES, then.rows, now.rows).value is not None
