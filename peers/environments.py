"""The peers' own environments under .peers/, made once and again when what they hold changes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".peers"


class CannotHave(Exception):
    """A program cannot be had on this machine; the text says what was tried."""


def environment(name: str) -> Path:
    """The ``bin`` of a virtual environment with ``requirements/NAME.txt``. Raises CannotHave."""
    wanted = Path(__file__).parent / "requirements" / f"{name}.txt"
    folder = HOME / name
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text("utf-8") != wanted.read_text("utf-8"):
        python = folder / "bin" / "python"
        if not python.exists():
            tried([sys.executable, "-m", "venv", str(folder)])
        tried([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)])
        ready.write_text(wanted.read_text("utf-8"), "utf-8")
    return folder / "bin"


def tried(command: list[str], cwd: Path | None = None, names: Mapping[str, str] | None = None) -> None:
    """Run a command that makes something; raises CannotHave with its last words."""
    given = {**os.environ, **(names or {})}
    done = subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        raise CannotHave(f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}")
