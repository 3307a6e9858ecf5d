"""ClickHouse's HTTP interface, as far as clickhouse-connect asks for it, before the embedded engine.

    python tests/clickhouse_front.py FOLDER

Prints its port, and ends with its standard input. ``PLIMSOLL_TEST_CHDB`` is the Python of an environment with another
chDB, so that the tests over HTTP meet an older engine.
"""

from __future__ import annotations

import contextlib
import os
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
_WORDS = {  # settings that 24.5 does not survive in a process: it takes no second word
    "date_time_input_format",
    "cast_string_to_dynamic_use_inference",
    "cancel_http_readonly_queries_on_client_close",
    "output_format_arrow_compression_method",
}
_TOKEN = "insert_deduplication_token"
OTHER = os.environ.get("PLIMSOLL_TEST_CHDB")


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
        except Exception as error:  # of the engine's own kind before 25
            answer, status = str(error).encode(), 500
        self.send_response(status)
        if status == 500:
            self.send_header("X-ClickHouse-Exception-Code", str(error_code(answer.decode())))
        self.send_header("Content-Length", str(len(answer)))
        with contextlib.suppress(OSError):  # nobody waits any more
            self.end_headers()
            self.wfile.write(answer)

    do_GET = do_POST

    def execute(self, given: dict[str, str], body: bytes) -> bytes:
        unsaid = _OF_TRANSPORT | _WORDS if OTHER else _OF_TRANSPORT
        for name, value in given.items():
            if name not in unsaid and name != _TOKEN and self.said.get(name) != value:
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
        if OTHER:  # without a server, engines before 26 have nobody who would end the wait
            statement = statement.removesuffix(" SYNC")
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
    with front_process(folder) as (address, _):
        yield address


@contextlib.contextmanager
def front_process(folder: Path) -> Iterator[tuple[str, int]]:
    """A front's address and the process that it is, which may be stopped for a while."""
    command = [OTHER or sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}", process.pid
        finally:
            process.stdin.close()
            process.wait(30)


def main(folder: str) -> None:
    life = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # engines before 26 take a pipe there for rows to insert
    import chdb
    from chdb import session

    Front.engine = chdb.connect(folder) if hasattr(chdb, "connect") else session.Session(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    os.read(life, 1)
    server.shutdown()
    with Front.lock:
        Front.engine.close()


if __name__ == "__main__":
    main(sys.argv[1])
