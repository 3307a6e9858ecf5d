"""What false alarms teach: nothing while there are no more than promised, then as little as is enough."""

from __future__ import annotations

from detectors.shares.false_alarms import MOST, FalseAlarm, widened


def alarm(day: float, **needed: float) -> FalseAlarm:
    return FalseAlarm(day, needed)


def test_what_was_promised_is_no_evidence() -> None:
    assert widened([alarm(1, x=2.0), alarm(32, x=3.0)], per_month=1) == {}
    assert widened([alarm(1, x=2.0), alarm(2, y=3.0)], per_month=2.5) == {}


def test_of_too_many_go_those_that_take_least() -> None:
    assert widened([alarm(1, x=2.0), alarm(9, y=3.0)], per_month=1) == {"x": 2.0}
    assert widened([alarm(9, y=3.0), alarm(1, x=2.0), alarm(11, x=4.0)], per_month=1) == {"x": 2.0, "y": 3.0}
    assert widened([alarm(1, x=2.0, y=9.0), alarm(9, z=3.0)], per_month=1) == {"z": 3.0}
    assert widened([alarm(1, x=2.0, y=2.5), alarm(9, z=3.0)], per_month=1) == {"x": 2.0, "y": 2.5}


def test_what_is_silent_by_now_counts_no_more() -> None:
    """The third is as the first, which is silent; the second is the one of its month."""
    assert widened([alarm(1, x=2.0), alarm(9, y=3.0), alarm(12, x=1.9)], per_month=1) == {"x": 2.0}


def test_what_no_calibration_silences_teaches_nothing() -> None:
    """A feature that moved altogether would be watched no more."""
    assert widened([alarm(1, x=MOST), alarm(2, x=MOST, y=2.0), alarm(3, x=MOST)], per_month=1) == {}
    assert widened([alarm(1, x=MOST), alarm(2, y=2.0), alarm(3, z=3.0)], per_month=1) == {"y": 2.0, "z": 3.0}


def test_below_one_a_month_the_stretch_is_longer() -> None:
    """One in 300 days."""
    assert widened([alarm(1, x=2.0), alarm(200, y=3.0)], per_month=0.1) == {"x": 2.0}
    assert widened([alarm(1, x=2.0), alarm(302, y=3.0)], per_month=0.1) == {}


def test_an_alarm_without_such_series_teaches_nothing() -> None:
    assert widened([alarm(1), alarm(2), alarm(3, x=2.0)], per_month=1) == {}
