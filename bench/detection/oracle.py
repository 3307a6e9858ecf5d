"""What could be had at best: the CUSUM that knows the mean after the change and all of the noise.

It sees the mean of each hour's rows, knows its season, that it wanders like an AR(1), the batches and the sampling
noise, and by how much it will shift; only when is unknown. The innovations of the Kalman filter without a change (1960)
answer to a shift in a known way, so the largest log likelihood ratio over all onsets is Page's statistic (1954) for
dependent hours (Lai 1998). Its bound is set by simulation to the budget's false-alarm rate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WANDER, DECAY, BATCH = 0.10, 0.8, 0.05  # of bench.detection.streams, "ar"
REACH = 400  # hours between the onset and now that are looked at
APART = 48  # hours: crossings nearer to each other are one alarm
LONG, PATHS, BLOCK = 2400, 1200, 50  # hours and paths that set the bound: 80 alarms at one in 36,000 hours


def response(base: str, rows: int) -> tuple[np.ndarray, float]:
    """How the innovations answer to a shift by 1 that begins at hour 0, float64 [REACH], and their variance."""
    if base == "iid":
        return np.ones(REACH), 1 / rows
    noise, wander = BATCH**2 + 1 / rows, WANDER**2
    variance = wander
    for _ in range(1000):  # the Riccati equation's fixed point
        variance = DECAY**2 * variance * noise / (variance + noise) + wander * (1 - DECAY**2)
    gain = variance / (variance + noise)
    answer, predicted = np.empty(REACH), 0.0
    for hour in range(REACH):
        answer[hour] = 1 - predicted
        predicted = DECAY * (predicted + gain * answer[hour])
    return answer, variance + noise


def statistics(innovations: np.ndarray, size: float, answer: np.ndarray, variance: float) -> np.ndarray:
    """The largest log likelihood ratio over onsets in the last hours, [paths, hours], as the innovations are."""
    paths, hours = innovations.shape
    mean, best = size * answer, np.full((paths, hours), -np.inf)
    drift = np.cumsum(mean**2) / (2 * variance)
    for onset in range(hours):
        until = min(hours, onset + REACH)
        some = slice(0, until - onset)
        ratio = np.cumsum(innovations[:, onset:until] * mean[some], axis=1) / variance - drift[some]
        np.maximum(best[:, onset:until], ratio, out=best[:, onset:until])
    return best


def _crossings(found: np.ndarray, bound: float) -> int:
    rows, hours = np.nonzero(found >= bound)
    new = (np.diff(rows, prepend=-1) != 0) | (np.diff(hours, prepend=-APART) > APART)
    return int(new.sum())


def bound(base: str, size: float, rows: int, hours_between_alarms: float, seed: int) -> float:
    """Of the statistic, for that false-alarm rate. What cannot be simulated, rarer than once in 36,000 hours, is taken
    from there with a rate that falls by e for each unit of a log likelihood ratio, its limit (Siegmund 1985): it fell
    by 0.7 to 0.95 of that, so the oracle alarms a little more often than asked."""
    often = min(hours_between_alarms, 36_000.0)
    random = np.random.default_rng([seed, rows, round(size * 100)])
    answer, variance = response(base, rows)
    noise = (np.sqrt(variance) * random.standard_normal((BLOCK, LONG)) for _ in range(PATHS // BLOCK))
    quiet = np.concatenate([statistics(one, size, answer, variance).astype(np.float32) for one in noise])
    low, high, allowed = 3.0, 30.0, quiet.size / often
    for _ in range(25):
        middle = (low + high) / 2
        low, high = (middle, high) if _crossings(quiet, middle) > allowed else (low, middle)
    return high + float(np.log(hours_between_alarms / often))


def delays(base: str, size: float, rows: int, bounds: Sequence[float], seed: int) -> list[np.ndarray]:
    """Hours from onset to alarm of 2000 paths at each bound, alarms before the onset left out; at least 1."""
    random = np.random.default_rng([seed, rows, round(size * 100), 1])
    answer, variance = response(base, rows)
    before, later = 120, 240
    moved = np.sqrt(variance) * random.standard_normal((2000, before + later))
    moved[:, before:] += size * answer[:later]
    found = statistics(moved, size, answer, variance)
    return [_delays(found >= one, before) for one in bounds]


def _delays(over: np.ndarray, before: int) -> np.ndarray:
    clean = ~over[:, before - APART : before].any(axis=1)
    after = over[clean, before:]
    return np.where(after.any(axis=1), after.argmax(axis=1) + 1, np.inf)
