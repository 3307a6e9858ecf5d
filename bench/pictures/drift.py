"""Pictures of drift: what is counted, what is usual, what would be seen, and what it costs in false alarms."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from bench.pictures.chart import Chart
from bench.pictures.made import LAYOUT, reference, traffic
from detectors.binning import make_binning
from detectors.embedding.mean_embedding import measure_embeddings
from detectors.multiplicity import ledger_alpha
from detectors.pairs.correlations import measure_correlations
from detectors.performance.scored import label_size
from detectors.profile import ReferenceProfile
from detectors.shares.auto import measure_drift
from detectors.summary import ColumnValues, summarise, window

DAY, WEEK = 24, 168
Hours = NDArray[np.int64]


def rows_that_moved() -> Chart:
    """Two distributions, and the value that most rows crossed."""
    rng = np.random.default_rng(1)
    before, now = rng.normal(0, 1, 20_000), rng.normal(0.35, 1.1, 2_000)
    grid = np.linspace(-3.5, 4, 300)
    first, second = (np.searchsorted(np.sort(one), grid) / len(one) for one in (before, now))
    place = int(np.argmax(np.abs(first - second)))
    share = abs(first[place] - second[place])
    chart = Chart(
        f"{100 * share:.0f} % of rows moved: the largest gap between the shares below a value",
        (-3.5, 4),
        (0, 1),
        "value of the feature",
        "share of rows at or below",
        y_ticks=[(i / 4, f"{25 * i} %") for i in range(5)],
    )
    chart.line(grid, first, "d", "reference")
    chart.line(grid, second, "a", "window")
    chart.interval(float(grid[place]), float(second[place]), float(first[place]), "b")
    chart.say(float(grid[place]) + 0.15, float(first[place] + second[place]) / 2, f"{100 * share:.0f} %")
    return chart


def _cycle(hours: Hours) -> NDArray[np.float64]:
    return 0.45 * np.sin(2 * np.pi * hours / DAY) + 0.35 * ((hours // DAY + 3) % 7 >= 5)


def usual() -> Chart:
    """A day's rhythm is no drift; what leaves it is."""
    rng, rows, start = np.random.default_rng(3), 200, 6 * WEEK
    hours = np.repeat(np.arange(start + 6 * DAY), rows)
    values = rng.normal(size=len(hours)) + _cycle(hours) + 0.4 * (hours >= start + 3 * DAY + 12)
    early = hours < start
    binning, profile = reference(hours[early], {"x": values[early]})
    counts = traffic(binning, hours[~early], {"x": values[~early]})
    median = float(np.median(values[early]))
    every = np.arange(start, start + 6 * DAY)
    below = [np.mean(values[hours == hour] <= median) for hour in every]
    expected, red = [], []
    for end in every + 1:
        settings = {"length_hours": 1, "tolerance": 0.02, "alpha": 1e-5}
        (one,) = measure_drift(binning, ["feature.x"], window(counts, end - 1, end), profile, **settings)  # type: ignore[arg-type]
        red.append((one.p_value or 1) <= 1e-5)
    known = stats.norm.cdf(median - _cycle(every))
    expected = known.tolist()
    days = (every - start) / DAY
    chart = Chart(
        "Compared with what is usual at this hour",
        (0, 6),
        (0, 1),
        "days",
        "share of rows below the reference's median",
        y_ticks=[(i / 4, f"{25 * i} %") for i in range(5)],
    )
    chart.band(days, np.array(expected) - 0.1, np.array(expected) + 0.1, "d", "usual")
    chart.line(days, below, "a", "each hour")
    where = np.flatnonzero(red)
    chart.dots(days[where], np.array(below)[where], "b", "drift")
    chart.rule(x=3.5, text="shift of 0.4 sd")
    return chart


@cache
def _smallest(rows: int, lengths: tuple[int, ...]) -> tuple[float, ...]:
    rng = np.random.default_rng(rows)
    hours = np.repeat(np.arange(10 * WEEK), rows)
    values = rng.normal(size=len(hours))
    early = hours < 9 * WEEK
    binning, profile = reference(hours[early], {"x": values[early]})
    counts = traffic(binning, hours[~early], {"x": values[~early]})
    found = []
    for length in lengths:
        runs = {1: 720, 6: 720, 24: 180}.get(length, 30)
        alpha = ledger_alpha(1.0, 0.45, 0.9, 50, 4, runs)
        end = 9 * WEEK + length
        current = window(counts, 9 * WEEK, end)
        (one,) = measure_drift(
            binning, ["feature.x"], current, profile, length_hours=length, tolerance=0.02, alpha=alpha
        )
        found.append(float(one.mde or 1.0))
    return tuple(found)


def horizons() -> Chart:
    """The smallest drift that nine in ten windows would show."""
    lengths = (1, 6, 24, 168)
    chart = Chart(
        "Large drift shows in an hour, small drift in a week",
        (-0.2, 3.2),
        (0, 0.5),
        "window",
        "smallest drift seen, 50 features",
        x_ticks=list(enumerate(("1 h", "6 h", "24 h", "7 d"))),
        y_ticks=[(i / 10, f"{10 * i} %") for i in range(6)],
    )
    for rows, colour in ((20, "d"), (100, "b"), (500, "a"), (2000, "c")):
        seen = np.array(_smallest(rows, lengths))
        shown = np.where(seen > 0.52, np.nan, seen)
        chart.line(range(4), shown, colour, f"{rows:,} rows/h")
        chart.dots([i for i in range(4) if np.isfinite(shown[i])], shown[np.isfinite(shown)], colour)
    return chart


def budget() -> Chart:
    """A month without any drift, looked at by a p-value of 0.05 and by the ledger."""
    rng, rows, features, start = np.random.default_rng(4), 100, 10, 6 * WEEK
    hours = np.repeat(np.arange(start + 30 * DAY), rows)
    names = [f"x{i}" for i in range(features)]
    made = {
        name: rng.normal(size=len(hours)) + 0.2 * np.sin(2 * np.pi * hours / DAY + i) for i, name in enumerate(names)
    }
    early = hours < start
    binning, profile = reference(hours[early], {name: one[early] for name, one in made.items()})
    counts = traffic(binning, hours[~early], {name: one[~early] for name, one in made.items()})
    alpha = ledger_alpha(1.0, 0.45, 0.9, features, 4, 720)
    then = {name: np.sort(one[early]) for name, one in made.items()}
    ours, naive = [], []
    for end in range(start + 1, start + 30 * DAY + 1):
        current = window(counts, end - 1, end)
        found = measure_drift(
            binning, [f"feature.{n}" for n in names], current, profile, length_hours=1, tolerance=0.02, alpha=alpha
        )
        ours.append(sum((one.p_value or 1) <= alpha for one in found))
        part = slice((end - 1) * rows, end * rows)
        naive.append(sum(stats.ks_2samp(made[n][part], then[n], method="asymp").pvalue < 0.05 for n in names))
    days = np.arange(1, len(ours) + 1) / DAY
    total = max(1, int(np.sum(naive)))
    top = float(np.ceil(np.log10(total)))
    chart = Chart(
        "False alarms of a month in which nothing happens (10 features, each hour)",
        (0, 30),
        (-0.3, top),
        "days",
        "so many so far",
        y_ticks=[(float(i), f"{10**i:,}") for i in range(int(top) + 1)],
    )
    chart.line(days, np.log10(np.maximum(np.cumsum(naive), 0.5)), "b", "Kolmogorov-Smirnov, p < 0.05")
    chart.line(days, np.log10(np.maximum(np.cumsum(ours), 0.55)), "a", f"Plimsoll: {int(np.sum(ours))} in all")
    return chart


def correlations() -> Chart:
    """Two features come apart; each stays as it was."""
    rng, rows, start = np.random.default_rng(6), 100, 6 * WEEK
    hours = np.repeat(np.arange(start + 14 * DAY), rows)
    a, noise = rng.normal(size=(2, len(hours)))
    r = np.where(hours >= start + 7 * DAY, 0.5, 0.8)
    made = {"a": a, "b": r * a + np.sqrt(1 - r**2) * noise}
    early = hours < start
    binning, profile = reference(hours[early], {name: one[early] for name, one in made.items()})
    counts = traffic(binning, hours[~early], {name: one[~early] for name, one in made.items()})
    ends = np.arange(start + DAY, start + 14 * DAY + 1, 4)
    alpha = ledger_alpha(1.0, 0.45, 0.9, 3, 2, 180)
    value, red = [], []
    for end in ends:
        one = measure_correlations(
            binning, ["feature.a", "feature.b"], window(counts, end - DAY, end), profile, length_hours=DAY, alpha=alpha
        )
        value.append(one.details["pairs"][0]["current"] if one.details.get("pairs") else np.nan)
        red.append((one.p_value or 1) <= alpha)
    days = (ends - start) / DAY
    chart = Chart(
        "Two features that come apart while each stays as it was",
        (1, 14),
        (0.3, 1),
        "days",
        "rank correlation in windows of 24 h",
    )
    chart.line(days, value, "a", "correlation")
    where = np.flatnonzero(red)
    chart.dots(days[where], np.array(value)[where], "b", "drift")
    chart.rule(x=7, text="0.8 becomes 0.5")
    return chart


def segments() -> Chart:
    """What happens to one row in twenty."""
    sizes = np.linspace(0, 0.6, 61)
    moved = 2 * stats.norm.cdf(sizes * 1.25) - 1
    chart = Chart(
        "A shift in 5 % of the rows is diluted twentyfold in the whole",
        (0, 0.6),
        (0, 0.6),
        "rows of the segment that moved",
        "rows that moved",
        x_ticks=[(i / 10, f"{10 * i} %") for i in range(7)],
        y_ticks=[(i / 10, f"{10 * i} %") for i in range(7)],
    )
    chart.line(moved, moved, "a", "in the segment")
    chart.line(moved, moved / 20, "b", "in the whole")
    chart.rule(y=0.02, text="tolerance, 2 %")
    return chart


def vectors() -> Chart:
    """A new kind of vector appears among the others."""
    rng, rows, start, dimension = np.random.default_rng(8), 60, 4 * WEEK, 16
    hours = np.repeat(np.arange(start + 8 * DAY), rows)
    drawn = rng.normal(size=(len(hours), dimension)).astype("<f4")
    since = 4 * DAY
    new = (hours >= start + since) & (rng.random(len(hours)) < 0.12)
    drawn[new] = 0.5 * drawn[new] + 4 * np.eye(dimension, dtype="<f4")[3]
    nothing = np.empty(0, np.int64), np.empty(0, np.uint8)

    def column(rows_: NDArray[np.bool_]) -> dict[str, ColumnValues]:
        return {"feature.e": ColumnValues(pa.array(list(map(bytes, drawn[rows_])), pa.binary()), *nothing)}

    early = hours < start
    binning = make_binning(column(early), {"feature.e": "embedding"}, LAYOUT)
    none = np.empty(0, np.int64), np.empty((0, label_size(LAYOUT)), np.int64), np.empty((0, 6))
    profile = ReferenceProfile.of(summarise(binning, hours[early], column(early)), none, timed=True)
    counts = summarise(binning, hours[~early], column(~early))
    ends, alpha = np.arange(start + DAY, start + 8 * DAY + 1, 4), 1e-4
    found = [
        measure_embeddings(
            binning, ["feature.e"], window(counts, end - DAY, end), profile,
            length_hours=DAY, tolerance=0.02, alpha=alpha,
        )[0]
        for end in ends
    ]  # fmt: skip
    days = (ends - start) / DAY
    chart = Chart(
        "A new kind of vector in 12 % of the rows", (1, 8), (0, 0.12), "days", "rows moved, windows of 24 h",
        y_ticks=[(i / 50, f"{2 * i} %") for i in range(7)],
    )  # fmt: skip
    chart.line(days, [one.effect or 0.0 for one in found], "a", "at least, by the estimate")
    chart.line(days, [one.effect_lower or 0.0 for one in found], "b", "certainly", dashed=True)
    chart.rule(y=0.02, text="tolerance")
    chart.rule(x=since / DAY, text="from here")
    return chart
