from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.observations.canonical import canonical, canonical_stored


def of(*values: object) -> list[str | None]:
    return canonical(pa.array(list(values))).to_pylist()


def test_one_is_one() -> None:
    assert of(1) == of(1.0) == of("1") == of("1.0") == of(True) == ["1"]
    assert of(0) == of(-0.0) == of("0.0") == of(False) == ["0"]


@pytest.mark.parametrize("text", ["007", "1e5", "1_0", "true", "", " 1", "12345678901234567890", "nan", "+1", "1."])
def test_codes_stay_as_they_are(text: str) -> None:
    assert of(text, None) == [text, None]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_the_same(number: float) -> None:
    (text,) = of(number, None)[:1]
    assert text is not None
    assert float(text) == number
    assert not text.endswith(".0")


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_are_equal_in_every_kind(number: int) -> None:
    assert of(number) == of(float(number)) == of(str(number)) == of(f"{number}.0") == [str(number)]


def test_booleans_as_stored() -> None:
    assert canonical_stored(pa.array(["true", "false", None]), "boolean").to_pylist() == ["1", "0", None]
    assert canonical_stored(pa.array(["true"]), "string").to_pylist() == ["true"]
