"""Columns whose values shall never be stored: dropped, hashed, or told only to the bin, before anything else looks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.store.observations.arriving import ArrivingPredictions, Reject, SentColumn
from monitor.store.observations.canonical import canonical
from monitor.store.observations.cells import read_cells
from monitor.store.observations.odd import OddValues, json_lists

WITHHELD = "(not kept: the model has private features)"
OTHER = "other"
DIGITS = 32  # of a hash, hexadecimal: 128 bits
_STEPS = [factor * 10.0**power for power in range(-6, 13) for factor in (1, 2, 5)]
DEFAULT_CUTS = (*(-step for step in reversed(_STEPS)), 0.0, *_STEPS)


@dataclass(frozen=True)
class Privacy:
    """What becomes of a feature's values. ``bins``: numbers, the upper ends of bins, or texts, the categories that are
    told apart; empty: bins of 1, 2, 5, 10, 20 … for numbers, and no text is told from another."""

    kind: Literal["drop", "hash", "summary_only"]
    bins: tuple[Any, ...] = ()


def private_features(settings: Mapping[str, Any]) -> dict[str, Privacy]:
    """The features that a model's part of the configuration keeps private."""
    named = {name: entry for name, entry in (settings.get("features") or {}).items() if isinstance(entry, Mapping)}
    return {
        name: Privacy(entry["privacy"], tuple(entry.get("bins") or ()))
        for name, entry in named.items()
        if entry.get("privacy") is not None
    }


def protect(rows: ArrivingPredictions, private: Mapping[str, Privacy], key: bytes) -> ArrivingPredictions:
    """The rows as they may be stored; ``key`` [32 bytes] is of the hashes. Features that are a single value instead of
    named ones are withheld, as are rejected rows that cannot be read."""
    if not private:
        return rows
    columns = {}
    for (role, name), sent in rows.columns.items():
        rule = private.get(name) if role == "feature" else None
        if rule is None:
            columns[role, name] = sent
        elif rule.kind != "drop":
            columns[role, name] = _hidden(sent, name, rule, key)
    odd = tuple(_withheld(part) if part.key == "features" else part for part in rows.odd)
    return replace(rows, columns=columns, odd=odd, rejects=redacted(rows.rejects, private))


def _withheld(values: OddValues) -> OddValues:
    """What shows that there was something, and no more."""
    texts = pa.array([json.dumps(WITHHELD)] * len(values.rows), pa.string())
    return replace(values, texts=texts, withheld=True)


def _hidden(sent: SentColumn, name: str, rule: Privacy, key: bytes) -> SentColumn:
    if rule.kind == "hash":
        return SentColumn(sent.length, string=_each(_texts(sent), lambda text: hashed(key, name, text)))
    return SentColumn(sent.length, string=_binned(read_cells(sent, "number"), rule.bins))


def hashed(key: bytes, feature: str, text: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a value in canonical form, of one feature alone: without the key no list of values can
    be tried, and equal values of two features do not look alike."""
    return hmac.new(key, f"{feature}\0{text}".encode(), hashlib.sha256).hexdigest()[:DIGITS]


def _texts(sent: SentColumn) -> pa.Array:
    """Every value as text, numbers in canonical form, null where there is none."""
    sent = read_cells(sent, "string")
    parts = [pa.nulls(sent.length, pa.string())]
    parts += [canonical(part) for part in (sent.number, sent.string, sent.boolean) if part is not None]
    parts += [json_lists(sent.vector)] if sent.vector is not None else []
    parts += [sent.other] if sent.other is not None else []
    return pc.coalesce(*parts)


def _each(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    """Once per distinct value."""
    encoded = texts.dictionary_encode()
    made = [None if text is None else change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(made, pa.string()).take(encoded.indices)


def _binned(sent: SentColumn, bins: Sequence[Any]) -> pa.Array:
    """The bin of each value by name; values of another kind, NaN and what is beyond all names are ``other``."""
    numeric = not any(isinstance(one, str) for one in bins)
    texts = _texts(sent.without("number") if numeric else sent)
    known = pa.array([str(one) for one in bins] if not numeric else [], pa.string())
    nothing = pa.scalar(None, pa.string())
    told = pc.if_else(pc.is_in(texts, value_set=known), texts, pc.if_else(texts.is_valid(), OTHER, nothing))
    if not numeric or sent.number is None:
        return told
    cuts = np.array(bins or DEFAULT_CUTS, dtype=np.float64)
    numbers = sent.number.to_numpy(zero_copy_only=False)
    names = pa.array(bin_names(cuts), pa.string()).take(pa.array(np.searchsorted(cuts, np.nan_to_num(numbers))))
    usable = sent.number.is_valid()
    named = pc.if_else(pc.is_finite(pc.fill_null(sent.number, 0.0)), names, OTHER)
    return pc.if_else(usable, named, told)


def bin_names(cuts: Sequence[float] | np.ndarray[Any, Any]) -> list[str]:
    """Names of the bins that ``cuts`` [B] part, [B + 1]: a value that is equal to a cut lies below it."""
    ends = [f"{cut:g}" for cut in cuts]
    inner = [f"{low} to {high}" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}", *inner, f"above {ends[-1]}"]


def redacted(rejects: Sequence[Reject], private: Mapping[str, Privacy]) -> tuple[Reject, ...]:
    """Rejected rows without the private values."""
    if not private:
        return tuple(rejects)
    return tuple(replace(one, payload=_redacted(one.payload, private)) for one in rejects)


def _redacted(payload: str, private: Mapping[str, Privacy]) -> str:
    """What can be read as a row keeps all but its private features; anything else is withheld."""
    try:
        row = json.loads(payload)
    except ValueError:
        return WITHHELD
    if not isinstance(row, dict):
        return WITHHELD
    kept = {name: value for name, value in row.items() if name.removeprefix("feature.") not in private}
    features = kept.get("features")
    if isinstance(features, dict):
        kept["features"] = {name: value for name, value in features.items() if name not in private}
    elif features is not None:
        kept["features"] = WITHHELD
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
