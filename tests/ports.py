"""A port that nobody has just now."""

from __future__ import annotations

import socket


def free_port() -> int:
    """On loopback; somebody else may take it before it is used, which has to be lived with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
