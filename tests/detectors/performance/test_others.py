"""Values that a model's classes do not have are right where prediction and label are the same, as plain numpy says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.cuts import ScoreLayout
from detectors.performance.blocks import Drawings
from detectors.performance.coarse import Coarse
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import METRICS
from detectors.performance.others import others_right, right, table_and_hits
from detectors.performance.row_loss import WRONG, row_loss
from detectors.performance.scored import LabelCounts, add_up, confusion, count_scored, decode, encode
from detectors.performance.strata import Strata
from detectors.performance.values import VALUES
from detectors.performance.weighting import Weighting
from detectors.profile import ReferenceProfile, mix
from detectors.shares.errors import _errors_of

MANY = tuple(f"k{number:03d}" for number in range(100))
LAYOUTS = {
    "two": (ScoreLayout("binary", ("a", "b"), np.arange(1, 64) / 64), "abc"),
    "only others": (ScoreLayout("binary", ("x", "y")), "abc"),
    "three": (ScoreLayout("multiclass", ("a", "b", "c"), np.arange(1, 20) / 20), "abcd"),
    "a hundred": (ScoreLayout("multiclass", MANY), [*MANY, *(f"k{number}" for number in range(100, 150))]),
}
HOURS = 48
# a/a, b/d, d/d, d/d, e/d, a/b (truth/prediction) of the classes a and b, as summaries were before others could be right
BEFORE = bytes.fromhex("789ce36660606065000146206461606660636080f2b1d3cc0cd8010009020026")

named = pytest.mark.parametrize("name", LAYOUTS)


def rows_of(name, n=3000, seed=3):
    """Layout, hours, truth and prediction [n]."""
    layout, values = LAYOUTS[name]
    rng = np.random.default_rng(seed)
    said = rng.choice(list(values), n)
    truth = np.where(rng.random(n) < 0.8, said, rng.choice(list(values), n))
    return layout, np.sort(rng.integers(0, HOURS, n)), truth, said


def count(layout, hours, truth, said, sign=None):
    sign = np.ones(len(hours), np.int8) if sign is None else sign
    score = np.full(len(hours), np.nan)
    return count_scored(layout, hours, pa.array(truth.tolist()), pa.array(said.tolist()), score, sign)


def whole(layout, hours, truth, said):
    _, counts, sums = count(layout, hours, truth, said)
    return LabelCounts(counts.sum(axis=0), sums.sum(axis=0))


@named
def test_accuracy_is_that_of_the_texts(name):
    layout, hours, truth, said = rows_of(name)
    labels = whole(layout, hours, truth, said)
    assert labels.rows == len(truth)
    assert METRICS[layout.task]["accuracy"](layout, labels).value == pytest.approx(np.mean(truth == said), abs=1e-12)
    other = ~np.isin(truth, layout.classes)
    assert others_right(layout, labels.counts) == np.count_nonzero((truth == said) & other) > 0
    wrong, _ = row_loss(layout, WRONG, pa.array(truth.tolist()), pa.array(said.tolist()), np.full(len(truth), np.nan))
    assert (wrong == (truth != said)).all()


@named
def test_every_hour_is_its_own_and_drawings_are_those_of_rows(name):
    layout, hours, truth, said = rows_of(name)
    keys, counts, sums = count(layout, hours, truth, said)
    expected = np.bincount(hours, truth == said) / np.bincount(hours)
    assert VALUES[layout.task]["accuracy"](layout, counts, sums) == pytest.approx(expected[keys], abs=1e-12)
    stored = LabelHours.of(0, HOURS, keys.tolist(), [encode(*pair) for pair in zip(counts, sums, strict=True)])
    assert right(layout, stored.total.counts) == np.count_nonzero(truth == said)
    coarse = Coarse.of(layout)
    found, _ = stored.arrays(coarse.slots, 2)
    assert (right(coarse.layout, found) == np.bincount(hours, truth == said, HOURS)).all()
    drawings = Drawings.of(layout, stored)
    spread = drawings.error("accuracy")
    assert 0.3 < spread / np.sqrt(np.mean(truth == said) * np.mean(truth != said) / len(truth)) < 3


@named
def test_a_correction_takes_back_what_was_right(name):
    layout, hours, truth, said = rows_of(name)
    sign = np.ones(len(truth), np.int8)
    sign[1::2] = -1
    _, counts, sums = count(layout, hours, np.repeat(truth[::2], 2), np.repeat(said[::2], 2), sign)
    assert not counts.sum(axis=0).any()
    assert not sums.sum(axis=0).any()


@pytest.mark.parametrize("name", ["three", "a hundred"])
def test_other_values_are_one_class_in_the_means(name):
    """As plain numpy has it when all of them have one name, and the same text is a hit."""
    layout, hours, truth, said = rows_of(name)
    labels = whole(layout, hours, truth, said)
    pooled = [np.where(np.isin(one, layout.classes), one, "other") for one in (truth, said)]
    recalls, precisions, scores = [], [], []
    for one in [*layout.classes, "other"]:
        hits = np.count_nonzero((truth == said) & (pooled[0] == one))
        actual, claimed = (np.count_nonzero(side == one) for side in pooled)
        recalls.append(hits / actual)
        precisions.append(hits / claimed)
        scores.append(2 * hits / (actual + claimed))
    table, hits = table_and_hits(layout, labels.counts)
    assert table.sum() == len(truth)
    assert hits.sum() == np.count_nonzero(truth == said)
    for metric, each in (("macro_recall", recalls), ("macro_precision", precisions), ("macro_f1", scores)):
        assert METRICS["multiclass"][metric](layout, labels).value == pytest.approx(np.mean(each))
        assert VALUES["multiclass"][metric](layout, labels.counts, labels.sums) == pytest.approx(np.mean(each))


@named
def test_weights_are_those_of_single_rows(name):
    """Accuracy of weighted counts is the weighted mean over rows, also by the hour; and the weights are of strata that
    tell right ones among other values from wrong ones, where there are more than two classes."""
    layout, hours, truth, said = rows_of(name)
    keys, counts, sums = count(layout, hours, truth, said)
    labels, strata = whole(layout, hours, truth, said), Strata.of(layout)
    weight = np.random.default_rng(4).uniform(0.5, 3, len(strata.parents))
    weighting = Weighting(layout, strata, weight, np.zeros(len(weight)))
    places = {value: place for place, value in enumerate(layout.classes)}
    codes = tuple(np.array([places.get(one, len(places)) for one in side.tolist()]) for side in (truth, said))
    each = weighting.of_rows(*codes, truth == said)
    expected = np.average(truth == said, weights=each)
    found, rows = weighting.of("accuracy", labels)
    assert METRICS[layout.task]["accuracy"](layout, found).value == pytest.approx(expected)
    assert rows == pytest.approx(each.sum() ** 2 / (each**2).sum())
    error = np.random.default_rng(5).uniform(0.0, 0.2, len(weight))
    _, fewer = Weighting(layout, strata, weight, error).of("accuracy", labels)
    here = np.where((truth == said) & (codes[0] == len(places)), strata.others, strata.cells[codes])
    pull = np.bincount(here, each * ((truth == said) - expected), len(weight)) / each.sum()
    doubt = float((pull**2 * error**2).sum()) / (expected * (1 - expected))
    assert fewer == pytest.approx(rows / (1 + rows * doubt))
    by_hour = right(layout, weighting.of_counts(counts))
    assert by_hour == pytest.approx(np.bincount(hours, each * (truth == said))[keys])
    counted = strata.count([encode(*pair) for pair in zip(counts, sums, strict=True)])
    assert counted[:, : len(places) + 1].sum() == len(truth)
    assert (strata.others == strata.cells[-1, -1]) == (layout.task == "binary")
    other_and_right = np.count_nonzero((truth == said) & ~np.isin(truth, layout.classes))
    if layout.task == "multiclass":
        assert counted[:, strata.others].sum() == other_and_right


@named
def test_references_know_their_errors_alone_and_mixed(name):
    layout, hours, truth, said = rows_of(name)
    made = []
    for keys, counts, sums in (count(layout, hours, truth, said), count(layout, hours, said, said)):
        none = np.zeros((0, 2))
        made.append(ReferenceProfile(keys, counts[:, :1], none, none, keys, counts, sums))
    found = _errors_of(layout, ReferenceProfile.from_bytes(made[0].to_bytes()))
    assert (found.counts[:, 1] == np.bincount(hours, truth != said)[found.hours]).all()
    mixed = mix(made, (0.25, 0.75)).labels
    told = METRICS[layout.task]["accuracy"](layout, mixed)
    assert told.value == pytest.approx(0.25 * np.mean(truth == said) + 0.75)


def test_counts_that_are_not_whole_lack_nothing_by_rounding():
    layout = LAYOUTS["three"][0]
    _, hours, truth, said = rows_of("two")
    known = truth != "c", said != "c"
    both = known[0] & known[1]
    labels = whole(layout, hours[both], truth[both], said[both])
    for scale in np.random.default_rng(1).uniform(1e-3, 1e3, 200):
        counts = labels.counts * scale
        assert others_right(layout, counts) == 0
        assert table_and_hits(layout, counts)[0][-1].sum() == 0


def test_what_was_stored_before_stays_as_it_was():
    layout = ScoreLayout("multiclass", ("a", "b"))
    before = decode(BEFORE)
    assert before.counts.tolist() == [6, 1, 1, 0, 0, 0, 1, 0, 0, 3, 0]
    assert METRICS["multiclass"]["accuracy"](layout, before).value == pytest.approx(1 / 6)
    truth, said = np.array(list("abddea")), np.array(list("addddb"))
    now = whole(layout, np.zeros(6, np.int64), truth, said)
    assert METRICS["multiclass"]["accuracy"](layout, now).value == pytest.approx(3 / 6)
    both = add_up([BEFORE, encode(now.counts, now.sums)])
    assert (both.rows, right(layout, both.counts)) == (12, 4)
    assert confusion(layout, both.counts)[-1, -1] == 4
    assert Strata.of(layout).count([BEFORE])[:, Strata.of(layout).others] == 0
