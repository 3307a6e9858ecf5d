"""The simulation of the promise asks the engine as the service does, and its oracle is the CUSUM."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest

from bench.detection import errors, oracle, promise, promised, published
from bench.detection.hourly import FEATURES, REFERENCE, Months
from detectors.sequential.shiryaev_roberts import step
from detectors.shares.stretches import horizons_of
from detectors.streams import START, Usual


def same(one, other):
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return np.array_equal(one, other)


def drawn(base="ar", rows=60, hours=24, shift=0.0):
    return Months(np.random.default_rng(3), base, rows, np.full(hours, shift))


def test_drawn_counts_are_those_of_rows():
    months = drawn(shift=0.5)
    assert months.reference.rows == 60 * REFERENCE
    assert (months.after.rows == 60).all()
    before, _ = months.cells.count(months.reference.total)
    level = before.reshape(FEATURES, -1) / months.reference.rows
    np.testing.assert_allclose(level.mean(axis=0), months.binning.numeric[0].levels, atol=0.01)
    later = months.after.inside.sum(axis=0).reshape(FEATURES, -1) / (24 * 60)
    assert (level - later)[:, 10].mean() == pytest.approx(0.19, abs=0.03)  # of a normal that moved by half an sd


def test_it_fits_what_the_service_fits():
    months = drawn()
    fitted = promise.Fitted(months)
    for length, tolerance, alpha in ((6, 0.0, 1e-5), (168, 0.02, 1e-3)):
        known = horizons_of(months.cells, months.reference, length, tolerance, alpha)
        ours = fitted.horizons(length, tolerance, alpha)
        assert list(ours) == list(known)
        assert all(same(ours[hours], known[hours]) for hours in known)


def test_rejections_a_day_apart_are_one_incident():
    ends, red = np.array([1, 20, 50]), np.zeros((3, FEATURES), dtype=bool)
    red[:, 0] = red[0, 1] = True
    assert promise.incidents({1: (ends, red)}) == 3


def test_the_oracle_without_wandering_is_pages():
    values = np.random.default_rng(1).normal(0.02, 0.05, (3, 120))
    answer, variance = oracle.response("iid", 400)
    found = oracle.statistics(values, 0.1, answer, variance)
    plain = np.zeros((3, 120))
    for hour in range(120):
        before = np.maximum(plain[:, hour - 1], 0) if hour else 0.0
        plain[:, hour] = before + (0.1 * values[:, hour] - 0.1**2 / 2) / variance
    np.testing.assert_allclose(found, plain, atol=1e-9)


def test_a_wandering_hour_hides_a_shift_that_stays():
    answer, variance = oracle.response("ar", 500)
    assert answer[0] == 1
    assert (np.diff(answer) <= 0).all()
    assert 0.2 < answer[-1] < 0.5
    assert variance > 1 / 500 + oracle.BATCH**2


def test_the_stream_of_errors_is_judged_as_the_product_judges_it():
    wrong = np.random.default_rng(2).random((3000, 4)) < 0.16
    count, _ = errors.shiryaev_roberts(wrong, 300.0)
    found = [step(START, one.astype(float), Usual(errors.BEFORE, 0.0, 300.0))[0].alarms for one in wrong.T]
    assert count == sum(map(len, found)) > 10


def test_tables_tell_what_is_kept(tmp_path):
    quiet = {"base": "ar", "features": 50, "rows": 500, "seed": 0, "size": 0.0}
    cases = [{"tolerance": 0.0, "k": 1.0, "raw": 3, "incidents": 2, "by_length": [3, 0, 0, 0]}]
    moved = [{"tolerance": 0.0, "delays": [2, 4, None]}]
    lines = [{**quiet, "found": cases}, {**quiet, "size": 0.3, "found": moved}]
    lines = [{**one, "key": promise.Month("ar", 50, 500, 0, one["size"]).key, "engine": "x"} for one in lines]
    (tmp_path / "promise.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (tmp_path / f"oracle-v{promise.ORACLE}.json").write_text(json.dumps({"ar-0.3": 9.5}))
    (line, every) = promised.false_alarms(tmp_path)
    assert line == ("ar", "50", "500", "0", "1", "1", "3", "0.62 – 8.8", "2", "0.24 – 7.2")
    assert every[0] == "all"
    (delay,) = promised.delays(tmp_path)
    assert delay[:6] == ("ar", "0.3 sd", "3", "0", "4", "over 336")
    at_budget, ratio, rate, as_quiet, other = map(float, delay[6:])
    assert rate == 2  # twice what k = 1 allows, so that oracle is quicker
    assert 1 <= as_quiet < at_budget < 20
    assert (ratio, other) == (float(f"{4 / at_budget:.2g}"), float(f"{4 / as_quiet:.2g}"))


def test_published_estimates_are_summed_up():
    names = ["chunk", "metric", "truth", "Plimsoll", "lower", "upper", "NannyML", "sampling error"]
    rows = [(0, "mae", 10.0, 9.0, 8.0, 11.0, 9.5, 0.5), (1, "mae", 20.0, 9.0, 8.0, 11.0, 11.0, 0.5)]
    (found,) = published.summary(pd.DataFrame(rows, columns=names)).to_dict("records")
    assert found == {"apart": 2.0, "in_errors": 4.0, "ours": 6.0, "theirs": 4.75, "inside": 1, "chunk": 2}
