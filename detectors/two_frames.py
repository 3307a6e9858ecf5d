"""Two tables, no service: how does each column of one differ from the other's?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.embedding.two_tables import compare_vectors, is_vectors
from detectors.gap import largest_gap
from detectors.kinds import infer_kind
from detectors.levels import canonical
from detectors.measurement import MINIMUM_ROWS, NO_COMMON_VALUE, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.pairs.two_tables import compare_correlations
from detectors.registry import TWO_SAMPLE
from detectors.sample import Levels, Sample, Values
from detectors.shares.bounds import Answer, rows_below_cuts, rows_in_categories
from detectors.two_levels import TwoLevels

TOLERANCE = 0.02
ALPHA = 0.01  # of one comparison, shared by its columns
ALPHA_TOGETHER = 0.001  # of the correlations, which are no column


@dataclass(frozen=True)
class _Pair:
    name: str
    kind: str
    reference: Sample
    current: Sample

    @cached_property
    def levels(self) -> TwoLevels | None:
        """Both, where they are categories."""
        then, now = self.reference, self.current
        return TwoLevels(self.name, then, now) if isinstance(then, Levels) and isinstance(now, Levels) else None


def compare_frames(
    reference: pa.Table, current: pa.Table, *, methods: Sequence[str] | None = None
) -> list[Measurement]:
    """Measure every column of ``reference`` that has a kind (``kinds.infer_kind``), in its order.

    Without ``methods``: the i.i.d. rule on exact values, tolerance 0.02, α = 0.01 / columns; a column drifted where
    p_value <= alpha; columns of vectors by ``mean_embedding``. Last, where there are two numeric columns,
    ``correlation`` over all of them. With ``methods``:
    each test of the registry on the columns that it fits, with the same α where it has a p-value; the others carry
    ``alpha`` ``None`` and never decide. Raises ``KeyError`` for an unknown method.
    """
    unknown = [method for method in methods or () if method not in TWO_SAMPLE]
    if unknown:
        raise KeyError(f"unknown method {unknown[0]!r}; known are {', '.join(sorted(TWO_SAMPLE))}")
    kinds = {name: _kind(reference, current, name) for name in reference.column_names}
    known = {name: kind for name, kind in kinds.items() if kind is not None}
    vectors = [] if methods is not None else [n for n in reference.column_names if is_vectors(reference.column(n))]
    alpha = ALPHA / max(len(known) + len(vectors), 1)
    # one column at a time: sorted copies of a whole table would be as large as the table
    pairs = (_pair(reference, current, name, kind) for name, kind in known.items())
    found = [measured for pair in pairs for measured in _measured(pair, methods, alpha)]
    found += [_vectors(reference, current, name, alpha) for name in vectors]
    numeric = [name for name, kind in known.items() if kind == "numeric"]
    together = None if methods is not None else compare_correlations(reference, current, numeric, ALPHA_TOGETHER)
    return found if together is None else [*found, together]


def _vectors(reference: pa.Table, current: pa.Table, name: str, alpha: float) -> Measurement:
    now = current.column(name) if name in current.column_names else pa.chunked_array([pa.nulls(0, pa.float64())])
    measured = compare_vectors(name, reference.column(name), now, tolerance=TOLERANCE, alpha=alpha)
    return replace(measured, alpha=alpha)


def _measured(pair: _Pair, methods: Sequence[str] | None, alpha: float) -> Iterator[Measurement]:
    if methods is None:
        yield _guarded(pair, "ks" if pair.kind == "numeric" else "l_infinity", _auto, alpha)
    for method in methods or ():
        if pair.kind in TWO_SAMPLE[method].kinds:
            yield _guarded(pair, method, _by_method, alpha)


def _kind(reference: pa.Table, current: pa.Table, name: str) -> str | None:
    """The reference decides; where it has no value at all, there is nothing to compare. A column that is text in one
    table is categorical in both."""
    kind = infer_kind(reference.column(name))
    if kind != "numeric" or name not in current.column_names:
        return kind
    now = current.schema.field(name).type
    now = now.value_type if pa.types.is_dictionary(now) else now
    return "categorical" if pa.types.is_string(now) or pa.types.is_large_string(now) else kind


def _whole(frame: pa.Table, name: str) -> Any:
    column = frame.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _pair(reference: pa.Table, current: pa.Table, name: str, kind: str) -> _Pair:
    make: Callable[[Any], Sample] = _values if kind == "numeric" else _levels
    now = _whole(current, name) if name in current.column_names else pa.nulls(0, pa.float64())
    return _Pair(name, kind, make(_whole(reference, name)), make(now))


def _values(column: Any) -> Values:
    numbers = pc.cast(_plain(column), pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore", invalid="ignore"):
        all_finite = np.isfinite(numbers.sum())  # one pass and no copy for what is nearly always so
    return Values(numbers if all_finite else numbers[np.isfinite(numbers)])


def _levels(column: Any) -> Levels:
    column = _plain(column).drop_null()
    if not _is_number(column.type):
        text = column
    else:
        text = canonical(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    counted = pc.value_counts(pc.cast(text, pa.string()))
    counts = counted.field("counts").to_numpy(zero_copy_only=False)
    return Levels(tuple(counted.field("values").to_pylist()), counts)


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _guarded(
    pair: _Pair, metric: str, measure: Callable[[_Pair, str, float], Measurement], alpha: float
) -> Measurement:
    n, m = round(pair.current.rows), round(pair.reference.rows)
    if m == 0 or n == 0:
        return Measurement(metric, None, m, n, pair.name, reason=TOO_FEW_ROWS if m else NO_REFERENCE)
    if pair.levels is not None and m >= MINIMUM_ROWS and not pair.levels.tells:
        return Measurement(metric, None, m, n, pair.name, reason=NO_COMMON_VALUE)
    return measure(pair, metric, alpha)


def _reason(pair: _Pair) -> str | None:
    return TOO_FEW_ROWS if min(pair.current.rows, pair.reference.rows) < MINIMUM_ROWS else None


def _auto(pair: _Pair, metric: str, alpha: float) -> Measurement:
    n, m = pair.current.rows, pair.reference.rows
    if pair.levels is None:
        found = TWO_SAMPLE[metric].compare(pair.reference, pair.current)
        answer = rows_below_cuts(np.array([found.value]), np.array([n]), np.array([m]), np.array([TOLERANCE]), alpha)
        return _moved(pair, metric, found.value, answer, alpha, {**found.details, **_where_apart(pair)})
    value, details = pair.levels.largest()
    answer = rows_in_categories(pair.levels.shares, np.array([TOLERANCE]), alpha)
    return _moved(pair, metric, value, answer, alpha, details)


def _moved(
    pair: _Pair, metric: str, effect: float, answer: Answer, alpha: float, details: dict[str, Any]
) -> Measurement:
    lower, upper = min(max(0.0, float(answer.lower[0])), effect), min(1.0, float(answer.upper[0]))
    return Measurement(
        metric,
        effect,
        round(pair.reference.rows),
        round(pair.current.rows),
        pair.name,
        lower,
        upper,
        float(answer.p_value[0]),
        effect,
        lower,
        upper,
        min(1.0, float(answer.mde[0])),
        alpha,
        _reason(pair),
        {**details, "tolerance": TOLERANCE},
    )


def _where_apart(pair: _Pair) -> dict[str, Any]:
    """Below which value the shares differ most, and what they are there."""
    assert isinstance(pair.reference, Values)
    assert isinstance(pair.current, Values)
    samples = (pair.reference.ordered, pair.current.ordered)
    cut = largest_gap(*samples).place
    then, now = (float(np.searchsorted(part, cut, side="right") / len(part)) for part in samples)
    return {
        "cut": cut,
        "share_reference": then,
        "share_current": now,
        "direction": "lower" if now > then else "higher",
    }


def _by_method(pair: _Pair, metric: str, alpha: float) -> Measurement:
    test = TWO_SAMPLE[metric]
    found = test.compare(pair.reference, pair.current)
    value = None if found.reason else found.value
    return Measurement(
        metric,
        value,
        round(pair.reference.rows),
        round(pair.current.rows),
        pair.name,
        found.lower,
        found.upper,
        found.p_value,
        value,
        found.lower,
        found.upper,
        alpha=alpha if test.has_p_value else None,
        reason=_reason(pair) or found.reason,
        details=found.details,
    )
