"""Cron schedules, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cronsim import CronSim, CronSimError

from monitor import clock


def check(expression: str) -> str:
    """The expression itself.

    Raises ValueError when it is no cron schedule.
    """
    try:
        next(CronSim(expression, clock.to_datetime(0)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{expression!r} is no cron schedule ({error}); write for example '5 * * * *'") from error
    return expression


def latest(expression: str, until: int, count: int) -> int | None:
    """The ``count``-th newest moment at or before ``until`` at which the schedule fires; None if it never did."""
    backwards = CronSim(
        expression, clock.to_datetime(until - until % clock.MINUTE) + timedelta(minutes=1), reverse=True
    )
    for _ in range(count - 1):
        next(backwards, None)
    moment = next(backwards, None)
    return None if moment is None else clock.from_datetime(moment)


def fires(expression: str, after: int, until: int) -> Iterator[int]:
    """Moments (microseconds) at which the schedule fires, after < t <= until, increasing."""
    for moment in CronSim(expression, clock.to_datetime(after - after % clock.SECOND) - timedelta(minutes=1)):
        fire = clock.from_datetime(moment)
        if fire > until:
            return
        if fire > after:
            yield fire
