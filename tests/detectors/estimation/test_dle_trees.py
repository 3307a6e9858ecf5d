"""Errors of a regression expected from features: right where inputs move to rows that are harder, in any order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.estimation.dle_trees import LEAST_ROWS, Expected, estimate_losses, fit_loss_trees
from detectors.multivariate.domain_classifier import Rows

FEATURES = ["x", "kind", "nothing", "said"]


def made(n, seed, *, moved=0.0, hard=0.3):
    """Errors are normal, of a size that x and the kind tell and the prediction does not; (columns, losses)."""
    rng = np.random.default_rng(seed)
    x, is_hard = rng.normal(moved, 1, n), rng.random(n) < hard
    size = 1 + np.clip(x, 0, 3) + 2 * is_hard
    columns = {
        "x": pa.array(np.where(rng.random(n) < 0.1, np.nan, x), from_pandas=True),
        "kind": pa.array(np.where(is_hard, "hard", rng.choice(["a", "b"], n)).tolist()),
        "nothing": pa.nulls(n, pa.float64()),
        "said": pa.array(rng.normal(100, 10, n)),
    }
    return columns, np.abs(rng.normal(0, 1, n) * size)


def blocks(n):
    return np.arange(n) * 28 // n


@pytest.fixture(scope="module")
def trees():
    columns, loss = made(2000, 1)
    return fit_loss_trees(FEATURES, Rows(columns, blocks(2000)), loss)


def test_limits_hold_where_inputs_move():
    inside, widths = {"mae": 0, "rmse": 0}, []
    cases = [(0.0, 0.3), (1.0, 0.3), (-1.0, 0.05), (0.5, 0.8)]
    for seed in range(4):  # references too are by chance
        columns, loss = made(1500, 100 + seed)
        learned = fit_loss_trees(FEATURES, Rows(columns, blocks(1500)), loss)
        for place, (moved, hard) in enumerate(cases):
            columns, loss = made(1500, 1000 + 10 * seed + place, moved=moved, hard=hard)
            real = {"mae": loss.mean(), "rmse": np.sqrt((loss**2).mean())}
            for metric, one in estimate_losses(learned.expected(columns), 1500).items():
                inside[metric] += one.lower <= real[metric] <= one.upper
                widths.append((one.upper - one.lower) / real[metric])
    assert min(inside.values()) >= 13, inside  # of 16; of 96 they hold 86 and more
    assert max(widths) < 0.5


def test_a_sample_of_the_rows_tells_less(trees):
    columns, _ = made(3000, 5)
    known = trees.expected(columns)
    whole, more = (estimate_losses(known, total)["mae"] for total in (3000, 60_000))
    assert more.value == whole.value
    assert more.error < whole.error  # more rows, each with its own chance
    part = Expected(known.loss[::20], known.left_out[:, ::20], known.square[::20], known.own[:, ::20])
    assert estimate_losses(part, 3000)["mae"].error > whole.error


def test_what_was_never_seen_is_as_if_missing(trees):
    columns, _ = made(200, 6)
    without = {name: one for name, one in columns.items() if name != "kind"}
    new = {**columns, "kind": pa.array(["new"] * 200)}
    np.testing.assert_array_equal(trees.expected(new).loss, trees.expected(without).loss)
    assert len(trees.expected({name: one[:0] for name, one in columns.items()})) == 0


def test_the_same_rows_give_the_same_trees(trees):
    columns, loss = made(2000, 1)
    again = fit_loss_trees(FEATURES, Rows(columns, blocks(2000)), loss)
    window, _ = made(300, 7)
    for name in ("loss", "left_out", "square", "own"):
        told = (getattr(one.expected(window), name) for one in (again, trees))
        np.testing.assert_array_equal(*told)


def test_too_few_rows_or_one_day_teach_nothing():
    columns, loss = made(1000, 8)
    assert fit_loss_trees(FEATURES, Rows(columns, np.zeros(1000, int)), loss) is None
    few = {name: one[: LEAST_ROWS - 1] for name, one in columns.items()}
    assert fit_loss_trees(FEATURES, Rows(few, blocks(LEAST_ROWS - 1)), loss[: LEAST_ROWS - 1]) is None
