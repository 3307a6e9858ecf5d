"""Differences between groups, against their definitions and by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.fairness import METRICS, Group, measure_fairness
from detectors.intervals import Z95, difference_lower
from detectors.measurement import IMMATURE_LABELS, MINIMUM_ROWS, TOO_FEW_ROWS, Measurement
from detectors.performance.maturity import Arrivals
from detectors.performance.scored import LabelCounts, count_scored
from detectors.performance.weighting import Known
from detectors.summary import summarise
from tests.detectors.build import column
from tests.detectors.performance import late
from tests.detectors.performance.late import DAY, Cases, cases, labelled

PARITY, OPPORTUNITY, FALSE_POSITIVES, CALIBRATION = METRICS
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


def late_groups(binning: Binning, rows: Cases, age: int) -> list[Group]:
    """Two groups of rows, of which those with high scores are more often in the first; labels as known at ``age``."""
    first = np.random.default_rng(5).random(len(rows.hour)) < 0.2 + 0.6 * rows.score
    return [_known_at(binning, name, rows.at(mine), age) for name, mine in (("a", first), ("b", ~first))]


def _known_at(binning: Binning, name: str, rows: Cases, age: int) -> Group:
    said = {"prediction": column(rows.said.astype(str).tolist())}
    return Group(name, summarise(binning, np.zeros(len(rows.hour), np.int64), said).counts[0], labelled(rows, age))


@pytest.fixture(scope="module")
def late_binning() -> Binning:
    return make_binning({"prediction": column(["0", "1"] * 50)}, {"prediction": "categorical"}, late.LAYOUT)


@pytest.fixture(scope="module")
def curve() -> Arrivals:
    found = late.curve_of(cases(150, 10, 1), 150 * DAY)
    assert found is not None
    return found


def of(found: list[Measurement], metric: str) -> Measurement:
    return next(one for one in found if one.metric == metric)


def test_the_gaps_are_what_they_are_called(binning: Binning) -> None:
    made = [group(binning, "F", 3000, 0.5, 1), group(binning, "M", 2000, 0.3, 2, bias=-0.1)]
    found = measure_fairness(binning, [one for one, *_ in made], [], list(METRICS))
    said = [one.mean() for _, one, _, _ in made]
    assert of(found, PARITY).value == pytest.approx(said[0] - said[1])
    assert of(found, PARITY).details["ratio"] == pytest.approx(said[1] / said[0])
    rates = [(said & truth).sum() / truth.sum() for _, said, truth, _ in made]
    assert of(found, OPPORTUNITY).value == pytest.approx(rates[0] - rates[1])
    false = [(said & ~truth).sum() / (~truth).sum() for _, said, truth, _ in made]
    assert of(found, FALSE_POSITIVES).value == pytest.approx(false[0] - false[1])
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


def test_labels_that_come_late_are_weighted(late_binning: Binning, curve: Arrivals) -> None:
    """Scores mean the same in both groups, but positives take longer and there are more of them in one."""
    wanted, age, days = [OPPORTUNITY, FALSE_POSITIVES, CALIBRATION], 168, 10
    off = np.zeros((days, len(wanted), 2))
    for seed in range(days):
        rows = cases(1, 500, seed)
        known, now = late.known_of(rows, curve, age), late_groups(late_binning, rows, age)
        at_once = late_groups(late_binning, replace(rows, delay=np.zeros(len(rows.hour), np.int64)), age)
        truth, weighted, plain = (
            measure_fairness(late_binning, *given)
            for given in ((at_once, [], wanted), (now, [], wanted, known), (now, [], wanted))
        )
        for i, (exact, one, other) in enumerate(zip(truth, weighted, plain, strict=True)):
            off[seed, i] = _apart(one) - _apart(exact), _apart(other) - _apart(exact)
            assert one.details["unweighted"]["value"] == other.value
            worth = [group["n_effective"] / group["rows"] for group in one.details["groups"].values()]
            assert all(0.1 < part < 1 for part in worth)
        assert of(plain, CALIBRATION).lower > 0  # type: ignore[operator]
    weighted_off, plain_off = np.abs(off.mean(axis=0)).T
    assert (plain_off > 0.01).all()
    assert (weighted_off < plain_off / 2).all()


def _apart(found: Measurement) -> float:
    """How far the first group is above the second."""
    first, second = (found.details["groups"][name]["value"] for name in ("a", "b"))
    return float(first - second)


def test_a_group_needs_thirty_rows_worth_of_labels(late_binning: Binning) -> None:
    """Weights from a short past are worth little."""
    rows, age, curve = cases(1, 60, 3), 90, late.curve_of(cases(150, 1, 1), 150 * DAY)
    assert curve is not None
    known, now = late.known_of(rows, curve, age), late_groups(late_binning, rows, age)
    (plain,) = measure_fairness(late_binning, now, [], [OPPORTUNITY])
    (weighted,) = measure_fairness(late_binning, now, [], [OPPORTUNITY], known)
    assert min(one["rows"] for one in plain.details["groups"].values()) > MINIMUM_ROWS
    assert plain.reason is None
    assert (weighted.reason, weighted.value) == (TOO_FEW_ROWS, None)


def test_immature_labels_are_shown_as_they_are_and_as_they_will_be(late_binning: Binning, curve: Arrivals) -> None:
    rows, age = cases(1, 1000, 3), 90
    young = [replace(one, mature=False) for one in late_groups(late_binning, rows, age)]
    known = late.known_of(rows, curve, age)
    (found,) = measure_fairness(late_binning, young, young, [CALIBRATION], known)
    (judged,) = measure_fairness(late_binning, late_groups(late_binning, rows, age), [], [CALIBRATION], known)
    assert (found.reason, found.effect) == (IMMATURE_LABELS, None)
    assert found.value == judged.details["unweighted"]["value"] != judged.value
    assert found.details["weighted"]["value"] == judged.value
    assert found.details["coverage"] == pytest.approx(0.5, abs=0.1)


def test_missing_labels_that_may_be_unlike_the_others_are_told(late_binning: Binning) -> None:
    rows = cases(1, 1000, 3)
    for age, told in ((168, {"uncorrected": True}), (10**5, {})):
        (found,) = measure_fairness(
            late_binning, late_groups(late_binning, rows, age), [], [OPPORTUNITY], Known(unlike=True)
        )
        assert {name: found.details[name] for name in found.details if name == "uncorrected"} == told


def test_when_it_cannot_tell(binning: Binning) -> None:
    one, few = group(binning, "a", 500, 0.4, 9)[0], group(binning, "b", 29, 0.4, 10, mature=False)[0]
    assert {m.reason for m in measure_fairness(binning, [one, few], [], list(METRICS))} == {TOO_FEW_ROWS}
    young = group(binning, "c", 500, 0.4, 11, mature=False)[0]
    reasons = [m.reason for m in measure_fairness(binning, [one, young], [], list(METRICS))]
    assert reasons == [None, IMMATURE_LABELS, IMMATURE_LABELS, IMMATURE_LABELS]


def test_the_smallest_gap_is_seen_nine_times_in_ten(binning: Binning) -> None:
    alike = [group(binning, name, 1000, 0.5, seed)[0] for name, seed in (("F", 1), ("M", 2))]
    smallest = of(measure_fairness(binning, alike, [], [PARITY]), PARITY).mde
    assert smallest is not None
    seen = 0
    for seed in range(100):
        sizes = (("F", 0.5 + smallest / 2, 2 * seed + 10), ("M", 0.5 - smallest / 2, 2 * seed + 11))
        made = [group(binning, name, 1000, rate, seed)[0] for name, rate, seed in sizes]
        lower = of(measure_fairness(binning, made, [], [PARITY]), PARITY).lower
        seen += lower is not None and lower > 0
    assert 82 <= seen <= 97
