"""Up to where labels are known well enough: old hours count as they are, newer ones while enough of them are known."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.performance.settled import settled_up_to


@pytest.mark.parametrize(
    ("labelled", "over", "least", "hours"),
    [
        ([10, 10, 10, 10], 0, 0.8, 4),
        ([10, 10, 5, 0], 0, 0.8, 3),  # 25 of 30
        ([10, 10, 5, 0], 0, 0.95, 2),
        ([0, 10, 10, 10], 0, 0.8, 0),  # the oldest are waited for
        ([0, 10, 10, 10], 1, 0.8, 4),  # until nothing more is to come
        ([0, 0, 0, 0], 2, 0.8, 2),
        ([14, 6, 0, 0], 0, 0.8, 2),  # 16 of 20: rows that came after it was set lend the others no labels
        ([], 0, 0.8, 0),
    ],
)
def test_hours_that_count(labelled: list[int], over: int, least: float, hours: int) -> None:
    known, size = np.array(labelled, np.int64), len(labelled)
    assert settled_up_to(np.full(size, 10), known, np.arange(size) < over, least) == hours
