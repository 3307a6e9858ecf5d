"""Requests on a real socket, and where they may not go."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from alerting.outbound import SHORT, OutboundRequest
from monitor.delivery.addresses import AddressPolicy
from monitor.delivery.http import send
from tests.monitor.delivery.receiver import Answer, Receiver, receiving

HERE = AddressPolicy(loopback=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def post(url: str) -> OutboundRequest:
    return OutboundRequest("POST", url, {"content-type": "text/plain", "webhook-id": "msg_1"}, b"hello")


def test_what_is_sent_arrives_and_the_answer_comes_back(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(202, {"Retry-After": "7"}, b"taken")
    reply = send(post(f"{receiver.url}/hook?a=b"), HERE)
    assert (reply.status, reply.headers["retry-after"], reply.body, reply.error) == (202, "7", b"taken", None)
    (got,) = receiver.received
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook?a=b", b"hello", "msg_1")
    assert got.headers["host"] == receiver.url.removeprefix("http://")


def test_addresses_are_not_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        send(post(f"{receiver.url}/very-secret"), HERE)
    assert "very-secret" not in caplog.text


def test_a_name_is_resolved_and_kept_as_host(receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost")
    assert send(post(url), HERE).status == 200
    assert receiver.received[0].headers["host"] == url.removeprefix("http://")


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(302, {"Location": f"{receiver.url}/elsewhere"})
    assert send(post(receiver.url), HERE).status == 302
    assert len(receiver.received) == 1


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert send(post(receiver.url), HERE).status == 200


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(200, {}, b"x" * (3 * SHORT))
    assert len(send(post(receiver.url), HERE).body) == SHORT


def test_the_time_limit_holds_for_everything(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(slowly=0.6)
    reply = send(post(receiver.url), HERE, timeout=0.2)
    assert (reply.status, reply.error) == (None, "no answer within 0.2 s")


def test_it_is_known_whether_anything_was_sent_when_no_answer_came(receiver: Receiver) -> None:
    """A connection that is never made leaves no doubt whether a retraining was started."""
    with contextlib.ExitStack() as until:
        full = until.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # whom nobody lets in
            waits = until.enter_context(socket.socket())
            waits.setblocking(False)
            waits.connect_ex(full.getsockname())
        reply = send(post(f"http://127.0.0.1:{full.getsockname()[1]}"), HERE, timeout=0.3)
    assert (reply.error, reply.unsent) == ("no answer within 0.3 s", True)
    receiver.answer = lambda _: Answer(slowly=1.2)
    reply = send(post(receiver.url), HERE, timeout=1.0)
    assert (reply.error, reply.unsent) == ("no answer within 1 s", False)


def test_a_drip_of_bytes_does_not_outlast_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200:
                    if over.wait(0.05):
                        return
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        started = time.monotonic()
        reply = send(post(f"http://127.0.0.1:{server.getsockname()[1]}"), HERE, timeout=0.4)
        over.set()
        thread.join()
    assert reply.error == "no answer within 0.4 s"
    assert time.monotonic() - started < 2


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reply = send(post(f"http://127.0.0.1:{port}/very-secret"), HERE)
    assert (reply.status, reply.error) == (None, "no connection could be made")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://127.0.0.1/x", "its address does not start with https:// or http://"),
        ("http://does-not-exist.invalid/very-secret", "its name does not resolve"),
        ("http://[::1", "the exchange failed (InvalidURL)"),
        ("not an address", "its address does not start with https:// or http://"),
    ],
)
def test_addresses_that_cannot_be_used_are_told_without_repeating_them(url: str, error: str) -> None:
    assert send(post(url), HERE).error == error


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://localhost:9/", "http://0.0.0.0:9/", "http://169.254.169.254/", "http://10.0.0.1/",
     "http://192.168.1.1/", "http://2130706433:9/", "http://[::ffff:127.0.0.1]:9/", "http://0x7f000001:9/",
     "http://127.1:9/", "http://[::ffff:7f00:1]:9/", "http://[64:ff9b::7f00:1]:9/", "http://[fe80::1]:9/", "http://[::1]:9/"],
)  # fmt: skip
def test_private_addresses_are_refused(url: str, receiver: Receiver) -> None:
    reply = send(post(url), AddressPolicy())
    assert (reply.status, reply.error) == (None, "its address is private; PLIMSOLL_ALLOW_TARGETS can name it")
    assert receiver.received == []


@pytest.mark.parametrize(
    ("allow", "host", "address", "permitted"),
    [
        ((), "hooks.example", "93.184.216.34", True),
        ((), "hooks.example", "2606:2800:220:1::1", True),
        ((), "hooks.example", "224.0.0.1", False),
        ((), "hooks.example", "100.64.0.1", False),
        ((), "hooks.example", "fe80::1%eth0", False),
        ((), "hooks.example", "64:ff9b::a00:1", False),
        ((), "hooks.example", "2002:7f00:1::", False),
        (("Internal.example",), "internal.example", "10.0.0.1", True),
        (("internal.example",), "other.example", "10.0.0.1", False),
        (("10.0.0.0/8",), "x", "10.9.9.9", True),
        (("10.0.0.0/8",), "x", "::ffff:10.9.9.9", True),
        (("10.0.0.1",), "x", "10.0.0.1", True),
        (("10.0.0.1",), "x", "10.0.0.2", False),
        (("127.0.0.1",), "x", "127.0.0.1", True),
        (("fd00::/8",), "x", "fd12::1", True),
    ],
)
def test_policy(allow: tuple[str, ...], host: str, address: str, permitted: bool) -> None:
    assert AddressPolicy(allow).permits(host, address) is permitted
