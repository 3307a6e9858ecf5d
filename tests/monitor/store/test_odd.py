from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.observations.odd import join, odd_codes, odd_values, read_odd

texts = st.one_of(st.text(max_size=8), st.sampled_from(['"c1":', '{"nan":true}', '"c1":{"nan":true}', "\\", "c1"]))


@given(
    strings=st.lists(st.one_of(st.none(), texts), min_size=4, max_size=4),
    nans=st.lists(st.booleans(), min_size=4, max_size=4),
    objects=st.lists(st.one_of(st.none(), st.dictionaries(texts, texts, max_size=2)), min_size=4, max_size=4),
)
def test_codes_and_values_come_back(strings: list[Any], nans: list[bool], objects: list[Any]) -> None:
    numbers = [math.nan if nan else None for nan in nans]
    others = [None if value is None else json.dumps(value) for value in objects]
    parts = [
        *odd_values("c1", pa.array(numbers, pa.float64())),
        *odd_values("c10", pa.array(strings, pa.string())),
        *odd_values("c2", pa.array(others, pa.string()), is_json=True),
    ]
    odd = join(4, parts)
    rows, codes = odd_codes(odd, "c1")
    assert (rows.tolist(), set(codes.tolist())) == (np.flatnonzero(nans).tolist(), {2} if any(nans) else set())
    rows, codes = odd_codes(pa.chunked_array([odd.slice(0, 2), odd.slice(2)]), "c10")
    assert rows.tolist() == [row for row in range(4) if strings[row] is not None]
    assert set(codes.tolist()) <= {1}
    for row in range(4):
        sent = {"c1": "NaN" if nans[row] else None, "c10": strings[row], "c2": objects[row]}
        assert read_odd(odd[row].as_py()) == {key: value for key, value in sent.items() if value is not None}


def test_infinities_and_numbers_as_sent() -> None:
    odd = join(3, odd_values("c1", pa.array([math.inf, 7.0, 0.1])))
    assert [read_odd(text)["c1"] for text in odd.to_pylist()] == ["Infinity", 7, 0.1]
    assert odd_codes(odd, "c1")[1].tolist() == [1, 1, 1]


def test_no_odd_values_cost_nothing() -> None:
    rows, codes = odd_codes(join(5, []), "c1")
    assert (rows.dtype, codes.dtype, len(rows)) == (np.int64, np.uint8, 0)
