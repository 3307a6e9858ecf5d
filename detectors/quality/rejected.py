"""Share of records that could not be accepted."""

from __future__ import annotations

from detectors.quality.rise import Counted, of_traffic


def rejected_share(bad: int, of: int) -> Counted:
    """``bad`` rejected records of ``of`` = rows + rejected records."""
    return of_traffic("rejected_share", bad, of)
