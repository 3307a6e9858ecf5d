"""Serves from one store, in a process that is replaced as soon as it is killed.

Run with a home, a port and a file: imports once, then forks a server, writes its process id into the file, and forks
the next one when it has died, until its own standard input is closed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

from monitor import bootstrap, settings
from monitor.serving import serve


def main(home: str, port: str, pid_file: str) -> None:
    """Fork servers until nobody wants them any more."""
    while True:
        child = os.fork()
        if child == 0:
            serve(bootstrap.build(settings.load(os.environ, home=home, port=port)))
            os._exit(0)
        Path(pid_file).write_text(str(child))
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if select.select([sys.stdin], [], [], 0.01)[0]:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
