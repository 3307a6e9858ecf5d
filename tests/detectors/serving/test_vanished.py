"""When it is news that a part of the traffic has no rows any more."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.serving.vanished import Gap, Traffic, is_news

DAY, WEEK = 24, 168
EIGHT = 8 * WEEK


def of(hours: np.ndarray, there: np.ndarray, start: int = 0, per_hour: int = 100, share: float = 0.15) -> Traffic:
    rows = np.full(len(hours), per_hour, np.int64)
    return Traffic(start + hours, rows, np.where(there, int(per_hour * share), 0).astype(np.int64))


def log(length: int, gone_from: int, *, by: str = "always", start: int = 0) -> Traffic:
    """Hours from a Monday on; the part is gone from an hour on."""
    hours = np.arange(length)
    day, of_week = hours % DAY, hours % WEEK
    usual = {
        "always": hours >= 0,
        "by day": (day >= 8) & (day < 20),
        "on weekdays": of_week < 5 * DAY,
        "a batch a week": of_week == 50,
    }[by]
    return of(hours, usual & (hours < gone_from), start)


@pytest.mark.parametrize(
    ("by", "missing"), [("always", 2), ("by day", 3 * 12), ("on weekdays", 3 * 48), ("a batch a week", 3 * 167)]
)
def test_a_gap_is_news_when_it_is_three_times_as_long_as_any_before(by: str, missing: int) -> None:
    """Gone on a Monday at eight; of what is always there two hours without its 30 rows do."""
    gone = EIGHT + 8
    news = [hours for hours in range(1, 30 * DAY) if is_news(log(gone + hours, gone, by=by), [], [])]
    begin = np.flatnonzero(log(gone, gone, by=by).part)[-1] + 1
    assert news == list(range(begin + missing - gone, 30 * DAY))


@pytest.mark.parametrize("by", ["always", "by day", "on weekdays", "a batch a week"])
def test_what_comes_and_goes_as_ever_is_no_news(by: str) -> None:
    whole = log(EIGHT + 2 * WEEK, EIGHT + 2 * WEEK, by=by)
    for end in range(2 * WEEK + DAY, EIGHT + 2 * WEEK):
        assert not is_news(Traffic(whole.hours[:end], whole.rows[:end], whole.part[:end]), [], []), end


def test_an_incident_before_hides_no_other() -> None:
    hours = np.arange(EIGHT + 2 * DAY)
    there = ((hours < 3 * WEEK) | (hours >= 4 * WEEK)) & (hours < EIGHT)
    assert is_news(of(hours, there), [], [])
    as_it_was: list[Gap] = [(3 * WEEK, 4 * WEEK, WEEK)]  # seen when it was new: the same one
    assert is_news(of(hours, there), [], as_it_was)
    twice = there & ~((hours >= 6 * WEEK) & (hours < 7 * WEEK))  # then it is usual
    assert not is_news(of(hours, twice), [], [])


def test_rows_that_always_came_late_are_no_news() -> None:
    """Every two days a batch of the two days before: afterwards the log has no gap."""
    seen: list[Gap] = [(end - 2 * DAY, end, 2 * DAY) for end in range(2 * DAY, EIGHT, 2 * DAY)]
    gone = log(EIGHT + 2 * DAY, EIGHT)
    assert is_news(gone, [], [])
    assert not is_news(gone, [], seen)


def test_a_reference_tells_what_a_short_log_cannot() -> None:
    late = 10 * WEEK
    short = log(4 * DAY, 2 * DAY, start=late)
    assert not is_news(short, [], [])  # a weekend was never seen
    assert is_news(log(10 * DAY, 2 * DAY, start=late), [], [])
    assert is_news(short, [log(4 * WEEK, 4 * WEEK)], [])
    assert not is_news(short, [log(4 * WEEK, 4 * WEEK, by="on weekdays")], [])


def test_so_few_rows_that_none_may_be_chance_are_no_news() -> None:
    hours = np.arange(EIGHT + 2 * DAY)
    rows = np.where(hours < EIGHT, 100, 1).astype(np.int64)  # hardly any rows of anything are left
    assert not is_news(Traffic(hours, rows, np.where(hours < EIGHT, 15, 0)), [], [])


def test_what_never_was_there_and_what_still_is_are_no_news() -> None:
    assert not is_news(log(EIGHT, 0), [log(EIGHT, EIGHT)], [])
    assert not is_news(log(EIGHT, EIGHT), [], [])
    nothing = np.empty(0, np.int64)
    assert not is_news(Traffic(nothing, nothing, nothing), [], [])
