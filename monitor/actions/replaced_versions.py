"""Which model versions nobody serves any more, because another one took over: a newer one, or after a rollback an older
one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor import clock
from monitor.actions.frame import POOLED, Frame
from monitor.config.inventory import newest_end
from monitor.store import summaries

DEFAULT_LENGTH = 168
WEEK = 168  # hours
LOOK_BACK = 16 * WEEK  # so that it may have been away for half as long


def replaced_versions(frame: Frame, as_of: int) -> dict[str, str]:
    """By version that nobody serves any more the one that took over: the newest version that began after it and has
    rows in the newest window of the longest length at which versions are judged, while it has none. Where there is no
    newer one, the newest of the older ones, once it has been away for a week, and for twice as long as it ever was
    before: a canary that runs in batches is not withdrawn between them."""
    if len(frame.versions) < 2:
        return {}
    length = max((max(check.lengths) for check in frame.checks if check.kind == "performance"), default=DEFAULT_LENGTH)
    end = newest_end(length, as_of) // clock.HOUR
    rows = summaries.predicted(frame.connection, frame.model.id, end - length, end)
    served = {name for name, _, count in rows if count}  # rows that came later decide nothing
    began = {name: first for name, (first, _) in frame.lifetimes.items() if name != POOLED and first < end * clock.HOUR}
    found, without_newer = {}, []
    for version, first in began.items():
        newer = [(begun, name) for name, begun in began.items() if begun > first and name in served]
        if version not in served and newer:
            found[version] = max(newer)[1]
        elif version not in served:
            without_newer.append(version)
    if without_newer and served:
        other = max((began[name], name) for name in served)[1]
        since = summaries.predicted(frame.connection, frame.model.id, end, as_of // clock.HOUR + 1)
        without_newer = [one for one in without_newer if one not in {name for name, _, count in since if count}]
        length = max(length, WEEK)
        away = _away(frame, without_newer, length, newest_end(length, as_of) // clock.HOUR)
        found |= dict.fromkeys(away, other)
    return found


def _away(frame: Frame, versions: Sequence[str], length: int, end: int) -> list[str]:
    """Those that had been away for long enough at hour ``end``: for ``length`` hours at least."""
    hours: dict[str, list[int]] = {}
    for version, hour, count in summaries.predicted(frame.connection, frame.model.id, end - LOOK_BACK, end):
        if count:
            hours.setdefault(version, []).append(hour)
    return [version for version in versions if _is_away(hours.get(version, []), length, end)]


def _is_away(hours: list[int], length: int, end: int) -> bool:
    """Whether a version with rows in these hours, increasing, has had none for long enough."""
    longest = int(np.diff(hours).max()) - 1 if len(hours) > 1 else 0
    return not hours or end - hours[-1] - 1 >= max(length, 2 * longest)
