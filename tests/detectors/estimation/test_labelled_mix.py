"""The mix that labels have, as an explanation of a gap: it holds where rows of each class look as they did, and not
because nobody could know the mix from scores."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.estimation.label_shift import GATE
from detectors.estimation.labelled_mix import mix_of_labels
from detectors.performance.strata import Strata
from detectors.performance.weighting import Weighting
from tests.detectors.estimation.test_class_mix import table_of
from tests.detectors.estimation.test_concept import gap_in
from tests.detectors.estimation.test_measure import Rows, world_of

EQUAL = (1 / 3, 1 / 3, 1 / 3)
NEAR = 0.05  # of two classes that the model hardly tells apart
NEW = "bark"  # a label that is no class


def alike(n, seed, mix=EQUAL, lean=0.0):
    """``lean``: how much the model leans to the last class."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=mix)
    corners = np.array([[0.0, 0.0], [NEAR, 0.0], [1.0, 1.5]])
    x = corners[truth] + rng.normal(0, 1, (n, 2))
    odds = np.exp(-((x[:, None] - corners) ** 2).sum(axis=2) / 2 + np.array([0.0, 0.0, lean]))
    score, names = odds / odds.sum(axis=1, keepdims=True), np.array(["a", "b", "c"])
    return Rows(names[truth], names[score.argmax(axis=1)], score)


@pytest.fixture(scope="module")
def world():
    return world_of("multiclass", alike(30_000, 1))


@pytest.fixture(scope="module")
def table(world):
    return table_of(world, alike(20_000, 2))


def relabelled(rows, old, new, part=1.0):
    changed = (rows.truth == old) & (np.random.default_rng(1).random(len(rows.truth)) < part)
    return Rows(np.where(changed, new, rows.truth), rows.said, rows.score)


def test_a_class_that_labels_do_not_have_any_more_is_not_excused_as_an_unknown_mix(world, table):
    """Scores do not tell the first two classes apart: any mix of these would do."""
    rows = alike(3_000, 3)
    for other in (relabelled(rows, "a", NEW), relabelled(rows, "a", "c")):
        found = gap_in(world, other, alpha=0.001, predictions=world.window(other), classes=lambda: table)
        assert found.effect_lower > 0.02, found.details
        assert found.details["concept_drift"] is True
    quiet = gap_in(world, rows, predictions=world.window(rows), classes=lambda: table)
    assert quiet.details["concept_drift"] is False


def test_labels_of_no_class_are_counted_where_the_reference_has_none(world, table):
    rows = alike(5_000, 3)
    new = gap_in(world, relabelled(rows, "a", NEW), classes=lambda: table)
    assert new.details["new_labels"] == pytest.approx(1 / 3, abs=0.02)
    assert "new_labels" not in gap_in(world, rows, classes=lambda: table).details
    right = Rows(np.where(rows.truth == rows.said, NEW, rows.truth), np.full(5_000, NEW), rows.score)
    assert "new_labels" not in gap_in(world, right, classes=lambda: table).details
    before = world_of("multiclass", relabelled(alike(30_000, 1), "a", NEW, 0.01))
    assert "new_labels" not in gap_in(before, relabelled(rows, "a", NEW), classes=lambda: table).details


@pytest.mark.parametrize("mix", [EQUAL, (0.7, 0.2, 0.1), (0.05, 0.15, 0.8)])
def test_a_mix_holds_where_rows_of_each_class_look_as_they_did(world, table, mix):
    p_values = []
    for seed in range(100, 160):
        rows = alike(3_000, seed, mix)
        found = mix_of_labels(world.binning, world.labels(rows), world.reference.labels, table)
        assert found.shares == pytest.approx([np.mean(rows.truth == name) for name in "abc"])
        p_values.append(found.gate_p_value)
    assert np.mean(np.array(p_values) < 0.05) < 0.15
    assert min(p_values) > GATE


def test_few_labels_of_no_class_are_no_mix(world, table):
    """As the reference has them or more."""
    before = world_of("multiclass", relabelled(alike(30_000, 1), "a", NEW, 0.01))
    rows = relabelled(alike(5_000, 4), "a", NEW, 0.01)
    known = mix_of_labels(before.binning, before.labels(rows), before.reference.labels, table)
    new = mix_of_labels(world.binning, world.labels(rows), world.reference.labels, table)
    assert known.gate_p_value > GATE > new.gate_p_value


def test_labels_that_are_late_are_weighted(world, table):
    """Of the last class half are there: shares are those of all rows, and weights that are not sure widen them."""
    rows, strata = alike(8_000, 5), Strata.of(world.binning.scores)
    there = (rows.truth != "c") | (np.random.default_rng(6).random(8_000) < 0.5)
    seen = world.labels(Rows(rows.truth[there], rows.said[there], rows.score[there]))
    weight, error = np.ones(len(strata.parents)), np.zeros(len(strata.parents))
    weight[strata.cells[2]] = 2.0
    share = 0.5 * np.mean(rows.truth == "c") / (1 - 0.5 * np.mean(rows.truth == "c"))
    given = world.binning, seen, world.reference.labels, table
    plain = mix_of_labels(*given)
    sure = mix_of_labels(*given, Weighting(world.binning.scores, strata, weight, error))
    error[strata.cells[2]] = 0.1
    unsure = mix_of_labels(*given, Weighting(world.binning.scores, strata, weight, error))
    assert plain.shares[2] == pytest.approx(share, abs=0.01)
    assert sure.shares[2] == pytest.approx(np.mean(rows.truth == "c"), abs=0.01)
    assert unsure.shares == pytest.approx(sure.shares)
    assert unsure.error[2] > 2 * sure.error[2]
