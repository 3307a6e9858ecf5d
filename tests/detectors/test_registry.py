"""Every file is in the registry, and every line of the registry is a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import detectors.two_sample
from detectors.registry import TWO_SAMPLE
from detectors.sample import Binned, Levels, Values, sample_of
from tests.detectors.build import binning_of, column, window_of

NUMBERS = np.random.default_rng(0).normal(size=(2, 300))
NUMERIC = [Values(part) for part in NUMBERS]
CATEGORICAL = [Levels(("a", "b"), np.array(pair)) for pair in ([30, 70], [45, 60])]


def test_files_and_lines_match():
    folder = Path(detectors.two_sample.__path__[0])
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(TWO_SAMPLE)


@pytest.mark.parametrize("name", TWO_SAMPLE)
def test_each_does_what_its_line_says(name):
    test = TWO_SAMPLE[name]
    for kind, (reference, current) in (("numeric", NUMERIC), ("categorical", CATEGORICAL)):
        if kind not in test.kinds:
            with pytest.raises(TypeError):
                test.compare(reference, current)
            continue
        found = test.compare(reference, current)
        standardised = name == "anderson_darling"  # less its mean
        assert found.value != 0 if standardised or not test.rises else found.value > 0
        assert found.reason is None
        assert (found.p_value is not None) == test.has_p_value
        assert found.lower is None or found.lower <= found.value <= found.upper
    assert test.title


@pytest.mark.parametrize("name", TWO_SAMPLE)
def test_each_refuses_what_it_cannot_compare(name):
    empty = Levels(("a", "b"), np.zeros(2)) if TWO_SAMPLE[name].kinds == ("categorical",) else Values(np.empty(0))
    other = CATEGORICAL[0] if isinstance(empty, Levels) else NUMERIC[0]
    with pytest.raises(ValueError, match="row"):
        TWO_SAMPLE[name].compare(empty, other)


def test_samples_of_a_count_vector_leave_odd_values_out():
    columns = {"feature.x": column([*NUMBERS[0], None, np.inf]), "feature.c": column(["a"] * 300 + ["b", None])}
    binning = binning_of(columns)
    counts = window_of(binning, columns).counts
    x, c = sample_of(binning, "feature.x", counts), sample_of(binning, "feature.c", counts)
    assert isinstance(x, Binned)
    assert x.rows == 300
    assert isinstance(c, Levels)
    assert dict(zip(c.levels, c.counts.tolist(), strict=True)) == {"a": 300, "b": 1, "__other__": 0, "__unseen__": 0}
    assert x.moments is None
    sums = window_of(binning, columns).moments
    numbers = NUMBERS[0]
    whole = sample_of(binning, "feature.x", counts, sums)
    assert whole.moments == pytest.approx((numbers.sum(), (numbers**2).sum()))
    psi = TWO_SAMPLE["psi"].compare(x, x)
    exact = TWO_SAMPLE["psi"].compare(Values(NUMBERS[0]), Values(NUMBERS[0]))
    assert psi.details["edges"] == exact.details["edges"]
