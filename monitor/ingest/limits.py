"""Bounds on what one body may hold; each has its error."""

from __future__ import annotations

from monitor.errors import BadRequest, TooLarge

MAX_ROWS = 1_000_000
MAX_COLUMNS = 5_000
MAX_CELLS = 10_000_000
MAX_DEPTH = 32


def check_rows(rows: int) -> None:
    """Raises TooLarge for more rows than one body may hold."""
    if rows > MAX_ROWS:
        raise TooLarge(f"The body has {rows:,} rows; at most {MAX_ROWS:,} go into one. Split it.")


def check_shape(rows: int, columns: int) -> None:
    """Raises TooLarge for more columns, or more cells in all, than one body may hold."""
    check_rows(rows)
    if columns > MAX_COLUMNS:
        raise TooLarge(f"The body has {columns:,} different columns; at most {MAX_COLUMNS:,} go into one.")
    if rows * columns > MAX_CELLS:
        raise TooLarge(f"The body has {rows:,} rows of {columns:,} columns; split it into smaller ones.")


def check_unpacked(size: int, limit: int) -> None:
    """Raises TooLarge for a body that unpacks to more bytes than allowed."""
    if size > limit:
        raise TooLarge(f"The body unpacks to more than {limit:,} bytes, which is the most that one may have. Split it.")


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
