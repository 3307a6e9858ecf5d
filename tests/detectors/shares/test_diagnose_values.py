"""What is told by single values: stuck for some hours, codes for missing values, swapped categories; and no more."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.auto import measure_drift
from detectors.shares.diagnose import diagnosed
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

RATE, WEEKS, DAY = 120, 3, 24
END = WEEKS * 7 * DAY + 3 * DAY  # of the window; the two days before it are known, too
TEAMS = [f"team {place}" for place in range(8)]


def drawn(random, hours):
    """Columns of so many rows an hour."""
    n = len(hours)
    day = np.random.default_rng(9).normal(1.1, 0.02, 100).round(4)
    return {
        "speed": random.normal(70, 12, n),
        "wait": np.where(random.random(n) < 0.3, 4.2, random.gamma(2, 3, n)),
        "depth": np.where(random.random(n) < 0.004, -999.0, random.normal(20, 3, n)),
        "steps": random.poisson(6, n).astype(float),
        "rate": day[hours // DAY],
        "gate": random.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
        "home": random.choice(TEAMS, n, p=np.arange(1, 9) / 36),
        "away": random.choice(TEAMS, n, p=np.arange(8, 0, -1) / 36),
    }


HOURS = np.repeat(np.arange(WEEKS * 7 * DAY), RATE)
REFERENCE = {f"feature.{name}": column(values) for name, values in drawn(np.random.default_rng(4), HOURS).items()}
BINNING = binning_of(REFERENCE)
PROFILE = profile_of(BINNING, HOURS, REFERENCE)
NOW = np.repeat(np.arange(END - 3 * DAY, END), RATE)
FEATURES = [name.removeprefix("feature.") for name in REFERENCE]


def said(change, seed=5, *, length=DAY, profile=PROFILE):
    """Of each feature that moved for certain, the diagnosis; ``change`` is given the rows, their hours and a generator
    and alters them."""
    random = np.random.default_rng(seed)
    rows = drawn(random, NOW)
    change(rows, NOW, random)
    hourly = summarise(BINNING, NOW, {f"feature.{name}": column(values) for name, values in rows.items()})
    seen = window(hourly, END - length, END)
    names = list(REFERENCE)
    found = measure_drift(BINNING, names, seen, profile, length_hours=length, tolerance=0.02, alpha=1e-4)
    told = diagnosed(found, BINNING, seen, profile)
    return {one.feature: one.details.get("diagnosis") for one in told if (one.effect_lower or 0) > 0.02}


def put(name, value, since):
    """One value from an hour before the window's end on."""

    def change(rows, hours, random):
        rows[name] = np.where(hours >= END - since, value, rows[name])

    return change


@pytest.mark.parametrize(("since", "when"), [(3, "21:00 UTC"), (12, "12:00 UTC"), (36, "23 Jan, 12:00 UTC")])
@pytest.mark.parametrize(("name", "value"), [("speed", 77.25), ("wait", 4.2), ("steps", 6.0), ("gate", "west")])
def test_stuck_since(name, value, since, when):
    what = "category" if name == "gate" else "value"
    shown = value if name == "gate" else f"{value:g}"
    assert said(put(name, value, since)) == {
        name: f"stuck at {shown} since {when}: every row since then has this one {what}"
    }


def test_stuck_at_the_middle_in_all_hours_that_are_known():
    assert said(put("wait", 4.2, 99))["wait"] == "stuck at 4.2: every row has this one value"


def test_a_rate_that_is_set_daily_is_not_stuck():
    found = said(put("rate", 1.3, 24))
    assert found == {"rate": None}
    assert said(put("rate", 1.3, 72))["rate"] == "stuck at 1.3: every row has this one value"


@pytest.mark.parametrize(("since", "share"), [(20, 0.995), (2, 0.985)])
def test_a_value_that_nearly_all_rows_have_is_not_stuck(since, share):
    def change(rows, hours, random):
        most = (hours >= END - since) & (random.random(len(hours)) < share)
        rows["gate"] = np.where(most, "west", rows["gate"])
        rows["wait"] = np.where(most, 4.2, rows["wait"])

    for seed in range(15):
        found = said(change, seed)
        assert len(found) > 0
        assert set(found.values()) == {None}


@pytest.mark.parametrize(
    ("name", "value", "before"), [("speed", -999, "0"), ("depth", -999, "0.4"), ("steps", -1, "0")]
)
def test_a_code_for_missing_values(name, value, before):
    def change(rows, hours, random):
        rows[name] = np.where(random.random(len(hours)) < 0.12, value, rows[name])

    (words,) = said(change).values()
    share, told = words.split(" % of rows are exactly ")
    assert told == f"{value} ({before} % in the reference), perhaps a code for missing values"
    assert float(share) == pytest.approx(12, abs=1.5)


def test_values_far_away_that_differ_are_no_code():
    def change(rows, hours, random):
        far = random.random(len(hours)) < 0.12
        rows["speed"] = np.where(far, np.maximum(-999, random.normal(-900, 80, len(hours))), rows["speed"])
        rows["depth"] = np.where(far, random.normal(10, 2, len(hours)), rows["depth"])

    assert said(change) == {"speed": None, "depth": None}


def test_swapped_categories():
    def change(rows, hours, random):
        rows["home"], rows["away"] = rows["away"], rows["home"]

    assert said(change) == {"home": "looks swapped with away", "away": "looks swapped with home"}


def test_ordinary_drifts_are_not_named():
    alarms = 0
    for seed in range(12):

        def change(rows, hours, random, seed=seed):
            on = hours >= END - random.integers(3, 72)
            for name, values in rows.items():
                if values.dtype.kind == "f" and name != "rate":
                    kind, size = random.integers(4), np.std(values[values > -900])
                    moved = [
                        values + size * random.uniform(-1.5, 1.5),
                        values * random.uniform(0.65, 1.5),
                        np.where(random.random(len(values)) < 0.4, random.normal(30, 5, len(values)), values),
                        np.where(random.random(len(values)) < 0.6, random.choice(values[values > -900]), values),
                    ][kind]
                    rows[name] = np.where(on & (values > -900), moved, values)
                elif values.dtype.kind == "U":
                    more = random.choice(values, len(values)) if seed % 2 else np.full(len(values), values[0])
                    rows[name] = np.where(on & (random.random(len(values)) < random.uniform(0.2, 0.9)), more, values)

        found = said(change, seed)
        alarms += len(found)
        assert set(found.values()) == {None}
    assert alarms > 50
