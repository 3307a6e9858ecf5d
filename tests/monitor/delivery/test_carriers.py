"""Mail and Apprise on real sockets: what arrives, what comes back, and where neither may go."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerting.outbound import OutboundMail, OutboundNotice
from monitor.delivery import smtp
from monitor.delivery.addresses import PRIVATE, AddressPolicy
from monitor.delivery.carry import carry
from monitor.delivery.smtp import send
from tests.monitor.delivery.receiver import Answer, Receiver, receiving
from tests.monitor.delivery.smtp_server import Mailbox, mail_server

HERE = AddressPolicy(loopback=True)
CONTENT = b"Subject: x\r\n\r\nhello\r\n.\r\nafter a dot\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def box(server: Mailbox) -> Mailbox:
    for held in (server.mails, server.codes, server.said):
        held.clear()
    return server


def mail(port: int, host: str = "127.0.0.1") -> OutboundMail:
    return OutboundMail(host, port, "none", None, None, "a@x.example", ("b@x.example", "c@x.example"), "<m@x>", CONTENT)


def test_a_mail_arrives_whole(box: Mailbox) -> None:
    reply = carry(mail(box.port, "localhost"), HERE)
    assert (reply.status, reply.headers["message-id"], reply.error) == (250, "<m@x>", None)
    ((sender, recipients, content),) = box.mails
    assert (sender, recipients) == ("a@x.example", ["b@x.example", "c@x.example"])
    assert content.replace(b"\r\n..\r\n", b"\r\n.\r\n") == CONTENT


@pytest.mark.parametrize(("verb", "code"), [("MAIL", 451), ("RCPT", 550), ("EHLO", 502)])
def test_what_the_server_refuses_comes_back_as_its_code(box: Mailbox, verb: str, code: int) -> None:
    box.codes[verb] = f"{code} no"
    reply = carry(mail(box.port), HERE)
    assert reply.status == (250 if verb == "EHLO" else code)  # an old server knows HELO alone


def test_a_way_that_is_not_guarded_carries_no_password(box: Mailbox) -> None:
    guarded = replace(mail(box.port), security="starttls", username="u", password="very-secret")
    reply = carry(guarded, HERE)
    assert reply.status is None
    assert "does not offer" in str(reply.error)
    assert not [line for line in box.said if "AUTH" in line or "secret" in line]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine that nobody has signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout k.pem -out c.pem"
    )
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True, timeout=30)
    return folder


@pytest.mark.parametrize("trusted", [True, False])
def test_the_way_is_guarded_before_a_password_goes_over_it(
    box: Mailbox, certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.guarded = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    box.guarded.load_cert_chain(certificate / "c.pem", certificate / "k.pem")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "c.pem"))
    smtp._certificates.cache_clear()
    given = replace(mail(box.port, "localhost"), security="starttls", username="u", password="very-secret")
    reply = carry(given, HERE)
    smtp._certificates.cache_clear()
    box.guarded = None
    if not trusted:
        assert (reply.status, reply.error) == (None, "its certificate is not trusted")
        assert box.mails == []
        assert not [line for line in box.said if "AUTH" in line]
        return
    assert (reply.status, reply.error) == (250, None)
    assert [line.split()[0] for line in box.said[:4]] == ["ehlo", "STARTTLS", "ehlo", "AUTH"]
    assert len(box.mails) == 1


def test_a_server_without_tls_is_no_way_for_tls(box: Mailbox) -> None:
    reply = carry(replace(mail(box.port), security="tls"), HERE)
    assert reply.status is None
    assert box.mails == []


def test_a_server_that_drips_does_not_hold_a_sender() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while not over.wait(0.05):
                    try:
                        connection.send(b"220-")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        reply = send(mail(listening.getsockname()[1]), HERE, timeout=0.4)
        over.set()
        thread.join()
    assert reply.status is None
    assert time.monotonic() - began < 2


def test_an_address_that_swallows_everything_neither_holds_a_sender_nor_hides_the_next() -> None:
    """A full queue answers no connection, as a firewall that drops them does."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    port = full.getsockname()[1]
    waiting = [socket.socket() for _ in range(4)]
    with socket.create_server(("127.0.0.2", port)):
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        made = smtp.connected(["127.0.0.1", "127.0.0.1", "127.0.0.2"], port, began + 0.9)
        assert made is not None
        assert made.getpeername()[0] == "127.0.0.2"
        made.close()
        began = time.monotonic()
        assert smtp.connected(["127.0.0.1"] * 4, port, began + 0.4) is None
        assert 0.3 < time.monotonic() - began < 1
    for one in (*waiting, full):
        one.close()


FORMS = ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f000001", "::1", "::ffff:127.0.0.1", "10.0.0.1",
         "169.254.169.254", "fe80::1", "fd00::1"]  # fmt: skip


@pytest.mark.parametrize("host", FORMS)
def test_mail_goes_to_no_private_address_in_whatever_form(box: Mailbox, host: str) -> None:
    reply = carry(mail(box.port, host), AddressPolicy())
    assert (reply.status, reply.error) == (None, PRIVATE)
    assert box.said == []


def notice(url: str) -> OutboundNotice:
    return OutboundNotice(url, "a title", "a text", "warning")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_apprise_brings_a_message(receiver: Receiver) -> None:
    reply = carry(notice(receiver.url.replace("http://", "json://")), HERE)
    assert (reply.status, reply.error) == (200, None)
    got = receiver.received.pop().json()
    assert (got["title"], got["message"], got["type"]) == ("a title", "a text", "warning")


def test_apprise_goes_to_no_private_address_and_follows_no_redirect(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    reply = carry(notice(f"json://localhost:{port}/very-secret"), AddressPolicy())
    assert (reply.status, reply.error) == (None, PRIVATE)
    assert receiver.received == []
    receiver.answer = lambda _: Answer(302, {"Location": f"{receiver.url}/elsewhere"})
    reply = carry(notice(f"json://localhost:{port}/very-secret"), HERE)
    assert (reply.status, reply.error) == (None, "the service did not take it; Apprise does not say why")
    assert len(receiver.received) == 1


def test_apprise_does_not_know_every_address() -> None:
    reply = carry(notice("pigeon://very-secret"), HERE)
    assert (reply.status, reply.error) == (400, "Apprise does not know such an address")
