"""Pictures of the remaining pages: serving, other methods, why a model got worse."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.pictures.chart import Chart
from bench.pictures.made import columns, reference
from detectors.explain.candidates import Condition
from detectors.explain.explain import explain
from detectors.explain.labelled import Labelled
from detectors.multivariate.domain_classifier import Rows
from detectors.registry import TWO_SAMPLE
from detectors.sample import sample_of
from detectors.serving.history import ratio_to_weeks
from detectors.summary import summarise, window

DAY = 24


def serving() -> Chart:
    """A night of an outage and the usual rhythm."""
    rng = np.random.default_rng(3)
    hours = np.arange(5 * 168)
    usual = 400 * (1.2 + np.sin(2 * np.pi * (hours - 9) / DAY)) * np.where((hours // DAY) % 7 >= 5, 0.6, 1.0)
    rows = rng.poisson(usual * rng.normal(1, 0.03, len(hours)))
    rows[4 * 168 + 62 : 4 * 168 + 70] = rows[4 * 168 + 62 : 4 * 168 + 70] * 0.3
    shown, value, low, high = np.arange(4 * 168 + DAY, 5 * 168, 4), [], [], []
    for end in shown:
        weeks = np.array([rows[end - 168 * k - DAY : end - 168 * k].sum() for k in (1, 2, 3, 4)], dtype=float)
        now = int(rows[end - DAY : end].sum())
        found = ratio_to_weeks(now, weeks, float(np.sqrt(1 / now + 1 / weeks.sum())))
        assert found is not None
        value.append(found.effect)
        low.append(found.lower)
        high.append(found.upper)
    days = (shown - 4 * 168) / DAY
    chart = Chart(
        "Predictions of 24 h against the same hours of the last four weeks",
        (1, 7),
        (0.5, 1.4),
        "days",
        "ratio",
        y_ticks=[(i / 10, f"{10 * i} %") for i in range(5, 15)],
    )
    chart.band(days, low, high, "a")
    chart.line(days, value, "a", "volume, 95 %")
    for bound in (0.8, 1.2):
        chart.rule(y=bound, text="a warning when the whole interval is beyond" if bound < 1 else "")
    return chart


def exchange() -> Chart:
    """What the usual distances say of one and the same shift."""
    rng = np.random.default_rng(1)
    hours, before = np.zeros(200_000, np.int64), rng.normal(size=200_000)
    binning, profile = reference(hours, {"x": before})
    sizes = np.linspace(0, 0.6, 25)
    names = {
        "ks": ("a", "KS (rows moved)"),
        "psi": ("b", "PSI"),
        "jensen_shannon": ("c", "Jensen-Shannon"),
        "wasserstein": ("d", "Wasserstein / sd"),
    }
    chart = Chart(
        "One shift, four distances: 0.1 is not 0.1", (0, 0.6), (0, 0.6), "shift, standard deviations", "value"
    )
    then = sample_of(binning, "feature.x", profile.total, profile.moments)
    values: dict[str, list[float]] = {name: [] for name in names}
    for size in sizes:
        counts = window(summarise(binning, hours, columns({"x": before + size})), 0, 1)
        now = sample_of(binning, "feature.x", counts.counts, counts.moments)
        for name in names:
            values[name].append(float(TWO_SAMPLE[name].compare(then, now).value))
    for name, (colour, label) in names.items():
        chart.line(sizes, values[name], colour, label)
    chart.rule(y=0.1, text="0.1, the usual threshold of three of them")
    return chart


def _words(one: Condition) -> str:
    if one.value is not None:
        return one.value
    ends = ((">", one.low), ("up to", one.high))
    return " ".join([one.feature, *(f"{sign} {end:.1f}" for sign, end in ends if end is not None)])


def _labelled(seed: int, *, shift: float, broken: float) -> Labelled:
    rng = np.random.default_rng(seed)
    n = 8_000
    x, z = rng.normal(size=(2, n))
    x += shift
    kind = rng.choice(["retail", "travel", "food"], n)
    truth = rng.random(n) < 1 / (1 + np.exp(-2.2 * x))
    truth ^= rng.random(n) < broken * ((kind == "travel") & (z > 0))
    made = {"amount": pa.array(x), "distance": pa.array(z), "kind": pa.array(kind)}
    wrong = (truth != (x > 0)).astype(float)
    return Labelled(Rows(made, np.arange(n) * 14 // n), wrong, truth.astype(float), np.ones(n))


def why() -> Chart:
    """What a rise of the errors is made of, and where."""
    features = {"amount": 1.0, "distance": 1.0, "kind": 1.0}
    found = explain(features, _labelled(1, shift=0.9, broken=0.0), _labelled(2, shift=0.1, broken=0.6), classes=True)
    assert found is not None
    parts = found.parts
    bars = [("errors rose by", parts.rise), ("inputs moved", parts.covariate), ("concept changed", parts.concept)]
    worst = found.slices.found[:2]
    chart = Chart(
        "Why the errors rose, in points, with 95 % limits",
        (0.4, 5.6),
        (-0.02, 0.3),
        "",
        "share of wrong rows",
        x_ticks=[(i, name) for i, (name, _) in enumerate(bars, start=1)]
        + [(4 + i, " and ".join(map(_words, slice_.where))) for i, slice_ in enumerate(worst)],
        y_ticks=[(i / 20, f"{5 * i}") for i in range(7)],
    )
    for place, (_, part) in enumerate(bars, start=1):
        chart.bars([place], [part.value], "a" if place == 1 else "d", width=0.5)
        chart.interval(place, part.lower, part.upper, "b")
    for place, one in enumerate(worst, start=4):
        chart.bars([place], [one.contribution], "c", width=0.5)
        chart.say(
            place,
            one.contribution + 0.01,
            f"+{100 * one.effect:.0f} in {100 * one.share:.0f} % of rows",
            anchor="middle",
        )
    return chart
