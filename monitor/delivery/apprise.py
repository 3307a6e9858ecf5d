"""One message by Apprise, in a process of its own: it waits and calls as it likes, and cannot be stopped otherwise.

The child may connect only where the address policy lets it, follows no redirect and knows no proxy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

from alerting.outbound import OutboundNotice, OutboundReply
from monitor.delivery.addresses import PRIVATE, AddressPolicy

TIMEOUT = 30.0
ACCEPTED, REFUSED, UNKNOWN, FORBIDDEN = 0, 3, 4, 5
WORDS = {
    REFUSED: "the service did not take it; Apprise does not say why",
    FORBIDDEN: PRIVATE,
}


def is_installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("apprise") is not None


def send(notice: OutboundNotice, policy: AddressPolicy, timeout: float = TIMEOUT) -> OutboundReply:
    """Send and answer: 200 where the service accepted it; nobody is told more. ``timeout`` in seconds."""
    if not is_installed():
        return OutboundReply(None, error="apprise is not installed here: pip install 'plimsoll[apprise]'", unsent=True)
    job = {
        "url": notice.url,
        "title": notice.title,
        "text": notice.text,
        "kind": notice.kind,
        "allow": list(policy.allow),
        "loopback": policy.loopback,
    }
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # the child finds what this process found
    command = [sys.executable, "-m", "monitor.delivery.apprise_child"]
    try:
        done = subprocess.run(
            command, input=json.dumps(job).encode(), capture_output=True, timeout=timeout, env=kept, check=False
        )
    except subprocess.TimeoutExpired:
        return OutboundReply(None, error=f"no answer within {timeout:g} s")
    if done.returncode == ACCEPTED:
        return OutboundReply(200, body=b"accepted")
    if done.returncode == UNKNOWN:
        return OutboundReply(400, error="Apprise does not know such an address")
    return OutboundReply(None, error=WORDS.get(done.returncode, "Apprise came to no end"))
