"""Share of resends that came with another content under a known id."""

from __future__ import annotations

from detectors.quality.rise import Counted, of_traffic


def duplicate_share(bad: int, of: int) -> Counted:
    """``bad`` differing resends of ``of`` = rows + such resends."""
    return of_traffic("duplicate_share", bad, of)
