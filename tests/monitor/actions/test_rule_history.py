"""What the page of a rule reads: little, and enough to fire as over all readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alerting.reading import Reading
from alerting.rules import Rule
from alerting.variants import Fired, variants
from alerting.words import DAY, HOUR
from monitor.actions.page_data.rule import quiet_end
from monitor.store import readings
from monitor.store.rule_history import History, history
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Runs, make_runs

RULE = Rule("drift", "data_drift")
DAYS = 14


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = make_runs(tmp_path)
    yield made
    made.database.close()


def windows(seed: int) -> list[list[Reading]]:
    """Readings by window, of which some series drift now and then, some never, and some are measured again."""
    rng = np.random.default_rng(seed)
    found = []
    for day in range(DAYS):
        for length in (24, 168):
            end = MIDNIGHT + day * DAY
            made = []
            for segment in (None, "origin=JFK"):
                for feature, chance in (("calm", 0.0), ("still", 0.0), ("odd", 0.2), ("wild", 0.7)):
                    verdict = str(rng.choice(["warning", "critical"])) if rng.random() < chance else "ok"
                    verdict = "cannot_tell" if rng.random() < 0.15 else verdict
                    p_value = {"ok": float(rng.choice([0.5, 0.01]))}.get(verdict, 1e-6)
                    # most alerts look at all versions together
                    given = {"segment": segment, "length": length, "end": end, "details": {"pooled": True}}
                    made.append(reading(verdict, feature, p_value=p_value, **given))
            found.append(made)
    return found


def stored(runs: Runs, seed: int) -> list[Reading]:
    """All of it in the store; the readings as they are known now."""
    rng, known = np.random.default_rng(seed), []
    with runs.database.write() as connection:
        for made in windows(seed):
            readings.save(connection, 1, 1, made)
            changed = [
                replace(one, as_of=one.as_of + HOUR, verdict="ok", p_value=0.5, value=0.01)
                if one.verdict == "warning" and rng.random() < 0.3
                else one
                for one in made
            ]
            again = [one for one, before in zip(changed, made, strict=True) if one is not before]
            if again:
                readings.save(connection, 1, 1, again)
            known += changed
        other = reading("critical", "calm", end=MIDNIGHT, check="another")
        readings.save(connection, 1, 1, [other])
    return known


def read(runs: Runs, most: int = 10_000) -> History:
    with runs.database.read() as connection:
        return history(connection, 1, "data_drift", MIDNIGHT, MIDNIGHT + DAYS * DAY, most)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rules_fire_as_over_all_readings(runs: Runs, seed: int) -> None:
    known = stored(runs, seed)
    found = read(runs)
    assert variants(RULE, found.readings) == variants(RULE, known)
    assert (found.start, found.whole) == (MIDNIGHT, True)
    assert found.stored >= len(known)
    assert 0.5 * len(known) < len(found.readings) < 0.8 * len(known)  # what never drifted stands for its window at most


def test_of_too_many_the_newest_windows_are_kept_whole(runs: Runs) -> None:
    known = stored(runs, 1)
    found = read(runs, most=60)
    assert not found.whole
    assert MIDNIGHT < found.start <= MIDNIGHT + (DAYS - 1) * DAY
    newest = [one for one in known if one.end >= found.start]
    assert variants(RULE, found.readings) == variants(RULE, newest)
    assert {one.end for one in found.readings} == {one.end for one in newest}
    assert found.stored < len(known)
    assert read(runs, most=3).readings == []  # not even one window


def test_of_very_many_segments_the_newest_windows_are_kept_whole(runs: Runs) -> None:
    """What was never at severity is one reading a window and segment: that is many, too."""
    with runs.database.write() as connection:
        for day in range(DAYS):
            bad = "critical" if day % 3 == 0 else "ok"
            segments = [reading("ok", segment=f"seat={n}", end=MIDNIGHT + day * DAY) for n in range(20)]
            readings.save(connection, 1, 1, [reading(bad, end=MIDNIGHT + day * DAY), *segments])
    found = read(runs, most=90)
    assert (found.whole, found.start) == (False, MIDNIGHT + 10 * DAY)
    assert (found.stored, len(found.readings)) == (4 * 21, 4 * 21)
    assert sum(one.verdict == "critical" for one in found.readings) == 1
    assert read(runs).whole


def test_where_nothing_ever_drifted_nothing_fires(runs: Runs) -> None:
    with runs.database.write() as connection:
        readings.save(connection, 1, 1, [reading("ok"), reading("ok", "wind")])
    found = read(runs)
    assert (found.stored, len(found.readings), found.whole) == (2, 1, True)
    assert [one.fired for one in variants(RULE, found.readings)] == [[]] * 8


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("fired", "end"),
    [
        ([], 30),
        ([(12, None)], 10),  # and what it fires on may have begun two days before
        ([(28.5, None)], 26),
        ([(20, 21)], 30),
        ([(0, None)], 30),  # there is no quiet week
    ],
)
def test_drift_is_put_into_a_week_that_has_none(fired: list[tuple[float, float | None]], end: int) -> None:
    told = [
        Fired(None, None, "critical", int(since * DAY), None if until is None else int(until * DAY), "")
        for since, until in fired
    ]
    assert quiet_end(told, 0, 30 * DAY) == end * DAY
