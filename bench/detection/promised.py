"""The tables and the picture of ``bench.detection.promise``."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection import oracle, promise
from bench.detection.metrics import poisson_interval
from bench.detection.picture import Bar

CASE = ("hours", "features", "rows/h", "tolerance", "k", "model-months")
FALSE = (*CASE, "rejections a month", "95 %", "incidents a month", "95 %")
DELAY = ("hours", "shift", "delays", "tolerance", "median h", "90 % h", "oracle's", "ratio", "as quiet", "its", "ratio")


def _quiet(folder: Path) -> dict[tuple[str, int, int, float, float], list[dict[str, Any]]]:
    found: dict[tuple[str, int, int, float, float], list[dict[str, Any]]] = defaultdict(list)
    for month in promise.results(folder).values():
        for case in month["found"] if not month["size"] else ():
            key = (month["features"], month["rows"], case["tolerance"], case["k"])
            found[(month["base"], *key)].append(case)
            found[("all", *key)].append(case)
    return found


def false_alarms(folder: Path) -> list[tuple[str, ...]]:
    """Rejections and incidents per model-month by case, each with an exact interval; rejections of windows that overlap
    come together, so that theirs is somewhat too narrow."""
    lines = []
    order = {base: place for place, base in enumerate((*promise.BASES, "all"))}
    found = _quiet(folder)
    for key in sorted(found, key=lambda one: (one[1], one[2], one[3], one[4], order[one[0]])):
        base, features, rows, tolerance, k = key
        months, told = len(found[key]), list[str]()
        for what in ("raw", "incidents"):
            count = sum(case[what] for case in found[key])
            low, high = poisson_interval(count, months)
            told += [f"{count / months:.2g}", f"{low:.2g} – {high:.2g}"]
        lines.append((base, str(features), str(rows), f"{tolerance:g}", f"{k:g}", str(months), *told))
    return lines


def bars(folder: Path) -> list[Bar]:
    """Rejections per model-month at tolerance 0, the hardest null, of models with 50 features and 500 rows an hour."""
    found, drawn = _quiet(folder), []
    for k in (0.1, 1.0, 10.0):
        for base in promise.BASES:
            cases = found.get((base, 50, 500, 0.0, k))
            if cases:
                raw = sum(case["raw"] for case in cases)
                low, high = poisson_interval(raw, len(cases))
                rate = raw / len(cases)
                text = f"{rate:.2g} of {k:g}"
                drawn.append(Bar(f"k = {k:g}, {base}", rate, text, ours=True, low=max(low, 1e-9), high=high))
    return drawn


@functools.cache
def delays(folder: Path) -> tuple[tuple[str, ...], ...]:
    """Median and 90 % delay of single features beside the oracle's medians: at the budget, and at as few false alarms
    as were had."""
    found: dict[tuple[str, float, float], list[float]] = defaultdict(list)
    for month in promise.results(folder).values():
        for case in month["found"] if month["size"] else ():
            hours = [np.inf if one is None else float(one) for one in case["delays"]]
            found[month["base"], month["size"], case["tolerance"]] += hours
    return tuple(_delay_lines(found, promise.oracle_bounds(folder), promise.rates(folder)))


def _delay_lines(
    found: dict[tuple[str, float, float], list[float]], bounds: dict[str, float], rates: dict[tuple[str, float], float]
) -> Iterator[tuple[str, ...]]:
    tolerances = sorted({tolerance for *_, tolerance in found})
    for base, size in sorted({key[:2] for key in found}, key=lambda one: (one[0] == "ar", one[1])):
        at_budget = bounds[f"{base}-{size:g}"]
        as_quiet = [at_budget - np.log(rates[base, tolerance]) for tolerance in tolerances]
        budgets, *others = oracle.delays(base, size, 500, [at_budget, *as_quiet], seed=promise.ORACLE)
        for tolerance, quiet in zip(tolerances, others, strict=True):
            hours = found[base, size, tolerance]
            middle, most = np.quantile(hours, [0.5, 0.9], method="higher")
            plain = (base, f"{size:g} sd", str(len(hours)), f"{tolerance:g}", _hours(middle), _hours(most))
            oracles = [float(np.quantile(one, 0.5, method="higher")) for one in (budgets, quiet)]
            ratios = [f"{middle / one:.2g}" if np.isfinite(middle) else "–" for one in oracles]
            rate = f"{rates[base, tolerance]:.2g}"
            yield (*plain, _hours(oracles[0]), ratios[0], rate, _hours(oracles[1]), ratios[1])


def _hours(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else f"over {promise.SEARCH}"
