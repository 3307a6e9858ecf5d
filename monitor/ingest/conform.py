"""Rows with a good envelope, and the reasons of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import DAY
from monitor.ingest.raw import RawBatch
from monitor.ingest.times import parse
from monitor.store.observations.arriving import (
    ArrivingLabels,
    ArrivingPredictions,
    ArrivingReference,
    Reject,
    SentColumn,
)
from monitor.store.observations.base import GROUPS, LabelBatch
from monitor.store.observations.canonical import canonical
from monitor.store.observations.cells import inferred, read_cells
from monitor.store.observations.odd import OddValues, odd_values

MAX_ID = 256
MAX_VERSION = 256  # characters: databases index it
EARLIEST = 631_152_000_000_000  # 1990-01-01
AHEAD = DAY

_GOOD, _NO_ID, _ID_KIND, _ID_LONG, _NO_TIME, _TIME_KIND, _EARLY, _LATE, _NO_LABEL, _LABEL_KIND, _ID_LOST = range(11)
_REASONS: Mapping[int, tuple[str, str]] = {
    _NO_ID: ("id", "the row has no id"),
    _ID_KIND: ("id", "an id must be a string"),
    _ID_LONG: ("id", f"an id has at most {MAX_ID} characters"),
    _ID_LOST: ("id", "the id has a character that is none (U+FFFD, half of a surrogate pair)"),
    _NO_TIME: ("timestamp", "the row has no timestamp"),
    _TIME_KIND: ("timestamp", "this is no readable time; write it as 2026-01-31T12:00:00Z"),
    _EARLY: ("timestamp", "the time is before 1990"),
    _LATE: ("timestamp", "the time is more than 24 hours ahead"),
    _NO_LABEL: ("label", "the row has no label"),
    _LABEL_KIND: ("label", "a label must be a string, a boolean or a finite number"),
}
_REPLACEMENT = "\ufffd"
_NOTHING = pa.scalar(None, pa.string())


def predictions(raw: RawBatch, now: int) -> ArrivingPredictions:
    """Predictions that can be stored; ``now`` bounds how far ahead a time may be."""
    ids, id_codes = _ids(raw)
    times, time_codes = _times(raw, now)
    codes = np.where(id_codes != _GOOD, id_codes, time_codes)
    good = _rows(raw, codes, ids, times, time_codes)
    rows = _arriving(good, ids.filter(pa.array(codes == _GOOD)), times[codes == _GOOD])
    return replace(rows, warnings=(*rows.warnings, *said_of_silent(int(silent(rows).sum()))))


def labels(raw: RawBatch, now: int) -> ArrivingLabels:
    """Labels that can be stored; one without a time is known from ``now`` on."""
    ids, id_codes = _ids(raw)
    times, time_codes = _times(raw, now)
    defaulted = time_codes == _NO_TIME
    texts, kinds, label_codes = _labels(raw)
    codes = np.select(
        [id_codes != _GOOD, (time_codes != _GOOD) & ~defaulted], [id_codes, time_codes], default=label_codes
    )
    good, kept = _rows(raw, codes, ids, times, time_codes), codes == _GOOD
    mask = pa.array(kept)
    batch = LabelBatch(
        ids=ids.filter(mask),
        labels=texts.filter(mask),
        kinds=kinds.filter(mask),
        timestamps=np.where(defaulted, now, times)[kept],
        defaulted=defaulted[kept],
        positions=good.positions,
    )
    return ArrivingLabels(batch, good.rejects, tuple(good.warnings))


def reference(raw: RawBatch, now: int) -> ArrivingReference:
    """Rows of a reference: an id and a time are not needed, but a time that cannot be read rejects its row."""
    times, time_codes = _times(raw, now)
    ids = _texts(raw.sent("id"))
    codes = np.where(time_codes == _NO_TIME, _GOOD, time_codes)
    good, kept = _rows(raw, codes, ids, times, time_codes), codes == _GOOD
    timed = bool(len(good)) and not np.any(time_codes[kept] == _NO_TIME)
    rows = _arriving(good, pc.fill_null(ids, "").filter(pa.array(kept)), np.where(timed, times, 0)[kept])
    return ArrivingReference(rows, timed, _labels(good)[0])


def _ids(raw: RawBatch) -> tuple[pa.Array, NDArray[np.int64]]:
    """Ids as text (null where there is none) and what is wrong with each."""
    sent = read_cells(raw.sent("id"), "string")
    ids = _texts(sent)
    lengths = pc.fill_null(pc.utf8_length(ids), 0).to_numpy()
    other = sent.without("string").filled()
    codes = [_ID_KIND, _NO_ID, _ID_LONG, _ID_LOST]
    return ids, np.select([other, lengths == 0, lengths > MAX_ID, _lost(ids)], codes, default=_GOOD)


def _lost(ids: pa.Array) -> NDArray[np.bool_]:
    """Texts in which a character stands for others that are no more: two of them might be the same."""
    data = ids.buffers()[2]
    if data is None or _REPLACEMENT.encode() not in data.to_pybytes():  # twenty times as fast as a look at each
        return np.zeros(len(ids), np.bool_)
    return np.asarray(pc.fill_null(pc.match_substring(ids, _REPLACEMENT), False))


def _texts(sent: SentColumn) -> pa.Array:
    string = read_cells(sent, "string").string
    return pa.nulls(sent.length, pa.string()) if string is None else string


def _times(raw: RawBatch, now: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times and what is wrong with each."""
    if raw.times is not None:
        absent = raw.times.is_null().to_numpy(zero_copy_only=False)
        times, readable = np.asarray(pc.fill_null(raw.times, 0)), ~absent
    else:
        sent = read_cells(raw.sent("timestamp"), "string")
        absent = ~sent.filled()
        times, readable = parse(_texts(sent))
    codes = np.select(
        [absent, ~readable, times < EARLIEST, times > now + AHEAD], [_NO_TIME, _TIME_KIND, _EARLY, _LATE], default=_GOOD
    )
    return times, codes


def _rows(
    raw: RawBatch, codes: NDArray[np.int64], ids: pa.Array, times: NDArray[np.int64], time_codes: NDArray[np.int64]
) -> RawBatch:
    """The good rows, with the bad ones among the rejects, in order of their place in the body."""
    bad = np.flatnonzero(codes)
    if not len(bad):
        return raw
    sent = raw.sent("id")
    rejects = [
        Reject(
            row=int(raw.positions[row]),
            id=_id_as_sent(sent, ids, int(row)),
            field=_REASONS[int(codes[row])][0],
            reason=_REASONS[int(codes[row])][1],
            payload=raw.payload(int(row)),
            timestamp=int(times[row]) if time_codes[row] == _GOOD else None,
        )
        for row in bad
    ]
    merged = sorted((*raw.rejects, *rejects), key=lambda reject: reject.row)
    return replace(raw.take(np.flatnonzero(codes == _GOOD)), rejects=tuple(merged))


def _id_as_sent(sent: SentColumn, ids: pa.Array, row: int) -> object:
    text = ids[row].as_py()
    if text is not None:
        return text if len(text) <= MAX_ID else text[:MAX_ID] + "…"
    values = [part[row].as_py() for _, part in sent.parts()]
    value = next((value for value in values if value is not None), None)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _arriving(raw: RawBatch, ids: pa.Array, times: NDArray[np.int64]) -> ArrivingPredictions:
    versions, odd_versions = _version(raw.sent("version"))
    latency, odd_latency = _latency(raw.sent("latency_ms"))
    whole = [odd for group in GROUPS for odd in _all_odd(group, raw.sent(group))]
    return ArrivingPredictions(
        ids=ids,
        timestamps=times,
        positions=raw.positions,
        versions=versions,
        latency_ms=latency,
        errors=_error(raw.sent("error")),
        columns=raw.columns,
        odd=(*odd_versions, *odd_latency, *whole),
        rejects=raw.rejects,
        warnings=tuple(raw.warnings),
    )


def _all_odd(key: str, sent: SentColumn) -> list[OddValues]:
    return [odd for name, part in sent.parts() for odd in odd_values(key, part, is_json=name == "other")]


def _version(sent: SentColumn) -> tuple[pa.Array, list[OddValues]]:
    """Versions are texts; a number is taken as its shortest text, and a text is left as it is ("1.10" is not 1.1).

    One that is too long to tell versions apart is odd: kept as sent, and no version."""
    sent = read_cells(sent, "string")
    texts = _texts(sent)
    long = pc.fill_null(pc.greater(pc.utf8_length(texts), MAX_VERSION), False)
    nothing = pa.scalar(None, pa.string())
    parts = [pc.if_else(long, nothing, texts)]
    odd = SentColumn(sent.length, string=pc.if_else(long, texts, nothing), other=sent.other)
    if sent.number is not None:
        finite = pc.is_finite(sent.number)
        parts.append(canonical(pc.if_else(finite, sent.number, None)))
        odd = replace(odd, number=pc.if_else(finite, None, sent.number))
    if sent.boolean is not None:
        parts.append(pc.if_else(sent.boolean, "true", "false"))
    return pc.coalesce(*parts), _all_odd("version", odd)


def _latency(sent: SentColumn) -> tuple[pa.Array, list[OddValues]]:
    sent = read_cells(sent, "number")
    if sent.number is None:
        return pa.nulls(sent.length, pa.float64()), _all_odd("latency_ms", sent)
    finite = pc.is_finite(sent.number)
    odd = replace(sent, number=pc.if_else(finite, None, sent.number))
    return pc.if_else(finite, sent.number, None), _all_odd("latency_ms", odd)


def _error(sent: SentColumn) -> pa.Array:
    """Something went wrong, however it is put: everything becomes text."""
    sent = read_cells(sent, "string")
    parts = [_texts(sent)]
    parts += [canonical(sent.number)] if sent.number is not None else []
    parts += [pc.if_else(sent.boolean, "true", "false")] if sent.boolean is not None else []
    parts += [sent.other] if sent.other is not None else []
    return pc.coalesce(*parts)


def _labels(raw: RawBatch) -> tuple[pa.Array, pa.Array, NDArray[np.int64]]:
    """Canonical labels, the kind of each as sent, and what is wrong with each."""
    sent = raw.sent("label")
    sent = sent if sent.cells is None else read_cells(sent, inferred(sent.cells))
    texts: list[pa.Array] = [pa.nulls(sent.length, pa.string())]
    kinds: list[pa.Array] = [pa.nulls(sent.length, pa.string())]
    for kind in ("number", "string", "boolean"):
        part = getattr(sent, kind)
        if part is None:
            continue
        usable = pc.is_finite(part) if kind == "number" else part.is_valid()
        texts.append(pc.if_else(usable, canonical(part), _NOTHING))
        kinds.append(pc.if_else(usable, kind, _NOTHING))
    text = pc.coalesce(*texts)
    absent = text.is_null().to_numpy(zero_copy_only=False)
    codes = np.select([absent & sent.filled(), absent], [_LABEL_KIND, _NO_LABEL], default=_GOOD)
    return text, pc.coalesce(*kinds), codes


def silent(rows: ArrivingPredictions) -> NDArray[np.bool_]:
    """Rows that have no prediction, no probability and no error: bool [n]."""
    quiet: NDArray[np.bool_] = rows.errors.is_null().to_numpy(zero_copy_only=False)
    for (role, _), sent in rows.columns.items():
        if role in ("prediction", "probability"):
            quiet = quiet & ~sent.filled()
    return quiet


def unsaid(rows: ArrivingPredictions) -> NDArray[np.bool_]:
    """Rows that have a probability, and neither a prediction nor an error: bool [n]."""
    said = rows.columns.get(("prediction", "")) or SentColumn(len(rows.ids))
    quiet: NDArray[np.bool_] = ~silent(rows) & rows.errors.is_null().to_numpy(zero_copy_only=False) & ~said.filled()
    return quiet


def said_of_unsaid(count: int) -> list[str]:
    """What there is to say of so many of them in a model of which other rows have a prediction."""
    words = "rows have a probability and no prediction, as other rows of this model do: they count as without"
    return [f"prediction: {count} {words}"] if count else []


def said_of_silent(count: int) -> list[str]:
    """What there is to say of so many of them."""
    return [f"prediction: {count} rows have no prediction, no probability and no error"] if count else []
