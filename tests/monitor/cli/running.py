"""Commands as people type them, in this process: a process of its own needs seconds to begin."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from monitor.cli import main


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str
    returncode: object


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's, with no other setting of Plimsoll than those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
    return {**kept, "PLIMSOLL_HOME": str(home), **more}


def plimsoll(*words: object, home: Path, **more: str) -> Done:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment(home, **more))
    code: object = 0
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            os.environ.clear()
            os.environ.update(before)
    return Done(out.getvalue(), err.getvalue(), code)


def said(done: Done, code: int) -> str:
    """What a command said, in words for people."""
    everything = done.stdout + done.stderr
    assert "Traceback" not in everything, everything
    assert done.returncode == code, everything
    return everything
