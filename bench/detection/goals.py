"""What we set out to reach, beside what was measured: a line for each goal, of what is kept."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from bench.detection import promise, promised, published, speed
from bench.detection.metrics import Score, Summary, poisson_interval
from bench.detection.tools import TOOLS

HEADINGS = ("goal", "measured", "reached")
Line = tuple[str, str, str]
Scores = Mapping[tuple[str, str], list[Score]]  # by scenario and tool

OURS = TOOLS[0].name
SLACK = 1.3  # of k, for the upper end of an interval
WANDERING, TWELVE_PERCENT = "N3", "D1-0.3-ar"  # a shift of .3 sd moves 12 % of the rows
LARGE = 1_000_000


def lines(folder: Path, scores: Scores) -> list[Line]:
    """Goal, what was measured, and whether it is reached; none of what nothing is kept of."""
    names = {name for name, tool in scores if tool == OURS}
    return [
        *end_to_end(scores, sorted(name for name in names if name.startswith("N") and name != "N5")),
        *(engine(folder) if promise.results(folder) else ()),
        *fewer(scores),
        *(delays(folder) if promise.results(folder) else ()),
        *errors(folder / "errors.json"),
        *merit(scores),
        *comparison(speed.least(speed.results(folder))),
        *estimates(folder),
    ]


def _yes(reached: bool) -> str:
    return "yes" if reached else "**no**"


def end_to_end(scores: Scores, names: Iterable[str]) -> Iterator[Line]:
    """False incidents of the whole program at k = 1."""
    told, upper = [], []
    for name in names:
        summary = Summary(scores[name, OURS])
        rate, _, high = summary.incidents_a_month
        told.append(f"{name} {rate:.2g} (to {high:.2g})")
        upper.append(high)
    if told:
        yield (
            "false incidents a model-month, end to end, k = 1: upper end ≤ 1.3",
            "; ".join(told),
            _yes(max(upper) <= SLACK),
        )


def engine(folder: Path) -> Iterator[Line]:
    """The same of the engine alone, by budget and number of features, at the default tolerance and at none; the worst
    of the three kinds of hours."""
    months: dict[tuple[int, float, float, str], list[int]] = defaultdict(list)
    for month in promise.results(folder).values():
        if not month["size"] and month["rows"] == 500:
            for case in month["found"]:
                months[month["features"], case["k"], case["tolerance"], month["base"]].append(case["incidents"])
    for features, k in sorted({key[:2] for key in months}):
        if k > 1:
            continue
        told, upper = [], []
        for tolerance in (0.02, 0.0):
            found = {base: months[features, k, tolerance, base] for base in promise.BASES}
            worst = max(found, key=lambda base: sum(found[base]) / max(len(found[base]), 1))
            high = max(poisson_interval(sum(one), len(one))[1] for one in found.values() if one)
            most = f"{sum(found[worst])} in {len(found[worst])} months of {worst}"
            told.append(f"{most}, upper ends ≤ {high:.2g} at {tolerance:g}")
            upper.append(high)
        model = f"the same, the engine alone, {features} features, k = {k:g}"
        goal = f"{model}: upper end ≤ {SLACK * k:.2g}, at tolerances .02 and 0"
        yield goal, "; ".join(told), " and ".join(_yes(high <= SLACK * k) for high in upper)


def fewer(scores: Scores) -> Iterator[Line]:
    """Times fewer false incidents than the best other tool that finds a shift of 12 % within a week."""
    rivals = {}
    for tool in TOOLS[1:]:
        quiet, shifted = (scores.get((name, tool.name)) for name in (WANDERING, TWELVE_PERCENT))
        if quiet and shifted and Summary(shifted).found_soon > 0:
            rivals[tool.name] = Summary(quiet)
    ours = scores.get((WANDERING, OURS))
    if not rivals or not ours:
        return
    best = min(rivals, key=lambda name: rivals[name].incidents_a_month[0])
    one, other = Summary(ours), rivals[best]
    mine, theirs = (round(each.incidents_a_month[0] * each.months) for each in (one, other))
    low = _ratio_at_least(theirs, mine, other.months / one.months)
    words = (
        f"{theirs / other.months / (max(mine, 1) / one.months):.0f} times fewer than {best}, 95 %: at least {low:.0f}"
    )
    beside = f" ({len(rivals)} tools were run on both streams)"
    yield (
        "false incidents where hours wander: ≥ 100 times fewer than the best other that finds 12 %",
        words + beside,
        _yes(low >= 100),
    )


def _ratio_at_least(theirs: int, ours: int, exposure: float) -> float:
    """The lower end of the 95 % interval of a ratio of two Poisson rates, given their sum (Przyborowski and Wilenski
    1940)."""
    share = stats.beta.ppf(0.025, theirs, ours + 1)
    return float(share / (1 - share) / exposure)


def delays(folder: Path) -> Iterator[Line]:
    """Median delays beside the oracle's that has as few false alarms, at tolerance 0."""
    told, ratios = [], []
    for hours, shift, _, tolerance, median, *_, its, ratio in promised.delays(folder):
        if tolerance == "0":
            told.append(f"{hours} {shift}: {median} h beside {its}")
            ratios.append(float(ratio) if ratio != "–" else np.inf)
    yield "delay of an abrupt shift: ≤ 2 times the oracle's (tolerance 0)", "; ".join(told), _yes(max(ratios) <= 2)


def errors(file: Path) -> Iterator[Line]:
    """The stream of errors beside its oracle."""
    if file.exists():
        rises = json.loads(file.read_text("utf-8"))["rises"]
        told = [f"10 % → {after:.0%}: {ratio:.3f} ± {error:.3f}" for after, _, _, ratio, error in rises]
        reached = _yes(max(ratio for *_, ratio, _ in rises) <= 1.05)
        yield "errors in their order: delay within 5 % of the oracle's", "; ".join(told), reached


def merit(scores: Scores) -> Iterator[Line]:
    """F of each tool over the scenarios that it was run on and in which there is something to find."""
    found = {}
    for tool in TOOLS:
        means = [
            Summary(one).mean("merit")
            for (name, whose), one in scores.items()
            if whose == tool.name and not name.startswith(("N1", "N2", "N3", "N4", "C3")) and " at " not in name
        ]
        known = [mean for mean in means if mean is not None]
        if known:
            found[tool.name] = (sum(known) / len(known), len(known))
    if OURS in found:
        told = "; ".join(f"{name} {value:.2f} (of {count})" for name, (value, count) in found.items())
        others = [value for name, (value, _) in found.items() if name != OURS]
        ours = _yes(found[OURS][0] >= 0.9)
        yield "F ≥ .9, every other ≤ .3", told, f"{ours} and {_yes(max(others, default=0.0) <= 0.3)}"


def comparison(best: Mapping[tuple[int, str], Mapping[str, float]]) -> Iterator[Line]:
    """One comparison of two large tables."""
    names = [name for size, name in best if size == LARGE]
    if not {"Plimsoll, exact", "Plimsoll, prepared", "floor: numpy", "Evidently", "NannyML"} <= set(names):
        return
    cpu, added = ({name: best[LARGE, name][what] for name in names} for what in ("cpu", "added_mb"))
    exact, prepared = "Plimsoll, exact", "Plimsoll, prepared"
    floor, evidently, nannyml = (cpu[name] / cpu[exact] for name in ("floor: numpy", "Evidently", "NannyML"))
    memory = min(added[name] for name in ("Evidently", "NannyML")) / added[exact]
    yield (
        "1M + 1M rows, exact: ≤ the numpy floor, ≥ 60 times Evidently, ≥ 4 times NannyML, ≤ 1/5 of their memory",
        f"{1 / floor:.2f} of the floor, {evidently:.0f} and {nannyml:.0f} times, 1/{memory:.0f}",
        _yes(floor >= 1 and evidently >= 60 and nannyml >= 4 and memory >= 5),
    )
    over = cpu[prepared] / cpu["floor: C, prepared"]
    evidently, nannyml = (cpu[name] / cpu[prepared] for name in ("Evidently", "NannyML"))
    yield (
        "the same against a prepared reference: ≤ 5 times the floor in C, ≥ 400 times Evidently, ≥ 25 times NannyML",
        f"{over:.1f} times the floor, {evidently:.0f} and {nannyml:.0f} times",
        _yes(over <= 5 and evidently >= 400 and nannyml >= 25),
    )


def estimates(folder: Path) -> Iterator[Line]:
    """CBPE and DLE beside NannyML's."""
    told, far = [], []
    for name in published.SETS:
        file = folder / f"published-{name}.json"
        if file.exists():
            found = published.summary(pd.read_json(file))
            told += [f"{name} {metric} {value:.2f}" for metric, value in found["in_errors"].items()]
            far += found["in_errors"].tolist()
    if told:
        yield "estimates equal NannyML's within its sampling error", "; ".join(told), _yes(max(far) <= 1)
