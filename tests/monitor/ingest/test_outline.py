"""How many entries a list has, told without reading them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest import outline

TEXTS = st.one_of(st.text(max_size=6), st.text('\\",[]{}', max_size=9))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=12,
)


@pytest.mark.parametrize("part", [1, 7, 1 << 20])
@given(entries=st.lists(VALUES, min_size=1, max_size=6), ascii=st.booleans())
def test_commas_between_entries_are_counted_alone(part: int, entries: list[Any], ascii: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outline, "_PART", part)
        body = json.dumps(entries, ensure_ascii=ascii).encode()
        assert outline.commas_within(body, 1) == len(entries) - 1
        assert outline.commas_within(b'{"records":%b}' % body, 2) == len(entries) - 1
