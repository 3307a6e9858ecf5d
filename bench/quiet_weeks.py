"""What quiet weeks of the log are worth to a reference of four weeks, for windows of 7 d.

    python -m bench.quiet_weeks [--seeds 5]

Columns of one share each (0.3, up and down by 0.1 every day), 200 rows an hour: a reference of four weeks, so many
quiet weeks, then four weeks of windows of 7 d, a day apart, at the usual tolerance of 0.02 and a level of 1 in 2,000.
The share wanders by 0.03 besides: not at all, from hour to hour (AR(1), 0.98), from day to day (0.9), or one week in
eight by so much up or down. In each cell of the table: what part of the windows is told where nothing drifted, and
where the last four weeks are 0.035 and 0.06 higher. Without quiet weeks the reference is short: tolerance 0.05.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from detectors.rise import SHORT_TOLERANCE
from detectors.shares.calibrate import calibrated
from detectors.shares.cells import Cells
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.horizons import answer
from detectors.shares.quiet import fit_with, taught
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]

COLUMNS, WEEK, DAY, ROWS, SIZE = 100, 168, 24, 200, 0.03
REFERENCE, LIVE = 4, 4  # weeks
TOLERANCE, LEVEL = 0.02, 1 / 2000
WEEKS, DRIFTS = (0, 4, 8, 12), (0.0, 0.035, 0.06)
EACH = np.arange(COLUMNS)
CELLS = Cells(EACH, EACH + 1, EACH, EACH, EACH + 1)


def wander(random: np.random.Generator, steps: int, memory: float, repeat: int = 1) -> Array:
    """First-order autoregression, each value of it so many hours long, [steps * repeat, COLUMNS]."""
    found = random.standard_normal((steps, COLUMNS)) * SIZE
    for step in range(1, steps):
        found[step] = memory * found[step - 1] + np.sqrt(1 - memory**2) * found[step]
    return np.repeat(found, repeat, axis=0)


def odd(random: np.random.Generator, weeks: int) -> Array:
    """One week in eight, up or down."""
    return np.repeat(
        SIZE * random.choice([-1.0, 1.0], (weeks, COLUMNS)) * (random.random((weeks, COLUMNS)) < 1 / 8), WEEK, axis=0
    )


KINDS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "not at all": lambda random, weeks: np.zeros((weeks * WEEK, COLUMNS)),
    "by the hour": lambda random, weeks: wander(random, weeks * WEEK, 0.98),
    "by the day": lambda random, weeks: wander(random, weeks * 7, 0.9, DAY),
    "one week in eight": odd,
}


def told(kind: str, quiet: int, seed: int) -> Array:
    """What part of the windows is told, by drift."""
    random = np.random.default_rng([seed, quiet, list(KINDS).index(kind)])
    weeks, first = REFERENCE + quiet + LIVE, (REFERENCE + quiet) * WEEK
    daily = 0.3 + 0.1 * np.sin(2 * np.pi * np.arange(weeks * WEEK) / DAY)
    shares, found = daily[:, None] + KINDS[kind](random, weeks), []
    for drift in DRIFTS:
        shares[first:] += drift
        inside = random.binomial(ROWS, np.clip(shares, 0, 1)).astype(np.float64)
        hours = Hours(0, inside, np.full(inside.shape, float(ROWS)))
        shares[first:] -= drift
        reference = hours.part(0, REFERENCE * WEEK)
        alone = fit_reference(CELLS, reference)
        known = calibrated(alone, horizon(alone, WEEK), np.full(COLUMNS, SHORT_TOLERANCE), LEVEL)
        if quiet:
            longer = fit_with(CELLS, reference, hours.part(REFERENCE * WEEK, first))
            known = taught(CELLS, longer, known, TOLERANCE, LEVEL)
        allowed = np.where(known.learned, TOLERANCE, SHORT_TOLERANCE)
        ends = np.arange(first + WEEK, len(hours.rows) + 1, DAY)
        found.append((answer(CELLS, known, hours, ends, allowed, LEVEL).lower > allowed).mean())
    return np.array(found)


def table(seeds: int, weeks: Sequence[int] = WEEKS, kinds: Sequence[str] = tuple(KINDS)) -> Iterator[str]:
    """Lines of a table."""
    yield f"| it wanders | {' | '.join(f'{one} quiet weeks' if one else 'short' for one in weeks)} |"
    yield "|---|" + "---|" * len(weeks)
    for kind in kinds:
        rates = [np.mean([told(kind, one, seed) for seed in range(seeds)], axis=0) for one in weeks]
        yield f"| {kind} | {' | '.join(' / '.join(f'{rate:.4f}' for rate in one) for one in rates)} |"


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=5)
    given = arguments.parse_args()
    print(*track(table(given.seeds), "Kinds", total=2 + len(KINDS)), sep="\n")


if __name__ == "__main__":
    main()
