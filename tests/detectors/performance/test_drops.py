"""A drop that is asked of a metric: found where there is one, and seldom where there is none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.cuts import ScoreLayout
from detectors.performance.loss import Compared
from detectors.performance.measure import METRICS, TESTED
from detectors.performance.scored import LabelCounts, count_scored

BINARY, REGRESSION = ScoreLayout("binary", ("0", "1"), np.arange(1, 64) / 64), ScoreLayout("regression")
ALPHA, TIMES, GROUP = 0.05, 420, 21
ASKED = {"binary": ("precision", "recall", "f1", "log_loss", "brier"), "regression": ("rmse",)}


def windows(layout: ScoreLayout, count: int, rows: int, seed: int, wander: float = 0.0) -> list[LabelCounts]:
    """Windows of so many rows, a fifth of them positive, predictions calibrated but for what each window's own error
    wanders by."""
    rng = np.random.default_rng(seed)
    groups, ones = np.repeat(np.arange(count), rows), np.ones(count * rows, dtype=np.int8)
    own = np.repeat(rng.normal(0, wander, count), rows)
    if layout.task == "regression":
        truth = rng.normal(100, 20, len(own))
        said = truth + 5 * np.exp(own) * rng.standard_t(6, len(own))
        parts = count_scored(layout, groups, pa.array(truth), pa.array(said), np.full(len(own), np.nan), ones)
    else:
        odds = 1.6 * rng.normal(size=len(own)) - 2
        truth = (rng.random(len(own)) < 1 / (1 + np.exp(-odds - own))).astype(np.int64)
        score = 1 / (1 + np.exp(-odds))
        named = (pa.array(one.astype(np.int64).astype(str)) for one in (truth, score > 0.3))
        parts = count_scored(layout, groups, *named, score, ones)
    return [LabelCounts(*one) for one in zip(*parts[1:], strict=True)]


@pytest.mark.parametrize("layout", [BINARY, REGRESSION], ids=["binary", "regression"])
@pytest.mark.parametrize(("known", "wander"), [(False, 0.0), (True, 0.3)])
def test_without_a_loss_few_windows_are_beyond(layout: ScoreLayout, known: bool, wander: float) -> None:
    """Each window of many groups against the others of its own; three standard errors of the count are allowed."""
    beyond = dict.fromkeys(ASKED[layout.task], 0)
    every = windows(layout, TIMES, 300, 1, wander)
    for place, mine in enumerate(every):
        start = place // GROUP * GROUP
        others = every[start:place] + every[place + 1 : start + GROUP]
        compared = Compared(layout, mine, sum(others[1:], start=others[0]), others if known else [])
        for metric in beyond:
            beyond[metric] += bool(TESTED[layout.task][metric](compared, 0.0, ALPHA).lower[0] > 0)
    most = TIMES * ALPHA + 3 * np.sqrt(TIMES * ALPHA * (1 - ALPHA))
    assert {metric: count for metric, count in beyond.items() if not 0 < count <= most} == {}


@pytest.mark.parametrize("metric", ["precision", "recall", "f1", "log_loss", "brier"])
def test_a_loss_is_found_and_its_limits_agree_with_its_p_value(metric: str) -> None:
    reference = sum(windows(BINARY, 20, 300, 1)[1:], start=windows(BINARY, 1, 300, 2)[0])
    (fine,) = windows(BINARY, 1, 2000, 3)
    worse = LabelCounts(fine.counts.copy(), fine.sums * 1.3)
    worse.counts[[1, 2, 4, 5]] = fine.counts[[2, 1, 5, 4]]  # predicted the other way round
    test = TESTED["binary"][metric]
    for tolerance in np.linspace(0, 0.6, 25).tolist():
        found = test(Compared(BINARY, worse, reference, []), tolerance, ALPHA)
        assert (found.lower[0] > tolerance) == (found.p_value[0] <= ALPHA)
    assert test(Compared(BINARY, worse, reference, []), 0.02, 1e-3).lower[0] > 0.02
    now, then = (METRICS["binary"][metric](BINARY, one).value for one in (worse, reference))
    assert found.effect[0] == pytest.approx(now - then if metric in ("log_loss", "brier") else then - now)
    same = test(Compared(BINARY, fine, reference, []), 0.02, ALPHA)
    assert same.lower[0] < same.effect[0] < same.upper[0]
    assert same.p_value[0] > ALPHA
