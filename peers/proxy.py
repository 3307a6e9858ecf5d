"""A proxy on loopback that passes requests on, and loses the answers that it is told to lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests import served

HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "accept-encoding"}


@dataclass(frozen=True)
class Passed:
    """A request that reached the other side, and the status it was answered with."""

    method: str
    path: str
    body: bytes
    status: int


@dataclass
class Proxy:
    """``lose`` says of a request whether its answer is lost; ``lost`` are those, ``passed`` all."""

    url: str
    lose: Callable[[Passed], bool]
    passed: list[Passed] = field(default_factory=list)
    lost: list[Passed] = field(default_factory=list)


@contextmanager
def losing(upstream: str, is_start: Callable[[Passed], bool]) -> Iterator[Proxy]:
    """A proxy to ``upstream`` (scheme and host) that loses the first answer to what starts a run."""

    class Handler(served.Quiet):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            reply = client.request(self.command, upstream + self.path, headers=headers, content=body)
            told = Passed(self.command, self.path, body, reply.status_code)
            proxy.passed.append(told)
            if proxy.lose(told):
                proxy.lost.append(told)
                self.close_connection = True  # nothing is said: the request arrived, its answer does not
                return
            self.send_response(reply.status_code)
            for name, value in reply.headers.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    with httpx.Client(timeout=60) as client, served.http(Handler) as url:
        proxy = Proxy(url, lambda told: not proxy.lost and is_start(told))
        yield proxy
