"""A real HTTP server that remembers what it was sent and answers as told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests import served


@dataclass(frozen=True)
class Answer:
    """Status, headers and body; ``slowly`` waits that many seconds before it says anything."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    slowly: float = 0.0


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    url: str
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Answer] = lambda _received: Answer()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""

    class Handler(served.Quiet):
        def do_PATCH(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the sender died in the middle of it
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Received(self.path, headers, body)
            receiver.received.append(got)
            answer = receiver.answer(got)
            time.sleep(answer.slowly)
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True  # the sender went away, as some tests make it

    with served.http(Handler) as url:
        receiver = Receiver(url)
        yield receiver
