"""Pauses that are usual, and those that are news."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.measurement import NO_LABELS
from detectors.performance.label_pause import Feed, measure_pause, usual_pause

DAY, WEEK = 24, 168
DAYS = 60


def nightly(random):
    return np.arange(DAYS) * DAY + 6 + random.integers(0, 3, DAYS)


def on_business_days(random):
    hours = np.arange(DAYS * DAY)
    return hours[(hours // DAY % 7 < 5) & (hours % DAY >= 9) & (hours % DAY < 18) & (random.random(len(hours)) < 0.9)]


def weekly(random):
    return np.arange(9) * WEEK + 60 + random.integers(-6, 7, 9)


def at_random(random):
    return np.unique(np.cumsum(random.exponential(12, 5 * DAYS)).astype(int))


@pytest.mark.parametrize("habit", [nightly, on_business_days, weekly, at_random])
def test_a_habit_that_goes_on_is_no_news(habit):
    """200 models, each looked at through its last two weeks but one pause."""
    wrong = 0
    for seed in range(200):
        known = habit(np.random.default_rng(seed))
        for place in np.flatnonzero(known > known[-1] - 14 * DAY)[1:]:
            usual = usual_pause(known[:place])
            wrong += usual is not None and known[place] - known[place - 1] > usual.limit
    assert wrong / 200 <= 0.01


@pytest.mark.parametrize(
    ("habit", "limit"),
    [(nightly, (48, 54)), (on_business_days, (126, 136)), (weekly, (240, 256)), (at_random, (70, 300))],
)
def test_the_limit_is_twice_the_longest_pause_and_of_long_ones_three_days_more(habit, limit):
    found = [usual_pause(habit(np.random.default_rng(seed))) for seed in range(50)]
    assert limit[0] <= min(one.limit for one in found) <= max(one.limit for one in found) <= limit[1]
    if habit is not weekly:
        assert all(one.limit == 2 * one.longest for one in found)


def test_a_week_with_three_fewer_batches_is_no_timetable():
    known = np.cumsum([0, 24, 24, 24, 96, 24, 24, 24, 100, 24, 24, 24, 24])
    assert usual_pause(known).limit == 300  # three times the longest of so few


def test_a_pause_that_was_told_is_no_habit_until_it_happens_twice():
    once = np.delete(np.arange(60) * DAY, range(20, 26))
    assert (usual_pause(once).longest, usual_pause(once).limit) == (24, 48)
    twice = np.delete(np.arange(60) * DAY, [*range(20, 26), *range(40, 46)])
    assert (usual_pause(twice).longest, usual_pause(twice).limit) == (168, 336)


def test_pauses_that_were_seen_count_where_they_are_longer():
    steady = np.arange(30 * DAY)
    assert usual_pause(steady).limit == 24
    assert usual_pause(steady, [36] * 3).limit == 72
    assert usual_pause(steady, [36]).limit == 24  # once: it was told


def test_eight_hours_and_two_weeks_are_needed():
    assert usual_pause(np.arange(7) * WEEK) is None
    assert usual_pause(np.arange(8) * WEEK) is not None
    assert usual_pause(np.arange(14 * DAY)) is None
    assert usual_pause(np.arange(14 * DAY + 1)) is not None
    assert usual_pause(np.array([5])) is None


def feed(**changed):
    """Ten predictions an hour for 100 hours, half of which get a label after 3 hours, up to hour 100."""
    hours = np.arange(100)
    born = hours[:98]
    given = {
        "hours": hours,
        "predictions": np.full(100, 10),
        "sampled": hours >= 0,
        "labels": (born, born + 3, np.full(98, 5)),
        "last": 100,
    }
    return Feed(**{**given, **changed})


def test_what_should_have_come_is_of_the_predictions_that_are_old_enough():
    assert feed().expected(100) == 0
    assert feed().expected(101) == pytest.approx(5, rel=0.02)  # of hour 98
    assert feed().expected(200) == pytest.approx(10, rel=0.02)  # of both hours that wait: there are no more predictions
    later = np.arange(140)
    more = feed(hours=later, predictions=np.full(140, 10), sampled=later < 98)
    assert more.expected(130) == pytest.approx(150, rel=0.02)  # of hours 98 to 127


def test_no_pause_is_news_before_enough_labels_should_have_come():
    usual = usual_pause(np.arange(60) * DAY)
    few = measure_pause(200, 100, usual, feed(), 10)
    assert (few.value, few.details["expected"], few.details["limit"]) == (100, 10, 100)
    many = feed(hours=np.arange(200), predictions=np.full(200, 10), sampled=np.arange(200) < 98)
    assert measure_pause(200, 100, usual, many, 10).details["limit"] == 48
    assert measure_pause(200, None, None, None, 10).reason == NO_LABELS
    assert measure_pause(200, 100, None, None, 10).details == {}
