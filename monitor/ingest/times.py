"""Times as people write them, read in bulk."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_MICROSECONDS = pa.timestamp("us", "UTC")
_DATE_FIRST = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?$"


def parse(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """RFC 3339 to microseconds: int64 [n], and which could be read, bool [n]. Without an offset it is UTC; finer
    fractions than microseconds are cut off."""
    try:
        times = texts.cast(_MICROSECONDS)
    except pa.ArrowInvalid:
        times = _leniently(texts)
    readable = times.is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(pc.fill_null(times.cast(pa.int64()), 0)), readable


def _leniently(texts: pa.Array) -> pa.Array:
    import pandas as pd  # 70 MB that a service whose clients write RFC 3339 never needs

    upper = pc.utf8_upper(pc.utf8_trim_whitespace(texts))
    dated = pc.if_else(pc.match_substring_regex(upper, _DATE_FIRST), upper, pa.scalar(None, pa.string()))
    series = pd.Series(dated.to_numpy(zero_copy_only=False), dtype=object)
    read = pd.to_datetime(series, format="ISO8601", utc=True, errors="coerce")
    times = read.dt.floor("us").dt.tz_localize(None).to_numpy("datetime64[us]")
    return pa.array(times).cast(_MICROSECONDS)  # by way of numpy: a service's Arrow knows nothing of pandas
