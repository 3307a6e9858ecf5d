"""JSON and NDJSON bodies: cut into pieces, so that few records are objects at a time, and each piece into columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import BadRequest, TooLarge
from monitor.ingest.alike import read_alike
from monitor.ingest.limits import MAX_ROWS, check_rows, check_shape, check_vectors, too_deep
from monitor.ingest.outline import commas_within
from monitor.ingest.pieces import concatenated
from monitor.ingest.raw import RawBatch
from monitor.ingest.records import Records, columns_of, read_json, read_lines, said_of_unknown

PIECE = 4 << 20  # bytes
SMALL = 1 << 16  # bytes of a body that is not worth a struct of its own
SAMPLE = 1 << 14  # bytes that tell what keys a piece has
MOST_UNUSUAL = 12 << 20  # bytes of a piece that must be read at once: of one record, however it is written

_OPENING = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*(\{[ \t\r\n]*"records"[ \t\r\n]*:[ \t\r\n]*)?\[[ \t\r\n]*(?=\{)')
_CLOSING = re.compile(rb"\}[ \t\r\n]*\][ \t\r\n]*(\}[ \t\r\n]*)?\Z")
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_END = 200  # bytes in which a list must be closed


class _Outline(msgspec.Struct, gc=False):
    records: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


_outline = msgspec.json.Decoder(list[msgspec.Raw] | _Outline)
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw])


def from_json(body: bytes, piece: int = PIECE) -> RawBatch:
    """One record, a list of them, or ``{"records": [...]}``; raises BadRequest for what is no JSON, TooLarge for a
    large body that only the standard library reads."""
    if len(body) <= min(piece, SMALL):
        return columns_of([read_json(body)])
    spans, inner = _cut(body, piece)
    if spans:
        try:
            view, read = memoryview(body), _read_inner if inner else read_json
            return _in_pieces(len(spans), lambda place: b"".join((b"[", view[slice(*spans[place])], b"]")), read)
        except BadRequest:
            pass  # cut in the middle of a text or a list, or no JSON: read as it is, or said of the whole
    return columns_of([read_json(body)]) if len(body) <= piece else _by_outline(body, piece)


def from_lines(body: bytes, piece: int = PIECE) -> RawBatch:
    """A record per line; blank lines do not count, a line that cannot be read is a rejected row."""
    if len(body) <= min(piece, SMALL):
        return columns_of([read_lines(body)])
    ends = [0]
    while ends[-1] < len(body):
        ends.append(body.find(b"\n", ends[-1] + piece) + 1 or len(body))
    return _in_pieces(len(ends) - 1, lambda place: body[ends[place] : ends[place + 1]], read_lines)


def _cut(body: bytes, piece: int) -> tuple[list[tuple[int, int]], bool]:
    """Where pieces of a list begin and end: where one object ends and another begins; and whether the list is within an
    object. That a cut is not within a text or within another list shows when all pieces are read: then each is a list,
    and the body is all of them."""
    opening, closing = _OPENING.match(body), _CLOSING.search(body, max(0, len(body) - _END))
    if not opening or not closing or bool(opening[1]) != bool(closing[1]):
        return [], False
    start, end = opening.end(), closing.start() + 1
    spans = []
    while found := _BETWEEN.search(body, start + piece, end):
        spans.append((start, found.start() + 1))
        start = found.end()
    spans.append((start, end))
    too_long = max(end - start for start, end in spans) > max(piece, MOST_UNUSUAL)
    return [] if too_long else spans, bool(opening[1])


def _by_outline(body: bytes, piece: int) -> RawBatch:
    """A list whose records are not next to each other as ``_cut`` wants them."""
    if body.count(b",") >= MAX_ROWS:
        check_rows(1 + commas_within(body, 1 if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") else 2))
    try:
        found = _outline.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError as error:
        raise too_deep() from error
    except msgspec.DecodeError:
        found = msgspec.UNSET
    rows = found.records if isinstance(found, _Outline) else found
    if isinstance(rows, list):
        check_rows(len(rows))
        starts = _starts(np.array([len(memoryview(row)) for row in rows], np.int64), piece)
        ends = [*starts[1:], len(rows)]
        is_list = isinstance(found, list)
        raw = _in_pieces(
            len(starts),
            lambda place: b"[%b]" % b",".join(rows[starts[place] : ends[place]]),
            read_json if is_list else _read_inner,
        )
        beside = () if is_list else _keys.decode(body.removeprefix(b"\xef\xbb\xbf")).keys() - {"records"}
        return replace(raw, warnings=[*raw.warnings, *said_of_unknown(beside)])
    if len(body) > MOST_UNUSUAL:
        raise TooLarge(
            f"JSON with NaN, or of one record, may have {MOST_UNUSUAL:,} bytes.", "Split it, or send NDJSON."
        )
    return columns_of([read_json(body)])


def _starts(sizes: NDArray[np.int64], piece: int) -> list[int]:
    """Where pieces of records of these sizes begin; one that is larger than a piece is one by itself."""
    places, large = np.cumsum(sizes) // piece, sizes > piece
    begins = (np.diff(places) > 0) | large[1:] | large[:-1]
    return [0, *(np.flatnonzero(begins) + 1).tolist()]


def _read_inner(piece: bytes) -> Records:
    """A list that stands within an object, which is a level more."""
    return read_json(b'{"records":%b}' % piece)


def _in_pieces(count: int, text: Callable[[int], bytes], read: Callable[[bytes], Records]) -> RawBatch:
    """A body read piece by piece; ``text(i)`` is its piece i, and ``read`` reads everything."""
    lines = read is read_lines
    batches, begins, vectors = [], [0], 0
    for place in range(count):
        piece = text(place)
        _check_record(piece, lines=lines)
        if found := read_alike(piece, _sample(piece, lines=lines), lines=lines):
            size, (fields, columns) = found
            batch = RawBatch(np.arange(size), fields, columns, _forgotten)
        else:
            records = read(piece)
            size, batch = records.size, replace(columns_of([records]), payload=_forgotten)
        begins.append(begins[-1] + size)
        check_shape(begins[-1], len(batch.columns))
        vectors += sum(len(one.vector.values) for one in batch.columns.values() if one.vector is not None)
        check_vectors(vectors)
        batches.append(batch)
    counts = np.cumsum([0, *map(len, batches)])
    again: Callable[[int], Records] = lru_cache(1)(lambda place: read(text(place)))

    def payload(row: int) -> str:
        place = int(np.searchsorted(counts, row, "right")) - 1
        return again(place).payload(row - int(counts[place]))

    return concatenated(batches, begins, payload)


def _check_record(piece: bytes, *, lines: bool) -> None:
    """Raises TooLarge where a piece is as large as it is for one record: its objects would take many times the room."""
    if len(piece) > MOST_UNUSUAL:
        longest = max(map(len, map(bytes.strip, piece.split(b"\n")))) if lines else len(piece)
        if longest > MOST_UNUSUAL:
            raise TooLarge(f"A record has {longest:,} bytes; at most {MOST_UNUSUAL:,} go into one.")


def _sample(piece: bytes, *, lines: bool) -> bytes:
    """The first records of a piece, in the same form; nothing where one is as long as many."""
    if len(piece) <= 2 * SAMPLE:
        return piece
    if lines:
        return piece[: piece.find(b"\n", SAMPLE) + 1]
    found = _BETWEEN.search(piece, SAMPLE)
    return piece[: found.start() + 1] + b"]" if found else b""


def _forgotten(_row: int) -> str:
    raise AssertionError("a piece does not keep its records")
