"""How many single predictions 200 clients get acknowledged in a second, beside the same service with a commit each.

    python -m bench.singles [--clients 200] [--seconds 60] [--features 20] [--url postgresql://...]

Every client keeps one connection and posts one record after the other, each with a new id; an answer means that it is
on disk. The service runs in a process of its own with its scheduler; the clients share another one, of raw sockets.
Turns of both ways of committing alternate, so that a busy machine slows them alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.ports import free_port

WARM_UP = 2.0
ID = "0123456789abcdef"


@dataclass
class Tally:
    """What clients saw: seconds of each acknowledged post, and answers that were no acknowledgement."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cpu: float = 0.0
    lasted: float = 0.0

    @property
    def per_second(self) -> float:
        """Acknowledged posts a second."""
        return len(self.seconds) / self.lasted

    def at(self, share: float) -> float:
        """Milliseconds within which that share was acknowledged."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000 if self.seconds else float("nan")


def requests(features: int, port: int, model: str, count: int = 64) -> list[tuple[bytes, bytes]]:
    """Requests to post one record, cut where the id goes in."""
    dice = random.Random(features)
    made = []
    for _ in range(count):
        values: dict[str, Any] = {f"n{place}": dice.gauss(0, 1) for place in range(features * 4 // 5)}
        values |= {f"t{place}": dice.choice(["red", "green", "blue"]) for place in range(features - len(values))}
        time_ = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {"id": ID, "timestamp": time_, "version": "v1", "features": values, "prediction": dice.randrange(2)}
        body = json.dumps(record).encode()
        head = f"POST /v1/models/{model}/predictions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        first, rest = (head.encode() + body).split(ID.encode())
        made.append((first, rest))
    return made


class Client(asyncio.Protocol):
    """Posts one record after the other over one connection."""

    def __init__(self, tally: Tally, made: list[tuple[bytes, bytes]], number: int) -> None:
        self.tally, self.made, self.next = tally, made, number << 32
        self.counting, self.sent_at, self.answer = False, 0.0, b""

    def connection_made(self, transport: Any) -> None:
        """Send the first."""
        self.transport = transport
        self.send()

    def send(self) -> None:
        """The next record."""
        self.next += 1
        first, rest = self.made[self.next % len(self.made)]
        self.answer, self.sent_at = b"", time.perf_counter()
        self.transport.write(b"%b%016x%b" % (first, self.next, rest))

    def data_received(self, data: bytes) -> None:
        """Count an answer once it is whole, and send the next."""
        self.answer += data
        if not self.answer.endswith(b"}"):
            return
        if self.counting:
            if b'"accepted":1' in self.answer:
                self.tally.seconds.append(time.perf_counter() - self.sent_at)
            else:
                self.tally.errors.append(self.answer.decode(errors="replace"))
        self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        """The service hung up."""
        if self.counting:
            self.tally.errors.append("the connection was closed")


async def post_for(port: int, clients: int, seconds: float, features: int, first: int) -> Tally:
    """So many clients for so long, after a warm-up that does not count."""
    tally, made = Tally(), requests(features, port, "bench")
    loop = asyncio.get_running_loop()
    some = [
        (await loop.create_connection(lambda number=number: Client(tally, made, first + number), "127.0.0.1", port))[1]
        for number in range(clients)
    ]
    await asyncio.sleep(WARM_UP)
    for client in some:
        client.counting = True
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    tally.lasted = time.perf_counter() - began
    for client in some:
        client.counting = False
        client.transport.close()
    return tally


def clients_process(told: Any, *arguments: Any) -> None:
    """Run the clients and tell what they saw."""
    import uvloop

    told.send(uvloop.run(post_for(*arguments)))


def serve(home: str, port: int, url: str | None, each: bool) -> None:
    """The service with its scheduler; ``each``: every post is a round of its own."""
    from monitor import memory

    memory.prepare()
    from monitor import bootstrap, serving, settings
    from monitor.api import intake

    if each:
        intake.ROUND, intake.LINGER = 1, 0.0
    serving.serve(bootstrap.build(settings.load({}, home=home, port=port, database_url=url)))


@contextmanager
def running(home: Path, url: str | None, each: bool) -> Iterator[tuple[int, int]]:
    """Port and process of a service."""
    port = free_port()
    service = multiprocessing.get_context("spawn").Process(target=serve, args=(str(home), port, url, each))
    service.start()
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, service.pid or 0
    finally:
        service.terminate()
        service.join()


def measure(home: Path, url: str | None, each: bool, clients: int, seconds: float, features: int, first: int) -> Tally:
    """One turn, against a service started for it."""
    import psutil

    with running(home, url, each) as (port, process):
        watched = psutil.Process(process)
        hear, tell = multiprocessing.Pipe(duplex=False)
        arguments = (tell, port, clients, seconds, features, first)
        posting = multiprocessing.get_context("spawn").Process(target=clients_process, args=arguments)
        posting.start()
        before = watched.cpu_times()
        tally: Tally = hear.recv()
        after = watched.cpu_times()
        tally.cpu = (after.user + after.system - before.user - before.system) * seconds / (seconds + WARM_UP)
        posting.join()
    return tally


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--url", help="the store; SQLite in a new folder unless given")
    given = parser.parse_args()
    speeds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * given.turns):
        each = turn % 2 == 1
        seconds = min(given.seconds, 15.0) if each else given.seconds
        with tempfile.TemporaryDirectory() as home:
            tally = measure(Path(home), given.url, each, given.clients, seconds, given.features, turn << 16)
        speeds[each].append(tally.per_second)
        print(
            f"{'a commit each' if each else 'in rounds':14}{tally.per_second:>8,.0f} a second"
            f"  p50 {tally.at(0.5):.0f} ms  p99 {tally.at(0.99):.0f} ms  {len(tally.errors)} errors"
            f"  {tally.cpu * 1e6 / max(1, len(tally.seconds)):.0f} us of the service's processors a post",
            *tally.errors[:1],
            flush=True,
        )
    print(f"in rounds / a commit each: {median(speeds[False]) / median(speeds[True]):.1f}")


if __name__ == "__main__":
    main()
