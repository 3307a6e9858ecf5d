"""How often the domain classifier tells a window whose days only wander, and one that changed.

    python -m bench.wandering_days [--runs 30] [--phi 0,0.6,0.9] [--reference 28] [--gap 30]

Five normal features whose daily means are an AR(1) with a standard deviation of 0.3; a window of 7 days some days after
the reference, 100 rows a day. "Told" is a value above 0.55 with a lower limit above 0.5; beside it the area alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from detectors.domain.replay import replay
from detectors.multivariate.domain_classifier import Rows, measure_domain, time_blocks

NAMES = ("a", "b", "c", "d", "e")
WINDOW, ROWS, WANDER, BOUND, SEED = 7, 100, 0.3, 0.55, 8_000_000


def drawn(random: np.random.Generator, phi: float, days: int) -> np.ndarray:
    """Rows [days, 100, 5]."""
    step = random.normal(size=(days, len(NAMES))) * WANDER * np.sqrt(1 - phi**2)
    level = np.empty_like(step)
    level[0] = random.normal(0, WANDER, len(NAMES))
    for day in range(1, days):
        level[day] = phi * level[day - 1] + step[day]
    return random.normal(size=(days, ROWS, len(NAMES))) + level[:, None]


def side(rows: np.ndarray, first: int) -> Rows:
    """As the classifier takes them; ``first`` day."""
    hours = np.repeat(np.arange(first, first + len(rows)) * 24, ROWS) + np.tile(np.arange(ROWS) * 24 // ROWS, len(rows))
    flat = rows.reshape(-1, len(NAMES))
    return Rows({name: pa.array(flat[:, at]) for at, name in enumerate(NAMES)}, time_blocks(hours), hours)


def changed(rows: np.ndarray) -> dict[str, np.ndarray]:
    """The window, and what may have happened to it."""
    moved, together = rows.copy(), rows.copy()
    moved[..., :3] += 0.5
    together[..., 1] = 0.8 * rows[..., 0] + 0.6 * rows[..., 1]
    return {"nothing": rows, "3 of 5 by 0.5 sd": moved, "a correlation of 0.8": together}


def rates(runs: int, phi: float, reference: int, gap: int) -> dict[str, tuple[float, float]]:
    """By what happened: shares of windows told, and of those whose area alone is above the bound."""
    found: dict[str, list[tuple[bool, bool]]] = {}
    for run in range(runs):
        random = np.random.default_rng((SEED, run, round(100 * phi), reference, gap))
        rows, start = drawn(random, phi, reference + gap + WINDOW), reference + gap
        before = side(rows[:reference], 0)
        null = replay(NAMES, before, 24 * WINDOW, 24 * start, None)
        for name, window in changed(rows[start:]).items():
            one = measure_domain(NAMES, before, side(window, start), null)
            told = one.value is not None and one.lower is not None and one.value > BOUND and one.lower > 0.5
            found.setdefault(name, []).append((told, one.details["auc"] > BOUND))
    return {name: tuple(np.mean(some, axis=0)) for name, some in found.items()}  # type: ignore[misc]


def table(runs: int, phis: Sequence[float], reference: int, gap: int) -> Iterator[str]:
    """Lines of a table."""
    yield f"| correlation of days | what happened | told, of {runs} | area alone above {BOUND} |"
    yield "|---|---|---|---|"
    for phi in phis:
        for name, (told, area) in rates(runs, phi, reference, gap).items():
            yield f"| {phi} | {name} | {told:.3f} | {area:.3f} |"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--runs", type=int, default=30)
    arguments.add_argument("--phi", default="0,0.6,0.9")
    arguments.add_argument("--reference", type=int, default=28, help="days")
    arguments.add_argument("--gap", type=int, default=30, help="days")
    given = arguments.parse_args()
    for line in table(given.runs, [float(one) for one in given.phi.split(",")], given.reference, given.gap):
        print(line, flush=True)
