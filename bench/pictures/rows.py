"""Pictures of what a row is like: data quality, groups, and features together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.pictures.chart import Chart
from detectors.domain.replay import replay
from detectors.intervals import wilson
from detectors.multivariate.domain_classifier import Rows, measure_domain
from detectors.rise import rise_of_share, spread_of_shares


def quality() -> Chart:
    """Missing values rise from 1 % to 3 %; the bound, not the value, has to pass the tolerance."""
    rng = np.random.default_rng(2)
    days = np.arange(28)
    rows = np.full(len(days), 1_500)
    missing = rng.binomial(rows, np.where(days < 14, 0.01, 0.03))
    past = rng.binomial(1_500, 0.01, (28, 1))
    spread = spread_of_shares(past.astype(float), np.full((28, 1), 1_500.0))
    alpha = 1e-4
    lower = []
    for bad in missing:
        rise = rise_of_share(
            np.array([float(bad)]),
            np.array([1500.0]),
            np.array([past.sum() * 1.0]),
            np.array([28 * 1500.0]),
            spread,
            0.01,
            alpha,
        )
        lower.append(max(0.0, float(rise.lower[0])))
    share = missing / rows
    low, high = wilson(missing, rows, 1.96)
    chart = Chart(
        "Missing values: warned of when the rise is certainly above 1 point",
        (0, 27),
        (0, 0.06),
        "days",
        "share of rows",
        y_ticks=[(i / 100, f"{i} %") for i in range(7)],
    )
    chart.band(days, low, high, "a")
    chart.line(days, share, "a", "missing")
    chart.line(days, lower, "b", "certain rise", dashed=True)
    chart.rule(y=0.01, text="tolerance")
    return chart


def fairness() -> Chart:
    """Two groups' shares of positive predictions, each with its interval."""
    rng = np.random.default_rng(7)
    chart = Chart(
        "Predicted positive, by group",
        (0.5, 4.5),
        (0, 0.5),
        "",
        "share of the group's rows",
        x_ticks=[(1, "reference: women"), (2, "reference: men"), (3, "window: women"), (4, "window: men")],
        y_ticks=[(i / 10, f"{10 * i} %") for i in range(6)],
    )
    for place, (rate, rows) in enumerate(((0.30, 9_000), (0.33, 11_000), (0.24, 1_400), (0.36, 1_700)), start=1):
        share = rng.binomial(rows, rate) / rows
        colour = "d" if place < 3 else "a"
        low, high = wilson(share * rows, rows, 1.96)
        chart.bars([place], [share], colour, width=0.5)
        chart.interval(place, float(low), float(high), "b")
        chart.say(place, float(high) + 0.02, f"{100 * share:.0f} %", anchor="middle")
    return chart


def together() -> Chart:
    """What tells the window's rows from the reference's, feature by feature."""
    rng = np.random.default_rng(12)

    def side(n: int, r: float) -> Rows:
        a, noise, c, d = rng.normal(size=(4, n))
        made = {"income": a, "limit": r * a + np.sqrt(1 - r**2) * noise, "age": c, "tenure": d}
        hours = np.arange(n) * 28 * 24 // n
        return Rows({name: pa.array(one) for name, one in made.items()}, hours // 24, hours)

    names = ["income", "limit", "age", "tenure"]
    reference, current = side(6_000, 0.8), side(6_000, 0.4)
    week = Rows({name: current.columns[name][:1_500] for name in names}, current.blocks[:1_500], current.hours[:1_500])
    found = measure_domain(names, reference, week, replay(names, reference, 168, 0))
    gains = found.details["features"]
    chart = Chart(
        f"A week told from its reference: AUC {found.details['auc']:.2f}, counts as {found.value:.2f} "
        f"({found.lower:.2f} to {found.upper:.2f})",
        (0.4, 4.6),
        (0, 0.16),
        "",
        "what the AUC loses when the feature is shuffled",
        x_ticks=list(enumerate(names, start=1)),
    )
    values = [float(gains.get(name, 0.0)) for name in names]
    chart.bars(range(1, 5), values, "a", width=0.5)
    for place, value in enumerate(values, start=1):
        chart.say(place, max(value, 0) + 0.004, f"{value:.3f}", anchor="middle")
    return chart
