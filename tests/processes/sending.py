"""A client that sends each body again, to the next process, until it is acknowledged."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Sent:
    """How often it was told to come again, by status."""

    refused: Counter[int] = field(default_factory=Counter)

    def until_taken(self, http: httpx.Client, method: str, urls: Iterator[str], path: str, body: Any) -> None:
        """Raises AssertionError for any other answer than yes or later."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = http.request(method, f"{next(urls)}/v1/{path}", json=body)
                if answer.status_code in (200, 201):
                    return
                assert answer.status_code in (429, 503), answer.text
                assert int(answer.headers["retry-after"]) > 0
                self.refused[answer.status_code] += 1
            time.sleep(0.02)
