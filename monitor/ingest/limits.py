"""Bounds on what one body may hold; each has its error."""

from __future__ import annotations

from monitor.errors import BadRequest, TooLarge

MAX_ROWS = 1_000_000
MAX_COLUMNS = 5_000
MAX_CELLS = 10_000_000
BYTES_A_ROW, BYTES_A_CELL = 70, 7  # who lets bodies be larger than usual lets them hold more
MAX_DEPTH = 32


def check_rows(rows: int, limit: int = 0) -> None:
    """Raises TooLarge for more rows than one body of at most ``limit`` bytes may hold."""
    most = max(MAX_ROWS, limit // BYTES_A_ROW)
    if rows > most:
        raise TooLarge(f"The body has {rows:,} rows; at most {most:,} go into one.", "Split it.")


def check_shape(rows: int, columns: int, limit: int = 0) -> None:
    """Raises TooLarge for more columns, or more cells in all, than one body of at most ``limit`` bytes may hold."""
    check_rows(rows, limit)
    if columns > MAX_COLUMNS:
        raise TooLarge(f"The body has {columns:,} different columns; at most {MAX_COLUMNS:,} go into one.")
    most = max(MAX_CELLS, limit // BYTES_A_CELL)
    if rows * columns > most:
        raise TooLarge(
            f"The body has {rows:,} rows of {columns:,} columns; at most {most:,} values go into one.", "Split it."
        )


def check_vectors(values: int) -> None:
    """Raises TooLarge for more values in all of a JSON body's vectors."""
    if values > MAX_CELLS:
        raise TooLarge(f"The body's vectors hold {values:,} values; at most {MAX_CELLS:,} go into one.", "Split it.")


def check_unpacked(size: int, limit: int) -> None:
    """Raises TooLarge for a body that unpacks to more bytes than allowed."""
    if size > limit:
        raise TooLarge(
            f"The body unpacks to more than {limit:,} bytes, which is the most that one may have.", "Split it."
        )


def check_depth(value: object) -> None:
    """Raises BadRequest when lists and objects nest deeper than ``MAX_DEPTH``."""
    level = [value] if isinstance(value, (list, dict)) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, (list, dict))
        ]
        if not level:
            return
    raise too_deep()


def too_deep() -> BadRequest:
    """The error for a body that nests too deep."""
    return BadRequest(f"The body nests deeper than {MAX_DEPTH} levels.", code="too_deep")
