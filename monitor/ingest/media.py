"""What a body says it is: its type, and its encoding undone."""

from __future__ import annotations

import zlib
from functools import lru_cache
from io import BytesIO
from typing import Literal

import zstandard

from monitor.errors import BadRequest, UnsupportedMediaType
from monitor.ingest.limits import check_unpacked

Format = Literal["json", "ndjson", "arrow", "parquet", "csv"]

_FORMATS: dict[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
    "text/csv": "csv",
}
_STEP = 1 << 20
_FEW = 256  # bytes given to zstd at once: four of them can unpack to 128 KiB


@lru_cache(maxsize=100)
def format_of(content_type: str | None) -> Format:
    """The format that a Content-Type names; raises UnsupportedMediaType for others, none and other charsets."""
    kind, *parameters = (content_type or "").lower().split(";")
    format_ = _FORMATS.get(kind.strip())
    if format_ is None:
        raise UnsupportedMediaType(
            f"Content-Type {(content_type or 'none')[:100]!r} is not read here; send one of {', '.join(_FORMATS)}."
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType("Only UTF-8 is read here.")
    return format_


def unpack(body: bytes, encoding: str | None, limit: int) -> bytes:
    """The body with its Content-Encoding undone.

    Raises TooLarge past ``limit`` bytes (checked while unpacking), BadRequest for broken data and
    UnsupportedMediaType for other encodings than gzip and zstd.
    """
    check_unpacked(len(body), limit)
    name = (encoding or "identity").strip().lower()
    if name in ("", "identity"):
        return body
    if name in ("gzip", "x-gzip"):
        return _gunzip(body, limit)
    if name == "zstd":
        return _unzstd(body, limit)
    raise UnsupportedMediaType(f"Content-Encoding {name[:50]!r} is not read here; send gzip, zstd or none.")


def _gunzip(body: bytes, limit: int) -> bytes:
    unpacked, rest = BytesIO(), body
    try:
        while rest:  # a gzip file may have several members
            member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            while rest and not member.eof:
                unpacked.write(member.decompress(rest, _STEP))
                check_unpacked(unpacked.tell(), limit)
                rest = member.unconsumed_tail
            while not member.eof and (more := member.decompress(b"", _STEP)):
                unpacked.write(more)
                check_unpacked(unpacked.tell(), limit)
            if not member.eof:
                raise BadRequest("The gzip body breaks off before its end.")
            rest = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise BadRequest("The body is not gzip, or damaged.") from error
    return unpacked.getvalue()


def _unzstd(body: bytes, limit: int) -> bytes:
    unpacked, rest = BytesIO(), body
    try:
        while rest:
            frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(write_size=_STEP)
            for place in range(0, len(rest), _FEW):
                unpacked.write(frame.decompress(rest[place : place + _FEW]))
                check_unpacked(unpacked.tell(), limit)
                if frame.eof:
                    break
            if not frame.eof:
                raise BadRequest("The zstd body breaks off before its end.")
            rest = frame.unused_data + rest[place + _FEW :]
    except zstandard.ZstdError as error:
        raise BadRequest("The body is not zstd, or damaged.") from error
    return unpacked.getvalue()
