"""Large changes with a known shape are named."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.auto import measure_drift
from detectors.shares.diagnose import diagnosed
from tests.detectors.build import binning_of, column, profile_of, window_of

ROWS = 6000
RNG = np.random.default_rng(3)
WEIGHT, TEMPERATURE, AGE = RNG.normal(70, 12, ROWS), RNG.normal(20, 3, ROWS), RNG.gamma(9, 4, ROWS)
FEATURES = ["weight", "temperature", "age"]


def said(values=WEIGHT, seed=8, **changed):
    """The diagnosis of each feature when a window of fresh rows is changed so."""
    reference = {"feature.weight": values, "feature.temperature": TEMPERATURE, "feature.age": AGE}
    columns = {name: column(values) for name, values in reference.items()}
    binning = binning_of(columns)
    profile = profile_of(binning, np.arange(ROWS) % 480, columns)
    rng = np.random.default_rng(seed)
    fresh = {name: rng.choice(values, 900) for name, values in reference.items()}
    now = {f"feature.{name}": column(change(fresh)) for name, change in changed.items()}
    window = window_of(binning, {**{name: column(values) for name, values in fresh.items()}, **now}, start=480)
    names = [f"feature.{name}" for name in FEATURES]
    found = measure_drift(binning, names, window, profile, length_hours=24, tolerance=0.02, alpha=1e-3)
    return {one.feature: one.details.get("diagnosis") for one in diagnosed(found, binning, window, profile)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x * 1000, "times 1,000"),
        (lambda x: x / 100, "divided by 100"),
        (lambda x: x * 2.20462, "pounds instead of kilograms"),
        (lambda x: -x, "the sign turned"),
    ],
)
def test_another_unit(change, words):
    found = said(weight=lambda fresh: change(fresh["feature.weight"]))
    assert found["weight"] == f"looks like another unit: {words}"
    assert found["age"] is None


def test_fahrenheit():
    found = said(temperature=lambda fresh: fresh["feature.temperature"] * 1.8 + 32)
    assert found["temperature"] == "looks like another unit: degrees Fahrenheit instead of Celsius"


@pytest.mark.parametrize("tail", ["log-normal", "Pareto"])
@pytest.mark.parametrize("seed", range(20))
def test_a_long_tail_hides_no_unit(tail, seed):
    values = RNG.lognormal(1, 2, ROWS) if tail == "log-normal" else RNG.pareto(3, ROWS)
    assert said(values, seed, weight=lambda fresh: fresh["feature.weight"] * 1000)["weight"] == (
        "looks like another unit: times 1,000"
    )


@pytest.mark.parametrize(("factor", "words"), [(3.6, "times 3.6"), (3.28084, "feet"), (0.01, "divided by 100")])
def test_of_units_that_are_much_alike_the_nearest_is_named(factor, words):
    found = said(RNG.normal(3, 3, ROWS), weight=lambda fresh: fresh["feature.weight"] * factor)
    assert (found["weight"] or "").startswith(f"looks like another unit: {words}")


def test_stuck():
    found = said(weight=lambda fresh: np.full(900, 81.5))
    assert found["weight"] == "stuck at 81.5: every row has this one value"


def test_swapped_columns_name_each_other():
    found = said(weight=lambda fresh: fresh["feature.temperature"], temperature=lambda fresh: fresh["feature.weight"])
    assert found == {
        "weight": "looks swapped with temperature",
        "temperature": "looks swapped with weight",
        "age": None,
    }


def test_a_drift_of_no_known_shape_is_left_alone():
    assert said(weight=lambda fresh: fresh["feature.weight"] * 1.3 + 20)["weight"] is None
    assert said()["weight"] is None
