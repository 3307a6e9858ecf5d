"""Does the engine keep its promise, at most k false alarms a month, and how long does it need beside an oracle?

    python -m bench.detection promise [--seeds 0-199] [--bases iid,seas,ar] [--minutes 50]

Hourly counts (``hourly``) go through the functions of the service (``answer_together`` and what it asks for) at the
levels of the ledger, with nothing else to spend the budget on, in windows of 1 h and 6 h every hour, 24 h every 4 hours
and 7 d every day. Each month is kept when it is done. ``oracle`` says what could be had at best.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.detection import oracle
from bench.detection.hourly import FEATURES, REFERENCE, Months
from bench.detection.metrics import JOIN_HOURS, MONTH_HOURS
from detectors.multiplicity import ledger_alpha
from detectors.rise import SHORT_TOLERANCE
from detectors.shares.bounds import rows_below_cuts
from detectors.shares.calibrate import calibrated, weeks_of
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.horizons import Horizon
from detectors.shares.stretches import answer_together, levels
from detectors.shares.unrest import ENOUGH, Hours

VERSION = 1  # raise it with any change of what is drawn or asked
ORACLE = 2  # likewise
EVERY = {1: 1, 6: 1, 24: 4, 168: 24}  # windows of so many hours end every so many
WARM_UP = 168  # hours, before the first window of 7 d is whole
TOLERANCES = (0.0, 0.02)
RARER = ((0.1, 2), (10.0, 8))  # k, and for every how many seeds
BASES = ("iid", "seas", "ar")
SIZES = (0.15, 0.3, 0.5)  # sd
BROAD = (1.0, 0.1)  # k, of models with 1000 features
BROAD_MONTHS = 30  # of these: without an alarm, what bounds a rate by 0.13 a month
SEARCH = 14 * 24  # hours after its onset in which a shift is looked for


@dataclass(frozen=True)
class Month:
    """One unit of work. ``features`` of the model; ``size`` of a shift in all of them, 0: none."""

    base: str
    features: int
    rows: int
    seed: int
    size: float = 0.0

    @property
    def key(self) -> str:
        """Its name in the file of results."""
        return f"v{VERSION}-{self.base}-{self.features}-{self.rows}-{self.size:g}-{self.seed}"

    @property
    def cases(self) -> list[tuple[float, float]]:
        """Tolerances and k: k = 1 always, 0.1 for every second and 10 for every eighth seed; of 1000 features 1 and
        0.1."""
        rarer = [k for k, every in RARER if self.seed % every == 0]
        return list(product(TOLERANCES, BROAD if self.features > FEATURES else [1.0, *rarer]))


@functools.cache
def engine() -> str:
    """What the engine says of a small month of each kind, as a mark: months of an engine that says otherwise are kept,
    but are not this one's."""
    said = []
    for place, base in enumerate(BASES):
        drawn = Months(np.random.default_rng([VERSION, place]), base, 200, np.linspace(0, 0.5, 24))
        for length in (6, 24):
            known = Fitted(drawn).horizons(length, 0.02, 1e-4)
            ends, tolerance = np.arange(length, 25), np.full(FEATURES, 0.02)
            told = answer_together(drawn.cells, known, drawn.after, ends, tolerance, 1e-4)
            said += [f"{one:.4g}" for one in told.lower.ravel()]
    return hashlib.sha256(" ".join(said).encode()).hexdigest()[:8]


class Fitted:
    """What the service would keep of a reference, ``horizons_of`` to the bit, with the costly half of it worked out
    once for all budgets and tolerances."""

    def __init__(self, drawn: Months) -> None:
        reference = drawn.reference
        assert reference.hours is not None
        grid = Hours(int(reference.hours[0]), *drawn.cells.count(reference.counts))
        self.fit = fit_reference(drawn.cells, grid)
        self.weeks = weeks_of(self.fit)
        every = {hours for length in EVERY for hours in levels(length)}
        self.known = {hours: horizon(self.fit, hours) for hours in sorted(every)}

    def allowed(self, hours: int, tolerance: float) -> np.ndarray:
        """The tolerance [F], larger where the reference has too few windows of so many hours."""
        return np.where(self.short(hours), max(SHORT_TOLERANCE, tolerance), tolerance)

    def short(self, hours: int) -> np.ndarray:
        """Where the reference has too few windows, [F]."""
        return self.known[hours].windows < ENOUGH

    def horizons(self, length: int, tolerance: float, alpha: float) -> dict[int, Horizon]:
        """Of a window and its last stretches, calibrated."""
        return {
            hours: calibrated(self.fit, self.known[hours], self.allowed(hours, tolerance), part * alpha, self.weeks)
            for hours, part in levels(length).items()
        }


def rejections(
    drawn: Months, fitted: Fitted, features: int, k: float, tolerance: float
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By length: the ends of windows (hours after the start), and which are rejected, bool [W, F]."""
    found = {}
    for length, every in EVERY.items():
        ends = np.arange(WARM_UP + every, len(drawn.after.rows) + 1, every)
        alpha = ledger_alpha(k, 1.0, 1.0, features, len(EVERY), MONTH_HOURS / every)
        known = fitted.horizons(length, tolerance, alpha)
        after = Hours(drawn.after.start, drawn.after.inside, drawn.after.rows)  # what it remembers goes with it
        allowed, short = fitted.allowed(length, tolerance), fitted.short(length)
        told = answer_together(drawn.cells, known, after, ends, allowed, alpha)
        if short.any():  # then what the rows alone say has to agree
            n, m = (float(hours * drawn.rows) for hours in (length, REFERENCE))
            size = np.full(told.change.shape, n), np.full(told.change.shape, m)
            told = told.and_also(rows_below_cuts(told.change, *size, allowed, alpha), short)
        found[length] = ends, told.p_value <= alpha
    return found


def incidents(found: dict[int, tuple[np.ndarray, np.ndarray]]) -> int:
    """Rejections of one feature at most a day apart are one."""
    total = 0
    for feature in range(FEATURES):
        at = np.unique(np.concatenate([ends[red[:, feature]] for ends, red in found.values()]))
        total += int((np.diff(at, prepend=-np.inf) > JOIN_HOURS).sum())
    return total


def quiet(month: Month) -> list[dict[str, Any]]:
    """A month without drift, under each tolerance and budget; a model of 1000 features is 20 groups of 50."""
    cases = month.cases
    counts = np.zeros((len(cases), 2 + len(EVERY)), dtype=int)
    for group in range(month.features // FEATURES):
        drawn = Months(_random(month, group), month.base, month.rows, np.zeros(WARM_UP + MONTH_HOURS))
        fitted = Fitted(drawn)
        for place, (tolerance, k) in enumerate(cases):
            found = rejections(drawn, fitted, month.features, k, tolerance)
            by_length = [int(red.sum()) for _, red in found.values()]
            counts[place] += [sum(by_length), incidents(found), *by_length]
    return [
        {"tolerance": tolerance, "k": k, "raw": row[0], "incidents": row[1], "by_length": row[2:]}
        for (tolerance, k), row in zip(cases, counts.tolist(), strict=True)
    ]


def shifted(month: Month) -> list[dict[str, Any]]:
    """The delay of each feature after an abrupt shift at some hour of the day: hours to the first window rejected,
    None where that takes more than 14 days. What was rejected before the onset is not counted."""
    random = _random(month, 0)
    onset = WARM_UP + 72 + int(random.integers(24))
    shift = np.where(np.arange(onset + SEARCH) >= onset, month.size, 0.0)
    drawn, answers = Months(random, month.base, month.rows, shift), []
    fitted = Fitted(drawn)
    for tolerance in TOLERANCES:
        found = rejections(drawn, fitted, month.features, 1.0, tolerance)
        first = np.full(FEATURES, np.inf)
        for ends, red in found.values():
            later = np.where(red & (ends > onset)[:, None], ends[:, None] - onset, np.inf)
            first = np.minimum(first, later.min(axis=0))
        delays = [int(one) if np.isfinite(one) else None for one in first]
        answers.append({"tolerance": tolerance, "delays": delays})
    return answers


def _random(month: Month, group: int) -> np.random.Generator:
    kind = [VERSION, BASES.index(month.base), month.features, month.rows, round(month.size * 100)]
    return np.random.default_rng([*kind, month.seed, group])


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Every month of this engine so far, by its key; where there is none, those of the engine measured last."""
    file = folder / "promise.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    lines = [one for one in lines if one["key"].startswith(f"v{VERSION}-")]
    alike = len({one["engine"] for one in lines}) < 2  # then there is nothing to choose, and the mark is costly
    mine = lines if alike else [one for one in lines if one["engine"] == engine()]
    return {one["key"]: one for one in mine or [one for one in lines if one["engine"] == lines[-1]["engine"]]}


def units(seeds: list[int], bases: list[str]) -> Iterator[Month]:
    """In the order of the seeds, so that all cases grow alike; shifts for every tenth; at last the many features."""
    for seed in seeds:
        for base in bases:
            yield Month(base, 50, 500, seed)
            if seed % 10 == 0:
                yield from (Month(base, 50, 500, seed, size) for size in SIZES if base != "seas")
                yield Month(base, 50, 5000, seed)
    yield from (Month(base, 1000, 500, seed) for seed in seeds if seed < BROAD_MONTHS for base in bases)


def run(folder: Path, seeds: list[int], bases: list[str], minutes: float | None) -> None:
    """Do what is not done yet, until the minutes are over."""
    wanted, began, own = list(units(seeds, bases)), time.monotonic(), engine()
    known = {key for key, one in results(folder).items() if one["engine"] == own}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress, (folder / "promise.jsonl").open("a") as log:
        bar = progress.add_task("", total=len(wanted))
        for month in wanted:
            progress.update(bar, description=month.key)
            if month.key not in known:
                if minutes is not None and time.monotonic() - began > 60 * minutes:
                    return
                used = time.process_time()
                found = shifted(month) if month.size else quiet(month)
                line = {
                    "key": month.key,
                    "engine": own,
                    **vars(month),
                    "found": found,
                    "cpu": time.process_time() - used,
                }
                log.write(json.dumps(line) + "\n")
                log.flush()
            progress.advance(bar)


def oracle_bounds(folder: Path) -> dict[str, float]:
    """Of the oracle by base-size, found once: one alarm per feature in 50 months of k = 1."""
    file = folder / f"oracle-v{ORACLE}.json"
    if not file.exists():
        pairs = product(("iid", "ar"), SIZES)
        budget = FEATURES * MONTH_HOURS
        found = {f"{base}-{size:g}": oracle.bound(base, size, 500, budget, seed=ORACLE) for base, size in pairs}
        file.write_text(json.dumps(found), "utf-8")
    kept: dict[str, float] = json.loads(file.read_text("utf-8"))
    return kept


def rates(folder: Path) -> dict[tuple[str, float], float]:
    """Incidents a month at k = 1 of models with 50 features and 500 rows an hour, by base and tolerance; where there
    were none, as if it had been one."""
    found: dict[tuple[str, float], list[int]] = {}
    for month in results(folder).values():
        if not month["size"] and (month["features"], month["rows"]) == (FEATURES, 500):
            for case in month["found"]:
                if case["k"] == 1:
                    found.setdefault((month["base"], case["tolerance"]), []).append(case["incidents"])
    return {key: max(1, sum(counts)) / len(counts) for key, counts in found.items()}


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    oracle_bounds(arguments.kept)
    run(arguments.kept, arguments.seed_list, arguments.bases.split(","), arguments.minutes)
