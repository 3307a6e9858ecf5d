"""Which model versions nobody serves any more, because a newer one took over."""

from __future__ import annotations

from monitor import clock
from monitor.actions.frame import POOLED, Frame
from monitor.config.inventory import newest_end
from monitor.store import summaries

DEFAULT_LENGTH = 168


def replaced_versions(frame: Frame, as_of: int) -> dict[str, str]:
    """By version that has no rows in the newest window of the longest length at which versions are judged: the newest
    version that began after it and has."""
    if len(frame.versions) < 2:
        return {}
    length = max((max(check.lengths) for check in frame.checks if check.kind == "performance"), default=DEFAULT_LENGTH)
    end = newest_end(length, as_of) // clock.HOUR
    rows = summaries.predicted(frame.connection, frame.model.id, end - length, end)
    served = {name for name, _, count in rows if count}  # rows that came later decide nothing
    began = {name: first for name, (first, _) in frame.lifetimes.items() if name != POOLED and first < end * clock.HOUR}
    found = {}
    for version, first in began.items():
        newer = [(begun, name) for name, begun in began.items() if begun > first and name in served]
        if version not in served and newer:
            found[version] = max(newer)[1]
    return found
