"""The ledger's arithmetic."""

from __future__ import annotations

import pytest

from detectors.multiplicity import DEFAULT_WEIGHTS, ledger_alpha

PRESENT = [weight for kind, weight in DEFAULT_WEIGHTS.items() if kind != "segments"]


def test_the_two_numbers_of_the_documentation():
    """Ten features, four kinds, two lengths."""
    weight = DEFAULT_WEIGHTS["data_drift"]
    assert ledger_alpha(1, weight, sum(PRESENT), 10, 2, 180) == pytest.approx(1.39e-4, rel=5e-3)
    assert ledger_alpha(1, weight, sum(PRESENT), 10, 2, 30) == pytest.approx(8.3e-4, rel=5e-3)


def test_a_month_of_tests_spends_the_budget_and_no_more():
    total = sum(PRESENT)
    spent = sum(
        ledger_alpha(3, weight, total, pairs, 2, runs) * pairs * runs
        for weight, pairs in zip(PRESENT, (12, 50, 2, 2), strict=True)
        for runs in (180, 30)
    )
    assert spent == pytest.approx(3)


def test_what_cannot_be_is_refused_and_what_means_nothing_is_capped():
    with pytest.raises(ValueError, match="positive"):
        ledger_alpha(1, 0.45, 0.9, 0, 2, 180)
    assert ledger_alpha(1e9, 0.45, 0.9, 1, 1, 1) == 0.5
