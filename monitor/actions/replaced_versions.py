"""Which model versions nobody serves any more, because a newer one took over."""

from __future__ import annotations

from monitor import clock
from monitor.actions.frame import POOLED, Frame
from monitor.config.inventory import newest_end

DEFAULT_LENGTH = 168


def replaced_versions(frame: Frame, as_of: int) -> dict[str, str]:
    """By version that has no rows in the newest window of the longest length at which versions are judged: the newest
    version that began after it and has."""
    if len(frame.versions) < 2:
        return {}
    length = max((max(check.lengths) for check in frame.checks if check.kind == "performance"), default=DEFAULT_LENGTH)
    end = newest_end(length, as_of)
    start = end - length * clock.HOUR
    served = {name: span for name, span in frame.lifetimes.items() if name != POOLED and span[0] < end}
    found = {}
    for version, (first, last) in served.items():
        newer = [(begun, name) for name, (begun, until) in served.items() if begun > first and until >= start]
        if last < start and newer:
            found[version] = max(newer)[1]
    return found
