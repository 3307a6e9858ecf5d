"""Since when all rows of a feature are bad."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.quality.measure import measure_quality
from detectors.summary import MISMATCH, summarise, window
from tests.detectors.build import binning_of, column, profile_of

RATE, START = 20, 240
HOURS = np.repeat(np.arange(START), RATE)
NOW = np.repeat(np.arange(START, START + 24), RATE)


def columns(hours, bad, *, mistyped=False):
    """``x`` a number, null (or of another type) where ``bad``; ``c`` a category, of another name there."""
    random = np.random.default_rng(len(hours))
    x = np.where(bad, np.nan, random.normal(size=len(hours)))
    c = np.where(bad, "A", random.choice(list("abc"), len(hours)))
    odd = {int(row): MISMATCH for row in np.flatnonzero(bad)} if mistyped else None
    return {"feature.x": column(x, odd), "feature.c": column(c)}


def since(bad, *, mistyped=False):
    """``details.since`` of every metric and feature of a window with such ``bad`` rows."""
    reference = columns(HOURS, np.zeros(len(HOURS), bool))
    binning = binning_of(reference)
    seen = window(summarise(binning, NOW, columns(NOW, bad, mistyped=mistyped)), START, START + 24)
    profile = profile_of(binning, HOURS, reference)
    given = {"length_hours": 24, "alpha": 1e-3, "duplicates": (0, 480), "rejected": (0, 480)}
    found = measure_quality(binning, seen, profile, **given)
    return {(one.metric, one.feature): one.details["since"] for one in found if "since" in one.details}


@pytest.mark.parametrize(("mistyped", "metric"), [(False, "missing_share"), (True, "type_mismatch_share")])
def test_from_an_hour_on(mistyped, metric):
    moment = "1970-01-11T21:00:00Z"
    assert since(NOW >= START + 21, mistyped=mistyped) == {
        (metric, "x"): moment,
        ("unseen_category_share", "c"): moment,
    }


def test_an_hour_that_is_mixed_comes_before():
    bad = (NOW >= START + 12) | (NOW == START + 11) & (np.arange(len(NOW)) % 3 > 0)
    assert set(since(bad).values()) == {"1970-01-11T12:00:00Z"}


def test_nothing_is_said_where_it_is_over_or_nearly_all_were_bad_before_or_all_always():
    random = np.random.default_rng(1)
    over = (NOW >= START + 12) & (NOW < START + 20)
    often = random.random(len(NOW)) < 0.93
    often[-3 * RATE :] = True
    for bad in (over, often, np.ones(len(NOW), bool), random.random(len(NOW)) < 0.5):
        assert since(bad) == {}


def test_what_is_expected_of_a_type():
    reference = columns(HOURS, np.zeros(len(HOURS), bool))
    binning = binning_of(reference)
    seen = window(summarise(binning, NOW, columns(NOW, NOW >= 0, mistyped=True)), START, START + 24)
    found = measure_quality(
        binning, seen, profile_of(binning, HOURS, reference), length_hours=24, alpha=1e-3,
        duplicates=(0, 480), rejected=(0, 480),
    )  # fmt: skip
    told = {one.feature: one.details["expected"] for one in found if one.metric == "type_mismatch_share"}
    assert told == {"x": "numbers", "c": "categories"}
