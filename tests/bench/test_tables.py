"""The tables that the pages quote can still be made: each in miniature, so that what they call cannot change without
them."""

from __future__ import annotations

import re

import pytest

from bench import (
    causes,
    checks,
    class_mix,
    concept,
    drops,
    estimates,
    fairness,
    intervals,
    joint,
    late_labels,
    quiet_weeks,
    restless,
    wandering_days,
    weeks,
)

MOVED = (0.0, 1.0)
TABLES = {
    "causes": (2 + 2, lambda: causes.held(1, causes.CHANGES[:2], 20_000)),
    "causes_slices": (2 + 6, lambda: causes.listed(1)),
    "checks": (2 + 2, lambda: checks.table(3, 1, rounds=1)),
    "class_mix": (2 + 14, lambda: class_mix.table(1, (3,))),
    "class_mix_unknown": (2 + 4, lambda: class_mix.unknown_table(1, (0.0,), (0.1,))),
    "concept": (2 + 2, lambda: concept.table(3, 2000, (200,))),
    "drops": (2 * (2 + 3), lambda: drops.table(1, ("flat",), (24,), each=2)),
    "estimates": (2 + 4 * 2, lambda: estimates.table(estimates.measured(1, 2000, MOVED), MOVED, estimates.mean_size)),
    "fairness": (2 + 3, lambda: fairness.of_late_labels(1, 10)),
    "fairness_limits": (2 + 6, lambda: fairness.of_limits(20)),
    "intervals": (2 + 4 * 4, lambda: intervals.table(10, (1000,))),
    "joint": (2 + 3, lambda: joint.found(1, ("correlations", "vectors"), (20,), ("iid",))),
    "late_labels": (2 + 4 * 5, lambda: late_labels.table(range(2), 24)),
    "quiet_weeks": (2 + 2, lambda: quiet_weeks.table(1, (8,), ("not at all", "by the day"))),
    "restless": (2 * (2 + 3), lambda: restless.table(2, (24,), (20,))),
    "wandering_days": (2 + 3, lambda: wandering_days.table(2, (0.6,), 28, 7)),
    "weeks": (2 + 4, lambda: weeks.table(1, (3,), {"vectors": (1.0,), "correlations": (0.3,)})),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_can_be_made(name):
    count, make = TABLES[name]
    lines = [line for line in make() if line]
    assert len(lines) == count
    told = [line for line in lines if re.search(r"\d\.\d", line)]
    assert len(told) >= count / 2
    assert not any(re.search(r"\b(nan|inf)\b", line) for line in lines)
