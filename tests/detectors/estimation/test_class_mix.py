"""The mix of several classes: against the truth, against the papers' own forms, and when it is hidden."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from bench.class_mix import LABELLED, PRIORS, World, drawn, expected_maximum, with_unknown
from detectors.estimation.calibration import Calibration
from detectors.estimation.class_mix import estimate_mix, measure_class_mix
from detectors.estimation.class_table import POOLED, Cells, ClassTable, count_classes, mix_tables
from detectors.estimation.label_shift import GATE
from detectors.estimation.labelled_mix import mix_of_labels
from detectors.estimation.measure import calibration_of
from detectors.estimation.prior import prior_of_classes
from tests.detectors.estimation.test_concept import _bins, gap_in
from tests.detectors.estimation.test_measure import Rows, multiclass, world_of

RARE = np.array([0.01, 0.55, 0.44])


@pytest.fixture(scope="module")
def three():
    return World.of(3)


@pytest.fixture(scope="module")
def world():
    return world_of("multiclass", multiclass(30_000, seed=1, moved=1.4))


def estimated(random, three, mix, *, rows=2_000, kind="same", labelled=LABELLED):
    known = drawn(random, labelled, PRIORS[3], three.usual)
    window = drawn(random, rows, mix, three.others.get(kind, three.usual)).sum(axis=0)
    return known, window, estimate_mix(known, window.sum(axis=1).astype(float), window.sum(axis=0).astype(float))


@pytest.mark.parametrize("mix", [PRIORS[3], np.array([0.8, 0.12, 0.08]), RARE], ids=["same", "moved", "rare"])
def test_shares_come_back_and_intervals_hold_them(three, mix):
    random = np.random.default_rng(3)
    errors, held, p_values = [], [], []
    for _ in range(1_000):
        _, _, found = estimated(random, three, mix)
        assert found.shares.sum() == pytest.approx(1)
        assert found.shares.min() >= 0
        errors.append(found.shares - mix)
        held.append([a["lower"] <= share <= a["upper"] for a, share in zip(found.told("", "value"), mix, strict=True)])
        p_values.append(found.gate_p_value)
    assert np.abs(np.mean(errors, axis=0)).max() < 0.003
    assert np.sqrt(np.mean(np.square(errors))) < 0.016
    assert np.mean(held, axis=0).min() >= 0.93
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_few_labelled_rows_widen_the_interval(three):
    random = np.random.default_rng(4)
    held, errors = [], {300: [], 5_000: []}
    for labelled, each in errors.items():
        for _ in range(200):
            _, _, found = estimated(random, three, PRIORS[3][::-1], rows=20_000, labelled=labelled)
            each.append(found.error.mean())
            if labelled == 300:
                ends = zip(found.told("", "value"), PRIORS[3][::-1], strict=True)
                held.append([a["lower"] <= share <= a["upper"] for a, share in ends])
    assert np.mean(held, axis=0).min() >= 0.92
    assert np.mean(errors[300]) > 2.5 * np.mean(errors[5_000])


def test_the_gate_tells_what_is_no_label_shift(three):
    random = np.random.default_rng(5)
    one = [estimated(random, three, PRIORS[3], kind="one")[2].gate_p_value for _ in range(50)]
    assert np.mean(np.array(one) < GATE) > 0.9
    narrow = [estimated(random, three, PRIORS[3], kind="narrow", rows=20_000)[2].gate_p_value for _ in range(50)]
    assert np.mean(np.array(narrow) < GATE) > 0.6


def with_one_more(random, three, *, before, now, rows=2_000):
    """Of rows of which such shares are predicted as a class that is none of the truth."""
    known = with_unknown(random, drawn(random, LABELLED, PRIORS[3], three.usual), before)
    window = with_unknown(random, drawn(random, rows, PRIORS[3], three.usual), now).sum(axis=0)
    return estimate_mix(known, window.sum(axis=1).astype(float), window.sum(axis=0).astype(float))


@pytest.mark.parametrize("before", [0.0, 0.0003])
@pytest.mark.parametrize("now", [0.02, 0.1, 0.2])
def test_a_predicted_class_that_comes_up_is_no_other_mix(three, before, now):
    random = np.random.default_rng(8)
    found = [with_one_more(random, three, before=before, now=now) for _ in range(30)]
    assert max(one.gate_p_value for one in found) < GATE
    if before == 0:  # the rows that are left are still told right
        assert np.mean([one.shares for one in found], axis=0) == pytest.approx(PRIORS[3], abs=0.02)


@pytest.mark.parametrize(("share", "rows"), [(0.0003, 2_000), (0.0003, 20_000), (0.001, 2_000)])
def test_a_predicted_class_that_is_as_rare_as_it_was_passes(three, share, rows):
    random = np.random.default_rng(9)
    p_values = [with_one_more(random, three, before=share, now=share, rows=rows).gate_p_value for _ in range(600)]
    assert np.sum(np.array(p_values) < GATE) <= 3
    assert np.mean(np.array(p_values) < 0.05) < 0.065


def test_rows_of_classes_that_are_too_few_to_be_told_apart_are_no_news(three):
    """9 of 20,000 labelled rows were of such a class, and 90 of 200,000 of the window are predicted as it."""
    random = np.random.default_rng(10)
    known = with_unknown(random, drawn(random, 20_000, PRIORS[3], three.usual), 0.0)
    window = with_unknown(random, drawn(random, 200_000, PRIORS[3], three.usual), 0.0).sum(axis=0)
    window[3, 4] = 90
    seen = window.sum(axis=1).astype(float), window.sum(axis=0).astype(float)
    assert estimate_mix(known, *seen).gate_p_value < GATE
    assert estimate_mix(known, *seen, np.array([0.0, 0.0, 0.0, 9.0])).gate_p_value > 0.01
    counts = np.zeros((3, 4, 2), np.int64)
    counts[[0, 1, 2], [0, 1, 3]] = [[50, 50], [40, 40], [3, 6]]
    assert ClassTable(("a", "b", "c"), counts, counts.sum(axis=1)).too_few().tolist() == [0, 0, 0, 9]


def test_a_rare_predicted_class_may_come_with_the_class_that_becomes_common(three):
    """2 % of the rows of a class that was 1 % of all and is 30 %: often not one of the reference's labelled rows."""
    random, p_values = np.random.default_rng(13), []
    mixes = np.array([0.01, 0.59, 0.4]), np.array([0.3, 0.4, 0.3])
    for _ in range(200):
        known, window = (drawn(random, n, mix, three.usual) for n, mix in zip((LABELLED, 2_000), mixes, strict=True))
        shares = 0.02 * (np.arange(3) == 0)[:, None, None]
        known, window = with_unknown(random, known, shares), with_unknown(random, window, shares).sum(axis=0)
        found = estimate_mix(known, window.sum(axis=1).astype(float), window.sum(axis=0).astype(float))
        p_values.append(found.gate_p_value)
    assert np.mean(np.array(p_values) < GATE) < 0.1


def test_a_window_of_predicted_classes_that_are_all_unknown_tells_nothing(three):
    known = with_unknown(np.random.default_rng(11), drawn(np.random.default_rng(11), 500, PRIORS[3], three.usual), 0.0)
    found = estimate_mix(known, np.array([0.0, 0.0, 0.0, 90.0]), np.full(10, 9.0))
    assert found.gate_p_value < GATE
    assert found.shares == pytest.approx(known.sum(axis=(1, 2)) / 500)
    assert found.moved_most(known.sum(axis=(1, 2))) is None


@pytest.mark.parametrize("labelled", [LABELLED, 500])
def test_no_class_has_surely_moved_where_none_has(three, labelled):
    """At 95 % over all classes: the reference's own shares are as uncertain as its rows are few."""
    random = np.random.default_rng(12)
    moved = []
    for _ in range(600):
        known, _, found = estimated(random, three, PRIORS[3], rows=20_000, labelled=labelled)
        moved.append(found.moved_most(known.sum(axis=(1, 2))) is not None)
    assert np.mean(moved) < 0.07
    known, _, found = estimated(random, three, PRIORS[3] + [-0.02, 0.12, -0.1], rows=2_000)
    assert found.moved_most(known.sum(axis=(1, 2))) == 1


def test_predicted_classes_alone_are_the_inverse_of_their_table(three):
    """Lipton, Wang and Smola: the confusion's inverse times the shares predicted."""
    random = np.random.default_rng(6)
    known, window, _ = estimated(random, three, PRIORS[3][::-1], labelled=1_000_000)
    found = estimate_mix(known, window.sum(axis=1).astype(float), None)
    table = known.sum(axis=2)
    assert found.gate_p_value is None
    oracle = np.linalg.solve((table / table.sum(axis=1, keepdims=True)).T, window.sum(axis=1) / window.sum())
    assert found.shares == pytest.approx(oracle, abs=1e-4)


def test_it_is_near_where_the_iterations_end_that_know_the_joint_counts(three):
    random = np.random.default_rng(7)
    known, window, found = estimated(random, three, PRIORS[3][::-1], rows=200_000, labelled=200_000)
    assert found.shares == pytest.approx(expected_maximum(known, window), abs=0.004)


def test_what_cells_do_not_tell_is_unknown():
    alike = np.tile(np.array([[30, 20], [10, 40]]), (3, 1, 1))
    alike[2] = [[0, 0], [5, 95]]
    found = estimate_mix(alike, np.array([50.0, 50.0]), np.array([40.0, 60.0]))
    assert found.told("", "value")[0]["upper"] - found.told("", "value")[0]["lower"] > 0.9
    apart = 200 * np.eye(3, dtype=np.int64)[:, :, None] * np.array([1, 1])
    sure = estimate_mix(apart, np.array([0.0, 600.0, 400.0]), np.array([500.0, 500.0]))
    assert sure.shares == pytest.approx([0, 0.6, 0.4], abs=0.02)


def test_rows_are_counted_by_class_predicted_class_and_tenth(world):
    cells, rows = Cells.of(world.binning), multiclass(3_000, seed=9)
    table = table_of(world, rows)
    assert table.counts.shape == (3, 4, 10)
    assert table.rows == 3_000
    for place, name in enumerate("abc"):
        mine = rows.truth == name
        assert table.counts[place, :3].sum(axis=1).tolist() == [
            np.sum(mine & (rows.said == said)) for said in cells.levels
        ]
        assert table.right[place].sum() == np.sum(mine & (rows.said == name))
    said, sure = cells.seen(world.binning, world.window(rows))
    assert said.tolist() == table.counts.sum(axis=(0, 2)).tolist()
    assert sure.tolist() == table.counts.sum(axis=(0, 1)).tolist()


def test_what_is_no_labelled_row_of_a_class_is_left_out(world):
    truth, said = pa.array(["a", "z", None, "b", "c"]), pa.array(["a", "a", "a", None, "z"])
    table = count_classes(world.binning, Cells.of(world.binning), truth, said, np.array([0.9, 0.9, 0.9, 0.9, 0.5]))
    assert (table.rows, table.right.sum(), table.counts[2, 3].sum()) == (2, 1, 1)
    unknown = count_classes(world.binning, Cells.of(world.binning), truth, said, np.full(5, np.nan))
    assert unknown.rows == 0


def test_rare_classes_are_one():
    counts = np.zeros((4, 4, 2), np.int64)
    counts[[0, 1, 2, 3], [0, 1, 2, 3]] = [[50, 50], [40, 40], [3, 3], [2, 3]]
    table = ClassTable(("a", "b", "c", "d"), counts, counts.sum(axis=1)).usable()
    assert table.classes == ("a", "b", POOLED)
    assert (table.counts[2].sum(), table.right[2].sum()) == (11, 11)
    counts[3] = 0
    assert ClassTable(("a", "b", "c", "d"), counts, counts.sum(axis=1)).usable().classes == ("a", "b")


def test_tables_of_versions_are_mixed_by_their_rows_in_the_window():
    one, other = (np.zeros((2, 3, 2), np.int64) for _ in range(2))
    one[0, 0], other[0, 1] = [60, 40], [100, 900]
    mixed = mix_tables([ClassTable(("a", "b"), each, each.sum(axis=1)) for each in (one, other)], [1.0, 3.0])
    share = mixed.counts / mixed.counts.sum()
    assert share[0, :2] == pytest.approx(np.array([[0.15, 0.10], [0.075, 0.675]]))
    assert mixed.counts.sum() < 1_100


def table_of(world, rows):
    parts = pa.array(rows.truth), pa.array(rows.said), rows.score.max(axis=1)
    return count_classes(world.binning, Cells.of(world.binning), *parts)


def mixed(n, seed, mix, **given):
    """Rows of each class as they were, in other shares."""
    rows = multiclass(8 * n, seed, moved=1.4, **given)
    kept = np.concatenate([np.flatnonzero(rows.truth == c)[: int(n * s)] for c, s in zip("abc", mix, strict=True)])
    return Rows(rows.truth[kept], rows.said[kept], rows.score[kept])


def test_a_reading_has_all_classes_and_is_of_the_one_that_moved_most(world):
    table, rows = table_of(world, multiclass(10_000, seed=1, moved=1.4)), mixed(6_000, 2, (0.7, 0.15, 0.15))
    by_both, by_classes = measure_class_mix(world.binning, world.window(rows), table)
    assert by_both.details["positive"] == "a"
    assert by_both.lower < 0.7 < by_both.upper
    assert by_classes.value == by_both.details["bbse"] == by_both.details["classes"]["a"]["bbse"]
    assert {name: one["reference"] for name, one in by_both.details["classes"].items()}["c"] == pytest.approx(
        1 / 3, abs=0.02
    )
    (few,) = measure_class_mix(world.binning, world.window(mixed(20, 3, (0.4, 0.3, 0.3))), table)
    assert (few.value, few.reason) == (None, "too_few_rows")
    (none,) = measure_class_mix(world.binning, world.window(rows), None)
    assert (none.value, none.reason) == (None, "no_reference")
    (moved,) = measure_class_mix(world.binning, world.window(multiclass(6_000, 4, moved=3.0)), table)
    assert (moved.value, moved.reason) == (None, "label_shift_rejected")


def test_without_drift_it_is_always_of_the_commonest_class(world):
    mix = (0.25, 0.45, 0.3)
    table = table_of(world, mixed(9_000, 1, mix))
    for seed in range(10, 16):
        (told, by_classes) = measure_class_mix(world.binning, world.window(mixed(3_000, seed, mix)), table)
        assert (told.details["positive"], told.details["moved"]) == ("b", False)
        assert by_classes.details["positive"] == "b"
        assert told.value == told.details["classes"]["b"]["value"]
        assert told.details["reference_value"] == pytest.approx(0.45, abs=0.01)


def test_a_class_that_nobody_knows_is_told_as_no_mix(world):
    table, rows = table_of(world, multiclass(10_000, seed=1, moved=1.4)), multiclass(4_000, seed=2, moved=1.4)
    labelled = world.reference.labels
    assert mix_of_labels(world.binning, world.labels(rows), labelled, table).gate_p_value > GATE
    some = np.arange(4_000) % 50 == 0
    strange = Rows(rows.truth, np.where(some, "z", rows.said), rows.score)
    (told,) = measure_class_mix(world.binning, world.window(strange), table)
    assert (told.value, told.reason) == (None, "label_shift_rejected")
    assert mix_of_labels(world.binning, world.labels(strange), labelled, table).gate_p_value < GATE
    # Labelled rows of a class of too few, predicted as it: then as many in the window are no news.
    counts, right = (np.append(part, np.zeros_like(part[:1]), axis=0) for part in (table.counts, table.right))
    few = ClassTable((*table.classes, "z"), counts, right)
    few.counts[3, 3, 5] = 9
    assert few.usable().classes == table.classes
    eight = Rows(rows.truth, np.where(np.arange(4_000) % 500 == 0, "z", rows.said), rows.score)
    assert len(measure_class_mix(world.binning, world.window(eight), few)) == 2
    assert mix_of_labels(world.binning, world.labels(eight), labelled, few).gate_p_value > GATE
    assert len(measure_class_mix(world.binning, world.window(eight), table)) == 1


def test_the_odds_of_right_predictions_are_as_uncertain_as_the_labelled_rows_are_few():
    """1,000 labelled rows, again and again: 95 % intervals hold what 100,000 tell, also where the mix is well known."""
    equal = (1 / 3, 1 / 3, 1 / 3)
    unfair = world_of("multiclass", biased(40_000, 1, equal))
    bins, labels = _bins(unfair), unfair.labels(biased(40_000, 2, (0.8, 0.1, 0.1)))
    calibration = calibration_of(unfair.binning, bins, unfair.reference)

    def odds(labelled, seed):
        table = table_of(unfair, biased(labelled, seed, equal))
        found = prior_of_classes(unfair.binning, labels, unfair.reference.labels, table, bins, calibration)
        return np.log(found.calibration.share / (1 - found.calibration.share)), found.odds_error

    truth, _ = odds(100_000, 3)
    held = [np.abs(middle - truth) < 1.96 * error for middle, error in (odds(1_000, seed) for seed in range(100, 160))]
    assert np.median(np.mean(held, axis=0)) > 0.88


def test_right_predictions_of_one_confidence_are_those_of_the_new_mix():
    """A model that is surer of one class than it should be: more of that class, more of its rows are right."""
    unfair = world_of("multiclass", biased(40_000, 1, (1 / 3, 1 / 3, 1 / 3)))
    bins, rows = _bins(unfair), biased(40_000, 2, (0.8, 0.1, 0.1))
    table = table_of(unfair, biased(20_000, 3, (1 / 3, 1 / 3, 1 / 3)))
    calibration = calibration_of(unfair.binning, bins, unfair.reference)
    given = unfair.labels(rows), unfair.reference.labels, table, bins, calibration
    found = prior_of_classes(unfair.binning, *given)
    assert found.told["positive"] == "a"
    assert found.told["base_rate"] == pytest.approx(0.8, abs=0.02)
    place = np.searchsorted(bins.cuts, rows.score.max(axis=1))
    count = np.bincount(place, minlength=bins.size)
    right = np.bincount(place, rows.truth == rows.said, bins.size) / np.maximum(count, 1)
    plain, told = (np.sum(count * np.abs(one.share - right)) / count.sum() for one in (calibration, found.calibration))
    assert plain > 0.08
    assert told < 0.03
    assert isinstance(found.calibration, Calibration)
    assert (found.odds_error > 0).all()


def biased(n, seed, mix):
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=mix)
    raw = np.exp(1.2 * (1.5 * np.eye(3)[truth] + rng.normal(0, 1, (n, 3)) + np.array([0.0, 1.2, 1.2])))
    score, names = raw / raw.sum(axis=1, keepdims=True), np.array(["a", "b", "c"])
    return Rows(names[truth], names[score.argmax(axis=1)], score)


def test_another_mix_explains_a_gap_and_concept_drift_is_none_of_it():
    equal = (1 / 3, 1 / 3, 1 / 3)
    unfair = world_of("multiclass", biased(40_000, 1, equal))
    rows, table = biased(8_000, 5, (0.85, 0.1, 0.05)), table_of(unfair, biased(20_000, 3, equal))
    assert gap_in(unfair, rows).details["concept_drift"] is True
    found = gap_in(unfair, rows, classes=lambda: table)
    assert found.details["concept_drift"] is False
    assert found.details["label_shift"]["explains"] is True
    drifted = biased(8_000, 5, equal)
    swapped = np.where((drifted.truth == "b") & (np.arange(8_000) % 3 == 0), "c", drifted.truth)
    other = Rows(swapped, drifted.said, drifted.score)
    kept = gap_in(unfair, other, classes=lambda: table)
    assert kept.details["concept_drift"] is True
    assert kept.details["label_shift"]["explains"] is False
    assert kept.details["label_shift"]["gate_p_value"] < GATE  # predictions know nothing of the mix that labels have
