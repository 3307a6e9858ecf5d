"""Differences between groups, against their definitions and by simulation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.fairness import METRICS, Group, measure_fairness
from detectors.intervals import Z95, difference_lower
from detectors.measurement import IMMATURE_LABELS, TOO_FEW_ROWS, Measurement
from detectors.performance.scored import LabelCounts, count_scored
from detectors.summary import summarise
from tests.detectors.build import column

PARITY, OPPORTUNITY, CALIBRATION = METRICS
RNG = np.random.default_rng(0)
LAYOUT = score_layout("binary", ("0", "1"), RNG.random(2000))


@pytest.fixture(scope="module")
def binning() -> Binning:
    return make_binning({"prediction": column(["0", "1"] * 50)}, {"prediction": "categorical"}, LAYOUT)


def group(
    binning: Binning, name: str, n: int, rate: float, seed: int, *, bias: float = 0.0, mature: bool = True
) -> tuple[Group, np.ndarray, np.ndarray, np.ndarray]:
    """``rate`` predicted positive; the truth follows the score, raised by ``bias``."""
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    said = score > 1 - rate
    truth = rng.random(n) < np.clip(score + bias, 0, 1)
    texts = [pa.array(np.where(one, "1", "0")) for one in (truth, said)]
    hours = np.zeros(n, np.int64)
    _, counts, sums = count_scored(LAYOUT, hours, *texts, score, np.ones(n, np.int8))
    rows = summarise(binning, hours, {"prediction": column(np.where(said, "1", "0").tolist())})
    made = Group(name, rows.counts[0], LabelCounts(counts[0], sums[0]), mature)
    return made, said, truth, score


def of(found: list[Measurement], metric: str) -> Measurement:
    return next(one for one in found if one.metric == metric)


def test_the_three_gaps_are_what_they_are_called(binning: Binning) -> None:
    made = [group(binning, "F", 3000, 0.5, 1), group(binning, "M", 2000, 0.3, 2, bias=-0.1)]
    found = measure_fairness(binning, [one for one, *_ in made], [], list(METRICS))
    said = [one.mean() for _, one, _, _ in made]
    assert of(found, PARITY).value == pytest.approx(said[0] - said[1])
    assert of(found, PARITY).details["ratio"] == pytest.approx(said[1] / said[0])
    rates = [(said & truth).sum() / truth.sum() for _, said, truth, _ in made]
    assert of(found, OPPORTUNITY).value == pytest.approx(rates[0] - rates[1])
    gaps = [truth.mean() - score.mean() for *_, truth, score in made]
    assert of(found, CALIBRATION).value == pytest.approx(gaps[0] - gaps[1], abs=1 / 512)
    for one in found:
        assert (one.details["highest"], one.details["lowest"]) == ("F", "M")
        assert one.effect is None  # there is no reference


def test_two_groups_have_newcombes_interval(binning: Binning) -> None:
    made = [group(binning, "a", 500, 0.4, 3), group(binning, "b", 700, 0.2, 4)]
    (found,) = measure_fairness(binning, [one for one, *_ in made], [], [PARITY])
    x, y = (int(said.sum()) for _, said, _, _ in made)
    assert found.lower == pytest.approx(float(difference_lower(x, 500, y, 700, Z95)))
    assert found.upper == pytest.approx(-float(difference_lower(y, 700, x, 500, Z95)))


def test_the_change_against_the_reference(binning: Binning) -> None:
    before = [group(binning, name, 20_000, rate, seed)[0] for name, rate, seed in (("a", 0.5, 5), ("b", 0.45, 6))]
    after = [group(binning, name, 20_000, rate, seed)[0] for name, rate, seed in (("a", 0.5, 7), ("b", 0.3, 8))]
    (found,) = measure_fairness(binning, after, before, [PARITY])
    assert found.details["reference_value"] == pytest.approx(0.05, abs=0.02)
    assert found.effect == pytest.approx(0.15, abs=0.03)
    assert found.effect_lower is not None
    assert found.effect_upper is not None
    assert 0.1 < found.effect_lower < 0.15 < found.effect_upper


def test_its_interval_holds_however_many_groups_there_are(binning: Binning) -> None:
    """Of ten alike groups the extremes are always apart; the interval, being simultaneous, still reaches zero."""
    hits = 0
    for draw in range(40):
        made = [group(binning, f"g{i}", 400, 0.3, 100 * draw + i)[0] for i in range(10)]
        (found,) = measure_fairness(binning, made, [], [PARITY])
        assert found.value
        hits += found.lower == 0
    assert hits >= 37


def test_when_it_cannot_tell(binning: Binning) -> None:
    one, few = group(binning, "a", 500, 0.4, 9)[0], group(binning, "b", 29, 0.4, 10, mature=False)[0]
    assert {m.reason for m in measure_fairness(binning, [one, few], [], list(METRICS))} == {TOO_FEW_ROWS}
    young = group(binning, "c", 500, 0.4, 11, mature=False)[0]
    reasons = [m.reason for m in measure_fairness(binning, [one, young], [], list(METRICS))]
    assert reasons == [None, IMMATURE_LABELS, IMMATURE_LABELS]
