from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import from_datetime, parse
from monitor.ingest import times

EARLY, LATE = datetime.fromisoformat("1990-01-02"), datetime.fromisoformat("2200-01-01")
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.lists(
        st.datetimes(EARLY, LATE, timezones=st.one_of(st.just(UTC), zones)),
        min_size=1,
        max_size=5,
    )
)
def test_times_are_read_as_python_reads_them(moments: list[datetime]) -> None:
    texts = [moment.isoformat() for moment in moments]
    read, readable = times.parse(pa.array(texts))
    assert readable.all()
    assert read.tolist() == [from_datetime(moment) for moment in moments]


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        (" 2026-01-31t12:00:00z ", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00.1234567+01:00", "2026-01-31T11:00:00.123456Z"),
    ],
)
def test_forms_people_use(text: str, same_as: str) -> None:
    read, readable = times.parse(pa.array([text, "2026-01-01T00:00:00Z"]))
    assert readable.all()
    assert read[0] == parse(same_as)


@pytest.mark.parametrize("text", ["", "soon", "2026", "20260131", "1769860800", "2026-02-30T00:00:00Z", "12:00", None])
def test_what_is_no_time(text: str | None) -> None:
    _, readable = times.parse(pa.array([text, "2026-01-01"], pa.string()))
    assert readable.tolist() == [False, True]
