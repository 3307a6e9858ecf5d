"""When to try again: soon at first, then ever more rarely, for a day."""

from __future__ import annotations

from alerting.words import DAY, SECOND

FIRST_WAITS = (5 * SECOND, 30 * SECOND, 120 * SECOND, 600 * SECOND)
LONGEST_WAIT = 6 * 3600 * SECOND
LIFETIME = DAY


def next_try(attempts: int, first_tried: int, now: int, asked: int | None = None) -> int | None:
    """When to try again after ``attempts`` failed ones (at least 1), or None when it is time to give up.

    ``asked`` is what the other side wants to be left alone for; it is obeyed up to a day. All in microseconds.
    """
    due = now + max(wait(attempts), min(asked or 0, LIFETIME))
    return due if due <= first_tried + LIFETIME or (asked is not None and now < first_tried + LIFETIME) else None


def wait(attempts: int) -> int:
    """The pause after the n-th failed attempt: 5 s, 30 s, 2 min, 10 min, then doubling up to 6 h."""
    if attempts <= len(FIRST_WAITS):
        return FIRST_WAITS[max(attempts, 1) - 1]
    doublings = min(attempts - len(FIRST_WAITS), 30)
    return min(FIRST_WAITS[-1] << doublings, LONGEST_WAIT)
