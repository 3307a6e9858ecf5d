"""Performance from labels that come late: within its interval of what it is once all labels are there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from detectors.cuts import ScoreLayout
from detectors.measurement import IMMATURE_LABELS
from detectors.performance.binned_loss import losses_of_bins
from detectors.performance.blocks import Drawings
from detectors.performance.hourly import LabelHours
from detectors.performance.maturity import Arrivals
from detectors.performance.measure import METRICS, measure_performance
from detectors.performance.scored import LabelCounts, count_scored, encode
from detectors.performance.strata import Strata
from detectors.performance.weighting import ENOUGH, Known, Weighting, weigh
from tests.detectors.performance.late import DAY, LAYOUT, STRATA, cases, counted, curve_of, known_of, labelled

ALL = 10**5
WEIGHTED = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier")


@pytest.fixture(scope="module")
def curve() -> Arrivals:
    """Of 150 days; one hour in thirteen is enough."""
    rows = cases(150, 60, seed=1)
    found = curve_of(rows.at(rows.hour % 13 == 0), 150 * DAY)
    assert found is not None
    return found


def value(metric: str, labels: LabelCounts) -> float:
    found = METRICS["binary"][metric](LAYOUT, labels)
    assert found is not None
    return found.value


@pytest.mark.parametrize(("age", "coverage", "most"), [(2, 0.28, 0.02), (10, 0.8, 0.01)])
def test_errors_of_windows_whose_labels_are_still_coming(curve, age, coverage, most):
    """The mean error over four days of 24,000 predictions, against that of the labels that are there."""
    errors, plain, covered = {name: [] for name in WEIGHTED}, [], []
    for seed in range(4):
        rows, now = cases(1, 1000, seed=10 + seed), age * DAY
        known, truth = labelled(rows, now), labelled(rows, ALL)
        weighting = known_of(rows, curve, now).weighting
        covered.append(known.rows / len(rows.hour))
        plain.append(value("precision", known) - value("precision", truth))
        for name in WEIGHTED:
            errors[name].append(value(name, weighting.of(name, known)[0]) - value(name, truth))
    assert np.mean(covered) == pytest.approx(coverage, abs=0.04)
    assert np.mean(plain) < -0.1
    assert {name: abs(np.mean(each)) <= most for name, each in errors.items()} == dict.fromkeys(WEIGHTED, True)


def test_intervals_hold_the_truth(curve):
    held = {name: [] for name in WEIGHTED}
    truth = labelled(cases(30, 200, seed=2), ALL)
    for seed in range(100):
        rows, now = cases(1, 60, seed=500 + seed), 6 * DAY
        known, weighting = labelled(rows, now), known_of(rows, curve, now).weighting
        for name in WEIGHTED:
            found = METRICS["binary"][name](LAYOUT, weighting.of(name, known)[0])
            held[name].append(found.lower <= value(name, truth) <= found.upper)
    assert {name: np.mean(each) >= 0.89 for name, each in held.items()} == dict.fromkeys(WEIGHTED, True)


def test_weights_of_one_are_no_weights(curve):
    rows = cases(1, 60, seed=3)
    assert known_of(rows, curve, 140 * DAY) == Known()


def test_a_class_of_which_nothing_is_known_stays_unknown(curve):
    rows = cases(1, 60, seed=4)
    assert not known_of(rows, curve, 10).overlap
    assert known_of(rows, curve, 4 * DAY).overlap


def one_weight(weight: float, error: float = 0.0) -> Weighting:
    size = len(STRATA.parents)
    return Weighting(LAYOUT, STRATA, np.full(size, weight), np.full(size, error))


def test_equal_weights_change_nothing():
    known = labelled(cases(1, 60, seed=5), 6 * DAY)
    for name in WEIGHTED:
        counts, effective = one_weight(7.0).of(name, known)
        plain, found = METRICS["binary"][name](LAYOUT, known), METRICS["binary"][name](LAYOUT, counts)
        expected = (plain.value, plain.lower, plain.upper)
        assert (found.value, found.lower, found.upper) == pytest.approx(expected, rel=1e-9)
        assert effective == pytest.approx(found.rows, abs=0.5)
        drawn = one_weight(7.0).of_sums(known.counts, known.sums)
        assert drawn == pytest.approx(7 * known.sums, rel=1e-9)
    assert one_weight(7.0).of("rmse", known) is None


@pytest.mark.parametrize("metric", WEIGHTED)
def test_hours_that_are_drawn_anew_have_the_same_weights(metric):
    rows = cases(2, 60, seed=5)
    drawings = Drawings.of(LAYOUT, LabelHours.of_arrays(0, *counted(rows, rows.hour)))
    plain = drawings.error(metric)
    assert plain > 0
    assert drawings.error(metric, one_weight(7.0)) == pytest.approx(plain, rel=1e-9)


def test_doubt_of_the_weights_takes_rows(curve):
    rows, now = cases(1, 60, seed=6), 6 * DAY
    known, sure = labelled(rows, now), known_of(rows, curve, now).weighting
    unsure = Weighting(LAYOUT, STRATA, sure.weight, sure.error + 0.2)
    for name in WEIGHTED:
        (counts, many), (fewer_counts, fewer) = sure.of(name, known), unsure.of(name, known)
        assert fewer < many < known.rows
        assert value(name, counts) == pytest.approx(value(name, fewer_counts), rel=1e-9)


def measure(known: LabelCounts, predictions: int, weights: Known, *, mature: bool):
    reference = labelled(cases(30, 60, seed=8), ALL)
    found = measure_performance(
        LAYOUT,
        known,
        predictions,
        reference,
        reference.rows,
        [],
        alpha=0.01,
        tolerances={"accuracy": 0.05, "roc_auc": 0.05},
        mature=mature,
        known=weights,
    )
    return {one.metric: one for one in found}


def test_a_mature_window_is_judged_by_the_weighted_value(curve):
    rows, now = cases(1, 400, seed=9), 11 * DAY
    known, weights = labelled(rows, now), known_of(rows, curve, now)
    young, mature = (measure(known, len(rows.hour), weights, mature=one) for one in (False, True))
    for name in WEIGHTED:
        assert (young[name].value, young[name].reason) == (value(name, known), IMMATURE_LABELS)
        assert "unweighted" not in young[name].details
        assert young[name].details["weighted"]["n_effective"] > ENOUGH
    for name in ("accuracy", "roc_auc", "precision", "log_loss", "brier"):
        one = mature[name]
        assert one.value == one.details["weighted"]["value"] != value(name, known)
        assert one.lower == one.details["weighted"]["lower"]
        assert one.details["unweighted"]["value"] == value(name, known)
        assert abs(one.details["unweighted"]["value"] - one.value) > 0.005
    assert mature["accuracy"].effect == pytest.approx(mature["accuracy"].details["reference_value"] - one_value(mature))
    assert not [one for one in mature.values() if "uncorrected" in one.details]
    assert mature["accuracy"].n_current == known.rows


def test_what_cannot_be_corrected_says_so(curve):
    """A few of a day's rows whose labels are there are worth less than 200, and of three classes only accuracy is
    weighted."""
    rows, now = cases(1, 10, seed=9), 11 * DAY
    known, weights = labelled(rows, now), known_of(rows, curve, now)
    few, young = (measure(known, len(rows.hour), weights, mature=one) for one in (True, False))
    assert few["precision"].value == value("precision", known) != few["precision"].details["weighted"]["value"]
    assert few["precision"].details["uncorrected"] is True
    assert "uncorrected" not in young["precision"].details
    unlike = Known(unlike=True)  # nobody knows how labels come
    for predictions, said in ((known.rows * 10 // 8, True), (known.rows * 100 // 98, None)):
        found = measure(known, predictions, unlike, mature=True)
        assert {one.details.get("uncorrected") for name, one in found.items() if name != "label_coverage"} == {said}
    assert "uncorrected" not in measure(known, known.rows * 2, Known(), mature=True)["accuracy"].details


def test_only_labels_whose_delay_depends_on_them_leave_others_uncorrected(curve):
    size = len(STRATA.parents)
    ages, predictions, mass = np.array([0]), np.array([100]), np.full(size, 0.3)
    even, odd = np.full(size, 0.8), np.where(np.arange(size) == 1, 0.5, 0.8)
    for share, unlike in ((even, False), (odd, True)):
        shares = np.stack([share, np.ones(size)], axis=1)
        known = Arrivals(np.array([0.5, 1.0]), shares, np.zeros_like(shares), mass, np.ones(size, dtype=bool))
        found = weigh(LAYOUT, STRATA, known, ages, predictions)
        assert (found.unlike, found.weighting is None) == (unlike, False)


def test_scores_that_bins_say_little_of_are_not_weighted(curve):
    """Rows that were certain, and wrong: the loss of each is 36, which no bin tells."""
    rows, now = cases(1, 60, seed=5), 6 * DAY
    wrong = replace(rows, score=np.where(rows.truth == 1, 0.0, rows.score))
    weighting = known_of(wrong, curve, now).weighting
    assert weighting.of("log_loss", labelled(wrong, now)) is None
    assert weighting.of("brier", labelled(wrong, now)) is not None


def test_losses_of_bins_are_means_over_them():
    each = losses_of_bins(LAYOUT)
    score = np.linspace(0, 1, 640_001)[:-1] + 0.5 / 640_000
    for place, loss in ((0, -np.log(score)), (1, np.log(score) ** 2), (2, (1 - score) ** 2), (3, (1 - score) ** 4)):
        by_bin = loss.reshape(64, -1).mean(axis=1)
        assert each[place, 1, 1:] == pytest.approx(by_bin[1:], rel=1e-3)
        assert each[place, 1, 0] == pytest.approx(by_bin[0], rel=0.03)  # log loss has no bound there
        assert each[place, 0] == pytest.approx(each[place, 1, ::-1], rel=1e-9)


def one_value(found):
    return found["accuracy"].value


def test_a_mature_window_without_overlap_is_immature():
    known = labelled(cases(1, 60, seed=5), 6 * DAY)
    found = measure(known, 1440, Known(overlap=False), mature=True)
    assert {found[name].reason for name in ("accuracy", "precision", "log_loss")} == {IMMATURE_LABELS}


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_strata_divide_the_rows(task):
    rng = np.random.default_rng(1)
    classes = ("0", "1") if task == "binary" else ("a", "b", "c")
    layout = ScoreLayout(task, classes, np.array([0.2, 0.4, 0.6, 0.8]) if task == "binary" else np.empty(0))
    strata = Strata.of(layout)
    values = np.array([*classes, "?"])
    truth, said = (rng.choice(values, 500, p=[0.9 / len(classes)] * len(classes) + [0.1]) for _ in range(2))
    groups, score = rng.integers(0, 5, 500), rng.random(500)
    _, counts, sums = count_scored(layout, groups, pa.array(truth), pa.array(said), score, np.ones(500, dtype=np.int8))
    counted = strata.count([encode(*pair) for pair in zip(counts, sums, strict=True)])
    sizes = np.bincount(groups)
    for index, one in enumerate(values):
        assert (counted[:, index] == np.bincount(groups[truth == one], minlength=5)).all()
    heads, parts = counted[:, : len(values)], counted[:, np.unique(np.append(strata.cells, strata.others))]
    assert (heads.sum(axis=1) == sizes).all()
    assert (parts.sum(axis=1) == sizes).all()
    if task == "binary":
        quarters = counted[:, np.unique(strata.scores)]
        assert (quarters.sum(axis=1) == heads[:, :2].sum(axis=1)).all()
    else:
        right = counted[:, strata.cells[np.arange(3), np.arange(3)]].sum()
        assert right == np.count_nonzero((truth == said) & (truth != "?"))
        assert counted[:, strata.others].sum() == np.count_nonzero((truth == said) & (truth == "?"))


def test_quarters_of_several_classes_are_of_rows_predicted_wrong_and_right():
    rng = np.random.default_rng(2)
    layout = ScoreLayout("multiclass", ("a", "b", "c"), np.array([0.5, 0.6, 0.8]))
    strata = Strata.of(layout)
    truth, said = (rng.choice(np.array(["a", "b", "c", "?"]), 500) for _ in range(2))
    top, of_truth = rng.uniform(0.3, 1.0, 500), np.full(500, 0.2)
    signs, hours = np.ones(500, dtype=np.int8), np.zeros(500, dtype=np.int64)
    _, counts, sums = count_scored(layout, hours, pa.array(truth), pa.array(said), of_truth, signs, top)
    (counted,) = strata.count([encode(counts[0], sums[0])])
    quarter = np.searchsorted(layout.score_cuts, top)
    for right in (0, 1):
        told = [np.sum((quarter == one) & ((truth == said) == bool(right))) for one in range(4)]
        assert counted[strata.scores[right]].tolist() == told
    assert (strata.parents[strata.scores] == -1).all()
    weights = np.ones(len(strata.parents))
    weights[strata.scores[1]] = 3.0
    weighting = Weighting(layout, strata, weights, np.zeros(len(weights)))
    assert weighting.of_sums(counts.astype(float), sums).tolist() == sums.tolist()  # bins do not tell the truth's loss
    assert weighting.of_counts(counts)[0, -5:-1].tolist() == (3 * counts[0, -5:-1]).tolist()


def test_a_rare_class_without_history_prevents_weights_only_where_it_matters():
    size = len(STRATA.parents)
    share = np.tile([0.5, 1.0], (size, 1))
    usable = np.ones(size, dtype=bool)
    usable[1] = False
    ages, predictions = np.array([0]), np.array([100])
    for mass, weighted in ((0.3, False), (0.01, True)):
        shares = np.full(size, 1 - mass)
        shares[1], shares[2] = mass, 0.0
        curve = Arrivals(np.array([0.5, 1.0]), share, np.zeros_like(share), shares, usable)
        assert (weigh(LAYOUT, STRATA, curve, ages, predictions).weighting is not None) == weighted
