"""Servers on this machine that are up for a block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer


class Quiet(BaseHTTPRequestHandler):
    """A handler of requests that writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def up(server: TCPServer) -> Iterator[int]:
    """The server answers in a thread of its own; its port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def http(by: type[BaseHTTPRequestHandler] | ThreadingHTTPServer) -> Iterator[str]:
    """A server, or a handler on a free port; its address."""
    with up(by if isinstance(by, ThreadingHTTPServer) else ThreadingHTTPServer(("127.0.0.1", 0), by)) as port:
        yield f"http://127.0.0.1:{port}"
