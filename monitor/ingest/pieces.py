"""Pieces of a body, each read into columns, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pyarrow as pa

from monitor.ingest.limits import check_shape
from monitor.ingest.raw import RawBatch
from monitor.store.observations.arriving import SentColumn

_KINDS = ("number", "string", "boolean", "vector", "other", "cells")
K = TypeVar("K")


def concatenated(batches: list[RawBatch], begins: Sequence[int], payload: Callable[[int], str]) -> RawBatch:
    """One batch of several, which are used up; ``begins``: where each one's rows begin in the body."""
    if len(batches) == 1:
        return replace(batches[0], payload=payload)
    lengths = [len(batch) for batch in batches]
    names = list(dict.fromkeys(name for batch in batches for name in batch.columns))
    fields = list(dict.fromkeys(name for batch in batches for name in batch.fields))
    check_shape(sum(lengths), len(names))
    made = RawBatch(
        positions=np.concatenate([batch.positions + begin for batch, begin in zip(batches, begins, strict=False)]),
        fields={name: _joined([batch.fields.pop(name, None) for batch in batches], lengths) for name in fields},
        columns={name: _joined([batch.columns.pop(name, None) for batch in batches], lengths) for name in names},
        payload=payload,
        rejects=tuple(
            replace(reject, row=reject.row + begin)
            for batch, begin in zip(batches, begins, strict=False)
            for reject in batch.rejects
        ),
        warnings=list(dict.fromkeys(warning for batch in batches for warning in batch.warnings)),
    )
    return made


def _joined(parts: Sequence[SentColumn | None], lengths: Sequence[int]) -> SentColumn:
    """A column of all pieces; where a piece has no value of a kind, there are nulls."""
    found = {}
    for kind in _KINDS:
        arrays = [None if part is None else getattr(part, kind) for part in parts]
        type_ = next((array.type for array in arrays if array is not None), None)
        if type_ is not None:
            filled = [pa.nulls(n, type_) if array is None else array for array, n in zip(arrays, lengths, strict=True)]
            found[kind] = pa.concat_arrays(filled)
    return SentColumn(sum(lengths), **found)
