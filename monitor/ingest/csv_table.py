"""CSV bodies: every cell as text, to be read by its column's type later on."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from monitor.errors import BadRequest
from monitor.ingest.limits import check_shape
from monitor.ingest.naming import place_columns, said_of_doubles
from monitor.ingest.raw import Kind, RawBatch
from monitor.ingest.values import json_text
from monitor.store.observations.arriving import Reject, SentColumn


def from_csv(body: bytes, kind: Kind, limit: int = 0) -> RawBatch:
    """A CSV with a header; an empty cell is null, a row with another number of cells than the header is rejected.

    Raises BadRequest when it has no header, is no UTF-8, or ends within quotes.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        names = _header(body)
        check_shape(0, len(names))
        table, rejects = _read(body, names)
        _check_end(body, names, table.num_rows + len(rejects))
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"The body is no readable CSV: {error}"[:300]) from error
    check_shape(table.num_rows + len(rejects), table.num_columns, limit)
    return _batch(table, names, kind, rejects)


def _header(body: bytes) -> list[str]:
    names = next(csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline="")), [])
    if not names:
        raise BadRequest("The CSV has no header line.")
    return names


def _read(body: bytes, names: list[str]) -> tuple[pa.Table, list[Reject]]:
    rejects: list[Reject] = []

    def invalid(row: Any) -> str:
        reason = f"the row has {row.actual_columns} cells, the header {row.expected_columns}"
        rejects.append(Reject(int(row.number) - 2, None, None, reason, row.text))
        return "skip"

    plain = [f"f{place}" for place in range(len(names))]  # names may repeat
    table = pc_csv.read_csv(
        pa.BufferReader(body),
        read_options=pc_csv.ReadOptions(use_threads=False, column_names=plain, skip_rows_after_names=1),
        parse_options=pc_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=invalid),
        convert_options=pc_csv.ConvertOptions(
            column_types=dict.fromkeys(plain, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=True,
        ),
    )
    return table, rejects


def _check_end(body: bytes, names: list[str], rows: int) -> None:
    """Raises BadRequest where the last quotes are never closed: what follows them would be one cell, and its rows gone.
    A quote within a cell may stand alone; so another line is put to the end, and is a row, or part of that cell."""
    if body.count(b'"') % 2 == 0:
        return
    longer, rejects = _read(body + b"\nend" + b"," * (len(names) - 1), names)
    if longer.num_rows + len(rejects) == rows:
        raise BadRequest(f"Quotes that open in row {rows - 1} are never closed; the body may have been cut off.")


def _batch(table: pa.Table, names: list[str], kind: Kind, rejects: list[Reject]) -> RawBatch:
    places, warnings = place_columns(list(dict.fromkeys(names)), kind)
    doubles = [name for name, times in Counter(names).items() if times > 1 and name in places]
    fields, columns = {}, {}
    for name, place in places.items():
        column = table.column(names.index(name))
        cells = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, pa.string())
        if isinstance(place, str):
            fields[place] = SentColumn(len(cells), cells=cells)
        else:
            columns[place] = SentColumn(len(cells), cells=cells)
    places_of_rows = np.delete(np.arange(table.num_rows + len(rejects)), [reject.row for reject in rejects])
    return RawBatch(
        positions=places_of_rows,
        fields=fields,
        columns=columns,
        payload=lambda row: json_text(
            dict(zip(names, (cell[0].as_py() for cell in table.slice(row, 1).columns), strict=True))
        ),
        rejects=tuple(rejects),
        warnings=[*warnings, *said_of_doubles(doubles)],
    )
