"""Orchestrators that speak as the real ones do: functions of requests, played in memory or served on this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from alerting.outbound import OutboundReply, OutboundRequest
from tests import served as servers

T = TypeVar("T")
Reply = tuple[int, Any]  # status and JSON
SECRET = "not-a-real-one-2f1c"


@dataclass(frozen=True)
class Seen:
    """A request as it came. ``parts`` is its path, taken apart."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    def is_a(self, method: str, *pattern: str) -> bool:
        """Whether it has this method and path; ``*`` is any part."""
        fits = len(pattern) == len(self.parts) and all(a in ("*", b) for a, b in zip(pattern, self.parts, strict=True))
        return self.method == method and fits


def seen(request: OutboundRequest) -> Seen:
    url = urlsplit(request.url)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    parts = tuple(unquote(part) for part in url.path.strip("/").split("/"))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Seen(request.method, parts, query, headers, json.loads(request.body) if request.body else None)


@dataclass
class Run:
    """What an orchestrator knows of a run: its own id, the key that it was asked for with, state and parameters."""

    id: str
    key: str
    state: str
    given: Any


@dataclass
class Orchestrator:
    """``settings`` of a trigger that fits it; ``states`` by the state that Plimsoll sees in them. ``drop``: this many
    requests that start a run are carried out and not answered. ``instead`` answers in its place, whatever is asked."""

    url: str = "http://orchestrator.test"
    runs: list[Run] = field(default_factory=list)
    asked: list[Seen] = field(default_factory=list)
    paused: bool = False
    gone: bool = False
    drop: int = 0
    instead: Callable[[Seen], Reply | None] | None = None

    settings: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    first: str = "queued"
    secret: str = f"Bearer {SECRET}"
    holder: str = "parameters"  # the setting with the parameters
    duplicates: bool = True  # a repeat is told as one
    pauses: bool = True
    requires: bool = True  # it says which parameters it takes

    def configured(self, **more: Any) -> dict[str, Any]:
        """Settings as they are written in a document."""
        return {**self.settings, "url": self.url + self.suffix, **more}

    suffix = ""

    def handle(self, request: Seen) -> Reply | None:
        """What it answers; None: nothing."""
        self.asked.append(request)
        if self.instead is not None:
            return self.instead(request)
        if self.secret and request.headers.get("authorization") != self.secret and not self.is_sign_in(request):
            return 401, {"detail": "Unauthorized", "message": "Unauthorized"}
        before = len(self.runs)
        reply = self.answer(request)
        if len(self.runs) > before and self.drop:
            self.drop -= 1
            return None
        return reply

    def is_sign_in(self, request: Seen) -> bool:
        return False

    def answer(self, request: Seen) -> Reply:
        raise NotImplementedError

    def begin(self, key: str, given: Any, run_id: str | None = None) -> Run:
        run = Run(run_id or f"{len(self.runs) + 41}", key, self.first, given)
        self.runs.append(run)
        return run

    def of_key(self, key: str) -> Run | None:
        return next((run for run in self.runs if run.key == key), None)

    def of_id(self, run_id: str) -> Run | None:
        return next((run for run in self.runs if run.id == run_id), None)


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def play(conversation: Generator[OutboundRequest, OutboundReply, T], answer: Callable[[Seen], Reply | None]) -> T:
    """Hold a conversation in memory."""
    try:
        request = next(conversation)
        while True:
            reply = answer(seen(request))
            if reply is None:
                told = OutboundReply(None, error="no answer within 15 s")
            else:
                told = OutboundReply(reply[0], {}, b"" if reply[1] is None else json.dumps(reply[1]).encode())
            request = conversation.send(told)
    except StopIteration as end:
        result: T = end.value
        return result


@contextmanager
def served(orchestrator: Orchestrator) -> Iterator[None]:
    """The orchestrator on a free port of this machine; its ``url`` says where. What it drops is a closed connection."""

    class Handler(servers.Quiet):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = OutboundRequest(self.command, f"http://x{self.path}", dict(self.headers), body)
            reply = orchestrator.handle(seen(request))
            if reply is None:
                self.close_connection = True
                return
            text = b"" if reply[1] is None else json.dumps(reply[1]).encode()
            self.send_response(reply[0])
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST

    with servers.http(Handler) as orchestrator.url:
        yield
