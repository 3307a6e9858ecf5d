"""ClickHouse's HTTP interface, as far as clickhouse-connect asks for it, before the embedded engine.

    python tests/clickhouse_front.py FOLDER

Prints its port, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

_OF_TRANSPORT = {
    "query",
    "query_id",
    "database",
    "wait_end_of_query",
    "compress",
    "decompress",
    "enable_http_compression",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "client_protocol_version",
}
_TOKEN = "insert_deduplication_token"


class Front(BaseHTTPRequestHandler):
    """One connection of the engine, one statement at a time."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    engine: Any = None
    lock = threading.Lock()
    said: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            with self.lock:
                answer, status = self.execute(given, body), 200
        except RuntimeError as error:
            answer, status = str(error).encode(), 500
        self.send_response(status)
        if status == 500:
            self.send_header("X-ClickHouse-Exception-Code", str(error_code(answer.decode())))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def execute(self, given: dict[str, str], body: bytes) -> bytes:
        for name, value in given.items():
            if name not in _OF_TRANSPORT | {_TOKEN} and self.said.get(name) != value:
                self.engine.query(f"SET {name} = '{value}'")
                self.said[name] = value
        if database := given.get("database"):
            self.engine.query(f"USE `{database}`")
        if "query" in given and body:
            return self.insert(given["query"], body, given.get(_TOKEN, ""))
        if body.startswith(b"INSERT"):
            statement, _, data = body.partition(b"\n")
            return self.insert(statement.decode(), data, given.get(_TOKEN, ""))
        statement = given.get("query") or body.decode()
        return bytes(self.engine.query(statement, "TabSeparated").bytes() or b"")

    def insert(self, statement: str, data: bytes, token: str) -> bytes:
        into, _, form = statement.rpartition(" FORMAT ")
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.engine.query(f"{into} FROM INFILE '{file.name}' SETTINGS {_TOKEN} = '{token}' FORMAT {form}")
        return b""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def error_code(text: str) -> int:
    return int(text.partition("Code: ")[2].partition(".")[0] or 0)


@contextlib.contextmanager
def fronted(folder: Path) -> Iterator[str]:
    """A front in a process of its own; its address."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
            process.wait(30)


def main(folder: str) -> None:
    import chdb

    Front.engine = chdb.connect(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()
    with Front.lock:
        Front.engine.close()


if __name__ == "__main__":
    main(sys.argv[1])
