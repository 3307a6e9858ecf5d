"""Which feature looks like one that is not sent any more."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.profile import mix
from detectors.quality import renames
from detectors.quality.arrivals import Arrival
from detectors.quality.renames import Gone, Pair, chosen
from detectors.summary import summarise
from tests.detectors.build import binning_of, column, profile_of

RATE, WEEKS = 40, 2
REFERENCE = np.repeat(np.arange(WEEKS * 168), RATE)
START, SINCE = WEEKS * 168, 6
NOW = np.repeat(np.arange(START, START + SINCE), RATE)


def drawn(seed, hours):
    random = np.random.default_rng(seed)
    n = len(hours)
    return {
        "speed": random.normal(70, 12, n),
        "load": random.normal(70, 12, n),
        "wait": np.where(random.random(n) < 0.3, 0.0, random.gamma(2, 3, n)),
        "heat": 20 + 8 * np.sin(2 * np.pi * hours / 24) + random.normal(0, 2, n),
        "gate": random.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
        "team": random.choice(["north", "south", "west"], n, p=[0.2, 0.3, 0.5]),
        "holes": np.where(random.random(n) < 0.5, np.nan, random.normal(70, 12, n)),
    }


THEN = {f"feature.{name}": column(values) for name, values in drawn(4, REFERENCE).items()}
BINNING = binning_of(THEN)
PROFILE = profile_of(BINNING, REFERENCE, THEN)


def pair(old, values, new="new", *, came=2, went=2):
    name = f"feature.{old}"
    hourly = summarise(renames.on_cuts_of(BINNING.by_name[name]), NOW[: len(values)], {name: column(values)})
    hours = np.arange(START - 2, START + SINCE)
    rows = np.full(len(hours), RATE)
    arrival = Arrival(new, hours, rows, np.where(np.arange(len(hours)) >= came, rows, 0), np.ones(len(hours), bool))
    return Pair(Gone(name, hours, went), arrival, hourly)


def fits(old, values, profile=PROFILE):
    return pair(old, values).fit(BINNING, profile) is not None


@pytest.mark.parametrize("name", list(drawn(1, NOW)))
def test_what_goes_on_by_another_name_fits(name):
    """Also what differs from the whole reference, and is as the reference at these hours of the day."""
    found = [fits(name, drawn(seed, NOW)[name]) for seed in range(20)]
    assert all(found)


@pytest.mark.parametrize(
    ("old", "new"),
    [("speed", "wait"), ("wait", "speed"), ("gate", "team"), ("speed", "holes"), ("holes", "speed"), ("heat", "speed")],
)
def test_what_has_other_values_does_not(old, new):
    assert not any(fits(old, drawn(seed, NOW)[new]) for seed in range(20))


def test_of_a_reference_without_times_the_whole_is_compared():
    timeless = profile_of(BINNING, REFERENCE, THEN, timed=False)
    now = drawn(1, NOW)
    assert fits("speed", now["speed"], timeless)
    assert not fits("heat", now["heat"], timeless)  # six hours of its warm half
    assert fits("heat", now["heat"], mix([PROFILE, PROFILE], [1.0, 3.0]))


def test_of_few_rows_nothing_is_told():
    assert fits("speed", drawn(1, NOW)["speed"][:60])
    assert not fits("speed", drawn(1, NOW)["speed"][:40])


def test_both_have_to_change_at_about_one_hour():
    def meets(**given):
        one = pair("speed", drawn(1, NOW)["speed"], **given)
        return one.old.meets(one.new)

    assert all([meets(), meets(came=3), meets(went=3)])
    assert not any([meets(came=4), meets(went=4)])
    assert not any([meets(came=0), meets(went=0)])  # it was there before, or nobody knows since when it is not


def test_each_is_the_best_for_the_other():
    """``speed`` and ``load`` have the same values: the names tell, as far as they do."""
    now = drawn(1, NOW)

    def names(*pairs):
        return {old: [one.new.name for one in ours] for old, ours in chosen(pairs, BINNING, PROFILE).items()}

    every = [
        pair(old, now[new], f"{new}_kmh") for old in ("speed", "load", "wait") for new in ("speed", "load", "wait")
    ]
    assert names(*every) == {
        "feature.speed": ["speed_kmh"], "feature.load": ["load_kmh"], "feature.wait": ["wait_kmh"],
    }  # fmt: skip
    plain = [pair(old, now[new], new[::-1]) for old in ("speed", "load") for new in ("speed", "load")]
    assert names(*plain) == {"feature.speed": ["deeps", "daol"], "feature.load": ["daol", "deeps"]}
    nearer = [pair("speed", now["speed"] + 5, "further"), pair("speed", now["speed"], "nearest")]
    assert names(*nearer) == {"feature.speed": ["nearest"]}


@pytest.mark.parametrize(("old", "new", "least", "most"), [
    ("amount", "amount_usd", 0.75, 0.85), ("V1", "v_1", 1, 1), ("V1", "v_2", 0.4, 0.6), ("a", "zz", 0, 0),
])  # fmt: skip
def test_names(old, new, least, most):
    assert least <= renames.alike(f"feature.{old}", new) <= most
