"""Models of more classes than are counted by name: those past the hundredth are one class, on both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from detectors.binning import make_binning, score_layout
from detectors.cuts import MOST_CLASSES, Binning
from detectors.estimation.class_mix import measure_class_mix
from detectors.estimation.class_table import POOLED, Cells, ClassTable, count_classes
from detectors.estimation.label_shift import GATE
from detectors.estimation.labelled_mix import mix_of_labels
from detectors.performance.scored import LabelCounts, count_scored
from detectors.summary import summarise, window
from tests.detectors.build import column

MANY = 200
NAMES = np.array([f"c{place:03d}" for place in range(MANY)])
PRIORS = {"uniform": np.full(MANY, 1 / MANY), "zipf": 1 / np.arange(1, MANY + 1) ** 0.7}
REFERENCE, WINDOW = 15_000, 720


@dataclass(frozen=True)
class Rows:
    truth: np.ndarray
    said: np.ndarray
    sure: np.ndarray

    def take(self, rows):
        return Rows(self.truth[rows], self.said[rows], self.sure[rows])


class World:
    """Rows normal around 200 corners of 8 dimensions; the model is calibrated at its prior."""

    def __init__(self, kind):
        self.prior = PRIORS[kind] / PRIORS[kind].sum()
        random = np.random.default_rng(7)
        corners = 1.6 * random.normal(size=(MANY, 8))
        truth = random.choice(MANY, 100_000, p=self.prior)
        x = corners[truth] + random.normal(size=(len(truth), 8))
        odds = x @ corners.T - (corners**2).sum(axis=1) / 2 + np.log(self.prior)
        chance = np.exp(odds - odds.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        self.pool = Rows(truth, chance.argmax(axis=1), chance.max(axis=1))

    def drawn(self, random, n, mix=None):
        weight = np.ones(MANY) if mix is None else mix / self.prior
        each = weight[self.pool.truth]
        return self.pool.take(random.choice(len(each), n, p=each / each.sum()))


@pytest.fixture(scope="module", params=list(PRIORS))
def world(request):
    return World(request.param)


def columns_of(rows):
    return {"prediction": column(NAMES[rows.said].tolist()), "score": column(rows.sure)}


def counted(reference) -> tuple[Binning, ClassTable]:
    """As a reference is: classes in sorted order, as many as are counted by name; other labels have no place."""
    layout = score_layout("multiclass", tuple(NAMES[:MOST_CLASSES]), reference.sure)
    binning = make_binning(columns_of(reference), {"prediction": "categorical", "score": "numeric"}, layout)
    truth = pa.array(np.where(reference.truth < MOST_CLASSES, NAMES[reference.truth], None))
    said = pa.array(NAMES[reference.said])
    return binning, count_classes(binning, Cells.of(binning), truth, said, reference.sure)


def seen(binning, rows):
    return window(summarise(binning, np.zeros(len(rows.truth), np.int64), columns_of(rows)), 0, 24)


def labels(binning, rows):
    n = len(rows.truth)
    named = pa.array(NAMES[rows.truth]), pa.array(NAMES[rows.said])
    own = np.where(rows.truth == rows.said, rows.sure, (1 - rows.sure) / 2)
    _, counts, sums = count_scored(
        binning.scores, np.zeros(n, np.int64), *named, own, np.ones(n, dtype=np.int8), rows.sure
    )
    return LabelCounts(counts[0], sums[0])


def test_all_labelled_rows_are_in_the_table_as_they_are_in_windows(world):
    rows = world.drawn(np.random.default_rng(1), REFERENCE)
    binning, table = counted(rows)
    assert table.rows == REFERENCE
    said, sure = Cells.of(binning).seen(binning, seen(binning, rows))
    assert said.tolist() == table.counts.sum(axis=(0, 2)).tolist()
    assert sure.tolist() == table.counts.sum(axis=(0, 1)).tolist()
    known = table.usable()
    assert (known.classes[-1], known.classes.count(POOLED)) == (POOLED, 1)
    assert known.rows == REFERENCE


def test_the_gate_lets_windows_without_drift_pass(world):
    random, p_values, of_labels = np.random.default_rng(2), [], []
    for _ in range(8):
        reference, rows = world.drawn(random, REFERENCE), world.drawn(random, WINDOW)
        binning, table = counted(reference)
        told = measure_class_mix(binning, seen(binning, rows), table)[0]
        p_values.append(told.details["gate_p_value"])
        assert told.value is not None
        given = labels(binning, rows), labels(binning, reference), table
        of_labels.append(mix_of_labels(binning, *given).gate_p_value)
    for found in (np.array(p_values), np.array(of_labels)):
        assert found.min() > GATE
        assert np.median(found) > 0.2


@pytest.mark.parametrize("place", [3, MOST_CLASSES + 50])
def test_a_class_that_becomes_common_is_found(world, place):
    """By its name, or among all others."""
    mix = world.prior * np.where(np.arange(MANY) == place, 0.0, 0.85)
    mix[place] = 1 - mix.sum()
    random = np.random.default_rng(3)
    binning, table = counted(world.drawn(random, REFERENCE))
    rows = world.drawn(random, 5_000, mix)
    told = measure_class_mix(binning, seen(binning, rows), table)[0]
    if place >= MOST_CLASSES:  # all others are not what they were
        assert (told.value, told.reason) == (None, "label_shift_rejected")
        return
    assert (told.details["positive"], told.details["moved"]) == (NAMES[place], True)
    assert told.value == pytest.approx(mix[place], abs=0.03)
    assert told.details["classes"][POOLED]["value"] == pytest.approx(mix[MOST_CLASSES:].sum(), abs=0.03)
    truth = mix_of_labels(binning, labels(binning, rows), labels(binning, world.drawn(random, REFERENCE)), table)
    assert truth.gate_p_value > GATE
    assert truth.shares[-1] == pytest.approx(np.mean(rows.truth >= MOST_CLASSES), abs=0.02)
