"""How often the intervals of the parts of a risen loss hold, and how often a slice is listed that is not worse.

    python -m bench.causes [--cases 100] [--incidents 60]

The made-up classifier of the tests (``tests/detectors/explain/made.py``): 5,000 labelled rows of ten days on each side.
What the parts are in truth is known from 2,000,000 rows, by the densities that the rows were drawn from. Incidents
without a worse slice: nothing happens, every row is more often wrong, or the error of every day differs by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from rich.progress import track

from detectors.density_ratio import density_ratio
from detectors.explain.decomposition import decompose
from detectors.explain.labelled import Labelled
from detectors.explain.slices import slices_that_got_worse
from tests.detectors.explain.made import FEATURES, labelled

ROWS, MANY = 5000, 2_000_000
CHANGES = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.1), (0.5, 0.1), (1.0, 0.1))  # x moves by, of all rows turned
DAYS = (7, 21)
UNREST = 0.05  # standard deviation of the share of a day's rows that turn out otherwise


def parts(shift: float, everywhere: float, rows: int = MANY) -> tuple[float, float]:
    """Covariate and concept part of the rise as they are."""
    before, after = labelled(1, rows), labelled(2, rows, shift=shift, everywhere=everywhere)
    x = before.rows.columns["x"].to_numpy()
    ratio = np.exp(shift * x - shift**2 / 2)  # of normal densities
    like_now = float((ratio @ before.loss) / ratio.sum())
    return like_now - float(before.loss.mean()), float(after.loss.mean()) - like_now


def held(cases: int, changes: Sequence[tuple[float, float]] = CHANGES, rows: int = MANY) -> Iterator[str]:
    """Lines of a table."""
    yield f"| x moves by | rows turned | covariate part | told, of {cases} | held | concept part | told | held |"
    yield "|---|---|---|---|---|---|---|---|"
    for change in changes:
        truth = parts(*change, rows)
        each = []
        for case in track(range(cases), f"{change[0]} sd, {change[1]:.0%}"):
            reference = labelled(10_000 + 2 * case, ROWS)
            current = labelled(10_001 + 2 * case, ROWS, shift=change[0], everywhere=change[1])
            ratio = density_ratio(FEATURES, reference.rows, current.rows)
            if ratio is None:
                raise ValueError("too few rows to tell two sides apart")
            found = decompose(FEATURES, reference, current, ratio)
            each.append(
                [
                    [part.value, part.lower <= exact <= part.upper]
                    for part, exact in zip((found.covariate, found.concept), truth, strict=True)
                ]
            )
        told = np.mean(np.array(each, np.float64), axis=0)
        numbers = " | ".join(f"{truth[i]:.3f} | {told[i][0]:.3f} | {told[i][1]:.3f}" for i in range(2))
        yield f"| {change[0]:g} | {change[1]:g} | {numbers} |"


def unrest(side: Labelled, seed: int) -> Labelled:
    """Some rows of each day are right instead of wrong or the other way round, more of them on some days."""
    random = np.random.default_rng(seed)
    share = np.abs(random.normal(0, UNREST, side.blocks))[side.place]
    return replace(side, loss=np.where(random.random(len(side)) < share, 1 - side.loss, side.loss))


def alike(kind: str, days: int, seed: int) -> tuple[Labelled, Labelled]:
    """A reference and an incident of so many days each, in which no slice is worse than the others."""
    everywhere = 0.05 if kind == "all rows worse" else 0.0
    sides = labelled(seed, ROWS, days), labelled(seed + 1, ROWS, days, everywhere=everywhere)
    return (unrest(sides[0], seed), unrest(sides[1], seed + 1)) if kind == "days that differ" else sides


def listed(incidents: int) -> Iterator[str]:
    """Lines of a table."""
    yield f"| what happened | days | listed something, of {incidents} |"
    yield "|---|---|---|"
    for kind in ("nothing", "all rows worse", "days that differ"):
        for days in DAYS:
            told = [
                bool(
                    slices_that_got_worse(FEATURES, *alike(kind, days, 20_000 + 2 * seed), [1.0] * len(FEATURES)).found
                )
                for seed in track(range(incidents), f"{kind}, {days} days")
            ]
            yield f"| {kind} | {days} | {sum(told)} ({np.mean(told):.3f}) |"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cases", type=int, default=100)
    arguments.add_argument("--incidents", type=int, default=60)
    given = arguments.parse_args()
    for line in [*held(given.cases), *listed(given.incidents)]:
        print(line, flush=True)
