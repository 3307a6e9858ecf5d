"""A real SMTP server on a socket, as much of RFC 5321 as a client of one mail needs."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests import served


@dataclass
class Mailbox:
    """``codes`` replace the answer to a command: ``{"RCPT": "450 later"}``."""

    port: int
    guarded: ssl.SSLContext | None = None
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A server on a free port of this machine."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):  # the client went away, as some tests make it
                self.converse()

        def converse(self) -> None:
            sender, recipients = "", []
            self.say("220 here")
            while line := self.rfile.readline().decode("ascii", "replace").strip():
                box.said.append(line)
                verb = line.split()[0].upper().split(":")[0]
                if verb in box.codes:
                    self.say(box.codes[verb])
                    continue
                if verb == "MAIL":
                    sender = line.split("<")[1].split(">")[0]
                elif verb == "RCPT":
                    recipients.append(line.split("<")[1].split(">")[0])
                elif verb == "DATA":
                    self.say("354 go on")
                    box.mails.append((sender, recipients, self.content()))
                elif verb == "STARTTLS" and box.guarded is not None:
                    self.say("220 go on")
                    self.guard(box.guarded)
                    continue
                elif verb == "EHLO" and box.guarded is not None:
                    self.say("250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN")
                    continue
                elif verb == "AUTH":
                    self.say("235 come in")
                    continue
                elif verb == "QUIT":
                    return
                self.say("250 fine")

        def finish(self) -> None:
            super().finish()
            self.connection.close()  # a guarded one is another than the server knows

        def guard(self, context: ssl.SSLContext) -> None:
            self.connection = context.wrap_socket(self.connection, server_side=True, do_handshake_on_connect=False)
            try:
                self.connection.do_handshake()
            except OSError:
                self.connection.close()  # the client does not trust us
                return
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

        def content(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines)

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with served.up(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        box = Mailbox(port)
        yield box
