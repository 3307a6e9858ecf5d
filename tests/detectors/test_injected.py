"""Drift that is put in has the size that was asked for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.injected import SIZES, Injection, Kind, changed_labels, changed_values, yardstick_of

N = 40_000


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("size", [0.05, 0.15, 0.3, 1.0])
def test_a_concept_of_numbers_is_in_proportion(size: float) -> None:
    labels = rng().normal(7, 3, N)
    found = changed_labels(pa.array(labels), Injection("concept", size), rng()).to_numpy()
    assert found - labels == pytest.approx(np.full(N, size / 0.3 * labels.std()))


@pytest.mark.parametrize("size", [0.05, 0.15, 0.6])
def test_a_concept_of_classes_is_a_share(size: float) -> None:
    labels = rng().choice(["a", "b", "c"], N)
    found = np.asarray(changed_labels(pa.array(labels), Injection("concept", size), rng()).to_pylist())
    assert np.mean(found != labels) == pytest.approx(size, abs=0.01)
    assert set(found) == {"a", "b", "c"}


@pytest.mark.parametrize("size", [0.2, 0.5, 2.0])
def test_a_shift_and_a_unit_are_in_proportion(size: float) -> None:
    values = rng().normal(1, 2, N)
    shifted = changed_values(pa.array(values), Injection("shift", size, "x"), rng()).to_numpy()
    assert shifted - values == pytest.approx(np.full(N, size * values.std()))
    scaled = changed_values(pa.array(values), Injection("unit_change", size, "x"), rng()).to_numpy()
    assert scaled == pytest.approx(values * size)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0, None], ["a", "a", "a", "b"]])
def test_a_shift_is_measured_by_the_stretch_that_it_began_with(values: list[float | str | None]) -> None:
    began, later = pa.array(values), pa.array([*values[:1], *values[:1]])
    made = Injection("shift", 50.0, "x")
    found = changed_values(later, made, rng(), yardstick_of(began)).to_pylist()
    assert found == [1 + 50 * np.std([1.0, 2.0, 3.0])] * 2 if began.null_count else ["b", "b"]
    assert yardstick_of(began.filter(pa.array([False] * len(began)))) is None


@pytest.mark.parametrize("size", [0.1, 0.5])
def test_what_goes_missing_is_a_share(size: float) -> None:
    found = changed_values(pa.array(rng().choice(["a", "b"], N)), Injection("missing", size, "x"), rng())
    assert found.null_count / N == pytest.approx(size, abs=0.01)


@pytest.mark.parametrize("kind", SIZES)
def test_the_usual_size_is_half_a_standard_deviation_at_least(kind: Kind) -> None:
    """What is put in unless another size is asked for moves something."""
    values, made = pa.array(rng().normal(0, 1, N)), Injection(kind, SIZES[kind][0], "x")
    found = changed_labels(values, made, rng()) if kind == "concept" else changed_values(values, made, rng())
    assert found.null_count or np.mean(np.abs(found.to_numpy() - values.to_numpy())) >= 0.49
