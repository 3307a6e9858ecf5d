"""When to try again: soon at first, then ever more rarely, for a day."""

from __future__ import annotations

from alerting.words import DAY, SECOND

FIRST_WAITS = (5 * SECOND, 30 * SECOND, 120 * SECOND, 600 * SECOND)
LONGEST_WAIT = 6 * 3600 * SECOND
LIFETIME = DAY
FIRST_POLL, LONGEST_POLL = 2 * SECOND, 60 * SECOND


def next_try(attempts: int, now: int, asked: int | None = None) -> int | None:
    """When to try again after ``attempts`` failed ones (at least 1), or None when their waits would exceed a day.

    ``asked`` is how long the other side wants to be left alone; it is obeyed, up to a day. All in microseconds.
    """
    if sum(wait(earlier) for earlier in range(1, attempts + 1)) > LIFETIME:
        return None
    return now + max(wait(attempts), min(asked or 0, LIFETIME))


def poll_wait(polls: int) -> int:
    """The pause before asking again how far a run is, after so many times: 2 s, doubling up to a minute."""
    return min(FIRST_POLL << min(polls, 10), LONGEST_POLL)


def wait(attempts: int) -> int:
    """The pause after the n-th failed attempt: 5 s, 30 s, 2 min, 10 min, then doubling up to 6 h."""
    if attempts <= len(FIRST_WAITS):
        return FIRST_WAITS[max(attempts, 1) - 1]
    doublings = min(attempts - len(FIRST_WAITS), 30)
    return min(FIRST_WAITS[-1] << doublings, LONGEST_WAIT)
