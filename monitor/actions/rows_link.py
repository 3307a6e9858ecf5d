"""A link to the rows of one window, for whoever trains: signed, for exactly this window, and limited in time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from alerting.secrets import MASK
from detectors.segments import EVERY
from monitor.clock import parse, render


@dataclass(frozen=True, slots=True)
class Window:
    """Predictions of a model (of one version, '' those without one, or None of all; of one segment, ``name=value``, or
    None of all) with times in [start, end), in microseconds."""

    model: str
    version: str | None
    start: int
    end: int
    segment: str | None = None


def window_of(alert: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> Window | None:
    """The rows that an alert fired on, by its worst reading (as JSON); None where it has none."""
    if not evidence:
        return None
    worst, version = evidence[0], alert["version"]
    if version is None and worst["kind"] == "performance" and not worst["details"].get("pooled"):
        version = ""  # performance is judged by version: no version means the rows without one
    start, end = parse(worst["window"]["start"]), parse(worst["window"]["end"])
    groups = str(alert["segment"] or "").endswith(f"={EVERY}")  # what compares them is about the rows of all
    return Window(str(alert["model"]), version, start, end, None if groups else alert["segment"])


def rows_url(public_url: str, secret: bytes, window: Window, expires: int) -> str:
    """The address of the rows as Parquet, with a token that holds until ``expires`` (microseconds)."""
    return f"{_address(public_url, window)}&token={_token(secret, window, expires // 1_000_000)}"


def shown_rows_url(public_url: str, window: Window) -> str:
    """The same address for people to look at: its token is masked."""
    return f"{_address(public_url, window)}&token={MASK}"


def _address(public_url: str, window: Window) -> str:
    query = {"start": render(window.start), "end": render(window.end)}
    query |= {} if window.version is None else {"version": window.version}
    query |= {} if window.segment is None else {"segment": window.segment}
    return f"{public_url}/v1/models/{quote(window.model, safe='')}/rows.parquet?{urlencode(query)}"


def is_signed(secret: bytes | None, window: Window, token: str, now: int) -> bool:
    """Whether a token is of this window, and still holds."""
    until = token.partition(".")[0]
    if secret is None or not until.isascii() or not until.isdigit() or int(until[:15]) * 1_000_000 < now:
        return False
    return hmac.compare_digest(token.encode(), _token(secret, window, int(until[:15])).encode())


def _token(secret: bytes, window: Window, until: int) -> str:
    version = "*" if window.version is None else f"={window.version}"  # rows without a version are not all rows
    said = ["rows", window.model, version, str(window.start), str(window.end), str(until)]
    said += [] if window.segment is None else [window.segment]
    return f"{until}.{hmac.new(secret, chr(0).join(said).encode(), hashlib.sha256).hexdigest()}"
