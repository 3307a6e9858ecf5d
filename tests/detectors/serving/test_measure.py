"""Traffic, latency and errors against the weeks before."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.binning import make_binning
from detectors.cuts import NumericColumn
from detectors.measurement import NO_HISTORY
from detectors.serving.latency import percentile
from detectors.serving.measure import measure_serving
from tests.detectors.build import LAYOUT, column, window_of

KINDS = {"latency_ms": "numeric", "error": "categorical", "metric.tokens": "numeric"}
BINNING = make_binning({}, KINDS, LAYOUT)  # type: ignore[arg-type]


def traffic(rows, latency=30.0, errors=0, seed=0):
    rng = np.random.default_rng(seed)
    columns = {
        "latency_ms": column(rng.lognormal(np.log(latency), 0.5, rows)),
        "error": column(["timeout"] * errors + [None] * (rows - errors)),
        "metric.tokens": column(np.arange(rows, dtype=float)),
    }
    return window_of(BINNING, columns)


def measure(current, history, minutes=3.0):
    return {one.metric: one for one in measure_serving(BINNING, current, history, minutes_since_newest=minutes)}


WEEKS = [traffic(1000 + 20 * week, errors=5, seed=week) for week in range(1, 5)]


def test_an_ordinary_week_is_inside_its_interval():
    found = measure(traffic(1040, errors=6), WEEKS)
    assert list(found) == [
        "volume",
        "freshness_minutes",
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "error_share",
        "metric.tokens",
    ]
    for name in ("volume", "latency_p50", "latency_p95", "latency_p99"):
        assert found[name].effect_lower < 1 < found[name].effect_upper
        assert found[name].reason is None
    assert found["volume"].value == 1040
    assert found["volume"].effect == pytest.approx(1040 / 1050)
    assert found["freshness_minutes"].value == 3.0
    assert found["error_share"].effect_lower < 0 < found["error_share"].effect_upper
    assert found["metric.tokens"].value == pytest.approx(519.5)
    assert found["metric.tokens"].lower < 519.5 < found["metric.tokens"].upper


def test_changes_leave_it():
    found = measure(traffic(300, latency=90, errors=90), WEEKS)
    assert found["volume"].effect_upper < 0.8
    assert found["latency_p95"].effect_lower > 1.5
    assert found["error_share"].effect_lower > 0.05


def test_nothing_at_all_is_a_ratio_of_zero():
    found = measure(traffic(0), WEEKS, minutes=None)
    assert found["volume"].effect == found["volume"].effect_upper == 0.0
    assert found["latency_p50"].value is None
    assert found["error_share"].value is None
    assert found["freshness_minutes"].value is None


def test_one_week_is_no_history():
    found = measure(traffic(500), WEEKS[:1])
    for name in ("volume", "latency_p95", "error_share"):
        assert found[name].reason == NO_HISTORY
        assert found[name].value is not None
        assert found[name].effect is None


def test_percentiles_are_good_to_two_percent():
    rng = np.random.default_rng(1)
    values = rng.lognormal(3, 1, 20_000)
    window = window_of(BINNING, {"latency_ms": column(values)})
    bins = window.counts[BINNING.slots("latency_ms")]
    latency = BINNING.by_name["latency_ms"]
    assert isinstance(latency, NumericColumn)
    for level in (0.5, 0.95, 0.99):
        assert percentile(latency, bins, level) == pytest.approx(np.quantile(values, level), rel=0.02)


def test_services_that_send_nothing_have_nothing_said():
    binning = make_binning({}, {"feature.x": "numeric"}, LAYOUT)
    window = window_of(binning, {"feature.x": column(np.ones(50))})
    found = measure_serving(binning, window, [window, window], minutes_since_newest=0.0)
    assert [one.metric for one in found] == ["volume", "freshness_minutes", "error_share"]
    assert found[2].value == 0


def test_the_row_at_the_rank_is_within_the_stated_bound():
    values = np.random.default_rng(2).lognormal(3, 1, 500)
    found = measure(window_of(BINNING, {"latency_ms": column(values)}), [])
    for name, level in (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        exact = np.quantile(values, level, method="inverted_cdf")
        assert 0 < abs(found[name].value - exact) <= found[name].details["error_bound"] < 0.06 * exact
