"""The Shiryaev-Roberts e-detector: has the share of wrong rows risen above what is tolerated?

For bets λ, M(t) = (M(t - 1) + 1) · (1 + λ (x(t) - m)) with x(t) in [0, 1] and m the share that is tolerated; the
statistic is a weighted mean of M over the bets. As long as no row is expected to be wrong more often than m, given the
rows before, every factor has mean at most 1, so E[M(t)] <= t; after an alarm at M >= c all start again from 0, and the
expected number of alarms in T rows is at most T / c, whatever the rows are like otherwise (Shin, Ramdas and Rinaldo
2023; after Shiryaev 1963 and Roberts 1966).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.measurement import Measurement
from detectors.streams import State, Usual, report

Array = NDArray[np.float64]

NAME = "shiryaev_roberts"
# The best bet on a rise by d from m is d / (m (1 - m)). Weights, fixed beforehand, favour rises by a third to all of m;
# the guarantee holds for any that sum to 1.
BETS = (0.1, 0.25, 0.5, 0.9, 1.6, 3.2)
WEIGHTS = (0.05, 0.15, 0.3, 0.3, 0.15, 0.05)
_AT_MOST = 0.9  # of what a bet can lose on a row that is right
_BLOCK = 512


def step(state: State, errors: Array, usual: Usual) -> tuple[State, Measurement]:
    """``errors`` float64 [n], 0 right to 1 wrong. ``usual.bound`` is c. The value is the largest log M so far."""
    tolerated = usual.share + usual.tolerance
    bets = np.minimum(BETS, _AT_MOST / max(tolerated, np.finfo(float).tiny))
    logs = np.full(len(bets), -np.inf) if state.inner is None else state.inner
    place, peak, alarms = 0, state.peak, list(state.alarms)
    while place < len(errors):
        block = errors[place : place + _BLOCK]
        run = _run(logs, np.log1p(bets[:, None] * (block - tolerated)))
        together = special.logsumexp(run, axis=0, b=np.array(WEIGHTS)[:, None])
        over = np.flatnonzero(together >= np.log(usual.bound))
        end = int(over[0]) + 1 if len(over) else len(block)
        peak = max(peak, float(together[:end].max()))
        if len(over):
            alarms.append(state.rows + place + end - 1)
        logs = np.full(len(bets), -np.inf) if len(over) else run[:, -1]
        place += end
    after = replace(state, rows=state.rows + len(errors), alarms=tuple(alarms), peak=peak, inner=logs)
    details = {
        "guarantee": f"at most one false alarm expected in {usual.bound:,.0f} labels",
        "usual": usual.share,
        "tolerance": usual.tolerance,
        "statistic": float(np.exp(min(peak, 700.0))),
        "bound": usual.bound,
    }
    return after, report(NAME, after, peak, details)


def _run(before: Array, factors: Array) -> Array:
    """log M [bets, n] from log M before them [bets] and the logarithms of the factors [bets, n].

    M(t) = exp(S(t)) (M(0) + Σ over i <= t of exp(-S(i - 1))) with S the running sum of the logarithms: all on the
    logarithm's scale, so that nothing overflows.
    """
    sums = np.cumsum(factors, axis=1)
    starts = np.logaddexp.accumulate(factors - sums, axis=1)
    run: Array = sums + np.logaddexp(before[:, None], starts)
    return run
