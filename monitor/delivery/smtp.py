"""One mail, handed to a server whose address was checked, within an overall time limit."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from functools import cache

from alerting.outbound import OutboundMail, OutboundReply
from monitor.delivery.addresses import MAX_ADDRESSES, PRIVATE, AddressPolicy

TIMEOUT = 30.0
_ACCEPTED = 250


def send(mail: OutboundMail, policy: AddressPolicy, timeout: float = TIMEOUT) -> OutboundReply:
    """Send and answer with SMTP's reply code and words; what goes wrong on the way is in ``error``, without any secret.

    The name is resolved once, and the connection goes to the address that was checked. ``timeout`` in seconds holds for
    everything together.
    """
    try:
        found = socket.getaddrinfo(mail.host, mail.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return OutboundReply(None, error="its name does not resolve", unsent=True)
    addresses = [one for one in dict.fromkeys(str(where[4][0]) for where in found) if policy.permits(mail.host, one)]
    if not addresses:
        return OutboundReply(None, error=PRIVATE, unsent=True)
    ends = time.monotonic() + timeout
    connection = connected(addresses[:MAX_ADDRESSES], mail.port, ends)
    if connection is None:
        return OutboundReply(None, error="no connection could be made", unsent=True)
    return _hand_over(mail, connection, max(0.1, ends - time.monotonic()), timeout)


def connected(addresses: Sequence[str], port: int, ends: float) -> socket.socket | None:
    """A connection to the first of the addresses that takes one; each has an equal share of what is left of the time
    until ``ends`` on the monotonic clock, so that one that swallows everything keeps no other from being tried."""
    for index, address in enumerate(addresses):
        share = (ends - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            return None
        try:
            return socket.create_connection((address, port), share)
        except OSError:
            continue
    return None


def _hand_over(mail: OutboundMail, connection: socket.socket, left: float, timeout: float) -> OutboundReply:
    over, live = threading.Event(), [connection]

    def cut_off() -> None:
        over.set()
        _shut(live[0])

    watch = threading.Timer(left, cut_off)  # a server that drips does not hold a sender
    watch.start()
    try:
        connection.settimeout(left)
        return _converse(mail, live, left)
    except smtplib.SMTPResponseException as error:
        return OutboundReply(error.smtp_code, body=_words(error.smtp_error))
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        return OutboundReply(code, body=_words(said))
    except smtplib.SMTPNotSupportedError:
        return OutboundReply(
            None, error="the server does not offer what the settings ask for (starttls, or a password)", unsent=True
        )
    except ssl.SSLCertVerificationError:
        return OutboundReply(None, error="its certificate is not trusted", unsent=True)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        late = over.is_set() or isinstance(error, TimeoutError)
        words = f"no answer within {timeout:g} s" if late else f"the exchange failed ({type(error).__name__})"
        return OutboundReply(None, error=words)
    finally:
        watch.cancel()
        connection.close()


def _converse(mail: OutboundMail, live: list[socket.socket], timeout: float) -> OutboundReply:
    """``live`` holds the socket that stands, a guarded one as soon as it is."""
    server = _server(mail, live[0], timeout)
    try:
        live[0] = server.sock or live[0]
        server.ehlo_or_helo_if_needed()
        if mail.security == "starttls":
            server.starttls(context=_certificates())
            live[0] = server.sock or live[0]
            server.ehlo()
        if mail.username is not None and mail.password is not None:
            server.login(mail.username, mail.password)
        refused = server.sendmail(mail.sender, mail.recipients, mail.content)
        said = f"{len(refused)} of {len(mail.recipients)} recipients were refused" if refused else "accepted"
        return OutboundReply(_ACCEPTED, {"message-id": mail.message_id}, said.encode())
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.putcmd("quit")  # whatever it answers, the mail is where it is
        server.close()


def _server(mail: OutboundMail, connection: socket.socket, timeout: float) -> smtplib.SMTP:
    """A client on a connection that stands; certificates are checked against the name, not the address."""

    class Checked(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # what smtplib asks for sockets
            if mail.security != "tls":
                return connection
            return _certificates().wrap_socket(connection, server_hostname=host)

    server = Checked(timeout=timeout)
    server._host = mail.host  # type: ignore[attr-defined]  # what starttls checks the certificate against
    code, said = server.connect(mail.host, mail.port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, said)
    return server


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _words(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()
