"""The process that speaks for Apprise: a job on standard input, the outcome as exit code, not a word on the way."""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
import sys
from typing import Any

from monitor.delivery.addresses import AddressPolicy
from monitor.delivery.apprise import ACCEPTED, FORBIDDEN, REFUSED, UNKNOWN


class Guard:
    """Sees every connection of this process, and refuses those that the policy does."""

    def __init__(self, policy: AddressPolicy) -> None:
        self.policy = policy
        self.refused = False
        self._names: dict[str, set[str]] = {}

    def watch(self) -> None:
        """From here on, for as long as the process lives."""
        resolve = socket.getaddrinfo

        def remembered(host: Any, *given: Any, **more: Any) -> Any:
            found = resolve(host, *given, **more)
            name = host.decode() if isinstance(host, bytes) else str(host)
            for where in found:
                self._names.setdefault(str(where[4][0]), set()).add(name)
            return found

        socket.getaddrinfo = remembered
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("socket.connect", "socket.sendto"):
            return
        where = arguments[-1]
        if not isinstance(where, tuple) or not self._permits(str(where[0])):
            self.refused = True
            raise OSError("this address is not permitted")

    def _permits(self, address: str) -> bool:
        try:
            ipaddress.ip_address(address.split("%")[0])
        except ValueError:
            return False  # a name would be resolved where nobody looks
        return any(self.policy.permits(name, address) for name in self._names.get(address, {address}))


def main() -> int:
    """Read the job, send, and say by the exit code what came of it."""
    job = json.loads(sys.stdin.read())
    logging.disable(logging.CRITICAL)  # Apprise's log repeats addresses

    import apprise
    import requests

    guard = Guard(AddressPolicy(tuple(job["allow"]), bool(job["loopback"])))
    guard.watch()
    requests.sessions.SessionRedirectMixin.get_redirect_target = _nowhere  # type: ignore[method-assign,assignment]  # none is followed
    speaker = apprise.Apprise()
    if not speaker.add(job["url"]):
        return UNKNOWN
    taken = speaker.notify(body=job["text"], title=job["title"], notify_type=job["kind"])
    if guard.refused:
        return FORBIDDEN
    return ACCEPTED if taken else REFUSED


def _nowhere(_session: Any, _reply: Any) -> None:
    return None


if __name__ == "__main__":
    sys.exit(main())
