"""How often correlations and vectors alone are told in months without drift, and how soon where they change.

    python -m bench.joint [--seeds 20] [--rows 100,500] [--data FOLDER]

Made-up months (``bench.detection.streams``) of 45 numbers, or of vectors of 32, after a reference of four weeks; of
correlations with ``--data`` (the folder of ``bench.detection``) also weeks of real data in random order. Windows of
1 h and 6 h every hour, 24 h every 4 hours and 7 d every day, all of a budget of one false alarm a month spent on this
one reading. Without drift: windows a month that are certain, at tolerance 0 and at the usual one. With drift: hours
from its onset, in the middle of the second week, to the first window that is certain, at the usual tolerance, "-" where
none is in ten days; windows that hold rows from before the month are not asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.progress import track

from bench.detection import real, streams
from bench.detection.promise import EVERY
from bench.weeks import KINDS, MEASURES, START, World, counted
from detectors.multiplicity import ledger_alpha
from detectors.summary import window

BASES = ("iid", "seas", "ar")
MONTH, ONSET, SEARCH = 720, 240, 240  # hours
NUMBERS, DIMENSION = 45, 32
USUAL = {"correlations": 0.10, "vectors": 0.02}
CHANGES = {"correlations": ("a correlation of 0.8 to 0.5",), "vectors": ("0.5 sd in one dimension", "a cluster of 5 %")}
REAL, FOUND = 3, 3  # seeds, at most
NO_CHANGE = "nothing"


@dataclass(frozen=True)
class Month:
    """A world of a ``kind`` with so many ``hours`` after the reference."""

    kind: str
    world: World
    hours: int

    @property
    def first(self) -> int:
        """The first hour after the reference."""
        return self.world.first

    def certain(self, length: int, end: int, tolerance: float) -> bool:
        """Whether the window of ``length`` hours that ends there is told."""
        alpha = ledger_alpha(1.0, 1.0, 1.0, 1, len(EVERY), MONTH / EVERY[length])
        made, counts = self.world, window(self.world.live, end - length, end)
        found = MEASURES[self.kind](made.binning, counts, made.reference, length, tolerance, alpha)
        return found.p_value is not None and found.p_value <= alpha

    def ends(self, length: int, until: int) -> np.ndarray:
        """Of the windows of that length, whole ones only."""
        every = EVERY[length]
        first = -(-length // every) * every
        return self.first + np.arange(first, until + 1, every)

    def told(self, tolerance: float) -> float:
        """Windows a month that are certain."""
        count = sum(self.certain(length, end, tolerance) for length in EVERY for end in self.ends(length, self.hours))
        return count * MONTH / self.hours

    def delay(self, tolerance: float) -> int | None:
        """Hours from the onset to the first certain window that holds it."""
        within = [(end, length) for length in EVERY for end in self.ends(length, ONSET + SEARCH) if self._after(end)]
        hits = (end - self.first - ONSET for end, length in sorted(within) if self.certain(length, end, tolerance))
        return next(hits, None)

    def _after(self, end: int) -> bool:
        return bool(end > self.first + ONSET)


def made(kind: str, base: str, rows: int, seed: int, change: str = NO_CHANGE) -> Month:
    """A month of ``rows`` an hour; the change begins ``ONSET`` hours after the reference."""
    random = np.random.default_rng((seed, rows, BASES.index(base), len(kind)))
    split, live = streams.REFERENCE_HOURS, MONTH if change == NO_CHANGE else ONSET + SEARCH
    hours = np.repeat(np.arange(split + live), rows)
    width = DIMENSION if kind == "vectors" else NUMBERS
    values = random.standard_normal((len(hours), width))
    after = hours >= split + ONSET
    if kind == "correlations":
        rho = np.where(after & (change != NO_CHANGE), 0.5, 0.8)
        values[:, 1] = rho * values[:, 0] + np.sqrt(1 - rho**2) * values[:, 1]
    elif change == CHANGES["vectors"][0]:
        values[after, 0] += 0.5
    elif change == CHANGES["vectors"][1]:
        values[after & (random.random(len(hours)) < 0.05)] += np.sqrt(2.0)  # in every one: rows are sqrt(2 d) apart
    values += streams.levels(random, base, width, split + live)[hours]
    if kind == "vectors":
        columns = {"feature.e": pa.array([row.tobytes() for row in values.astype("<f4")], pa.binary())}
    else:
        columns = {f"feature.f{place}": pa.array(values[:, place]) for place in range(width)}
    return Month(kind, counted(KINDS[kind][1], START + hours, columns, START + split), live)


def shuffled(name: str, seed: int, data: Path) -> Month:
    """Weeks of real data in random order."""
    stream = real.make(name, seed, data)
    names = [one for one in stream.columns if stream.reference[one].dtype.kind == "f"]
    sides = [stream.reference, stream.monitored]
    since = [(side["timestamp"] - streams.START).to_numpy().astype("timedelta64[h]").astype(int) for side in sides]
    split = real.REFERENCE_WEEKS * 168
    columns = {
        f"feature.{one}": pa.array(np.concatenate([side[one].to_numpy(np.float64) for side in sides])) for one in names
    }
    hours = START + split + np.concatenate(since)
    return Month("correlations", counted("numeric", hours, columns, START + split), real.WEEKS * 168)


def quiet(seeds: int, kinds: Sequence[str], rows: int, data: Path | None) -> Iterator[str]:
    """Months in which nothing happens."""
    yield "| reading | months | how many | windows a month, tolerance 0 | at the usual tolerance |"
    yield "|---|---|---|---|---|"
    for kind in kinds:
        for base in BASES:
            each = [_both(made(kind, base, rows, seed)) for seed in track(range(seeds), f"{kind}, {base}")]
            yield _line(kind, base, seeds, each)
    if data is not None:
        for name in real.SCENARIOS:
            each = [_both(shuffled(name, seed, data)) for seed in track(range(REAL), name)]
            yield _line("correlations", name.removeprefix("N4-"), REAL * real.WEEKS * 168 / MONTH, each)


def _both(month: Month) -> tuple[float, float]:
    return month.told(0.0), month.told(USUAL[month.kind])


def _line(kind: str, base: str, months: float, each: Sequence[tuple[float, float]]) -> str:
    strict, usual = np.mean(each, axis=0)
    return f"| {kind} | {base} | {months:g} | {strict:.2f} | {usual:.2f} |"


def found(seeds: int, kinds: Sequence[str], sizes: Sequence[int], bases: Sequence[str] = BASES) -> Iterator[str]:
    """Months in which something happens."""
    yield f"| reading | tolerance | what changes | months | rows an hour | hours until told, {seeds} streams |"
    yield "|---|---|---|---|---|---|"
    for kind in kinds:
        for change in CHANGES[kind]:
            for rows in sizes:
                for base in bases:
                    each = [made(kind, base, rows, seed, change).delay(USUAL[kind]) for seed in range(seeds)]
                    hours = ", ".join("-" if one is None else f"{one}" for one in each)
                    yield f"| {kind} | {USUAL[kind]} | {change} | {base} | {rows} | {hours} |"


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("--seeds", type=int, default=20)
    found.add_argument("--rows", default="100,500", help="an hour; months without drift have the first")
    found.add_argument("--kinds", default="correlations,vectors")
    found.add_argument("--data", type=Path, help="folder of the real data")
    return found


if __name__ == "__main__":
    given = parser().parse_args()
    sizes, kinds = [int(one) for one in given.rows.split(",")], given.kinds.split(",")
    for line in quiet(given.seeds, kinds, sizes[0], given.data):
        print(line, flush=True)
    for line in found(min(given.seeds, FOUND), kinds, sizes):
        print(line, flush=True)
