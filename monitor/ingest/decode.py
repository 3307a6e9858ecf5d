"""A body of any accepted type as columns."""

from __future__ import annotations

from monitor.ingest.bodies import from_json, from_lines
from monitor.ingest.columnar import from_arrow, from_parquet
from monitor.ingest.csv_table import from_csv
from monitor.ingest.media import format_of, unpack
from monitor.ingest.raw import Kind, RawBatch


def decode(body: bytes, content_type: str | None, encoding: str | None, kind: Kind, limit: int) -> RawBatch:
    """Read a body; ``limit`` in bytes, before and after unpacking.

    Raises BadRequest (not what it says it is), TooLarge, UnsupportedMediaType.
    """
    format_ = format_of(content_type)
    body = unpack(body, encoding, limit)
    if format_ == "json":
        return from_json(body)
    if format_ == "ndjson":
        return from_lines(body)
    if format_ == "csv":
        return from_csv(body, kind, limit)
    return from_arrow(body, kind, limit) if format_ == "arrow" else from_parquet(body, kind, limit)
