"""A virtual environment per peer, made when it is first needed and again when its pins change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PEERS = ("evidently", "nannyml", "alibi_detect", "whylogs", "frouros", "river")
# Some of the packages report their use to their makers unless told not to.
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True"}


def requirements(peer: str) -> Path:
    """The pinned requirements of a peer."""
    return HERE / "requirements" / f"{peer}.txt"


def version(peer: str) -> str:
    """The pinned version of the package itself."""
    lines = (line.split("==") for line in requirements(peer).read_text("utf-8").split())
    return next(pin for name, pin in lines if name.replace("-", "_") == peer)


def interpreter(peer: str, cache: Path) -> Path:
    """The Python of the peer's environment under ``cache``; a few minutes where it has to be made first."""
    folder, pins = cache / "environments" / peer, requirements(peer)
    python, stamp = folder / "bin" / "python", folder / "pins"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text("utf-8") != digest:
        print(f"Making an environment for {peer} {version(peer)} in {folder} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--requirement", str(pins)], check=True)
        stamp.write_text(digest, "utf-8")
    return python


def environment() -> dict[str, str]:
    """What a peer's process sees: no Plimsoll on its path, no reports to anybody, one thread per library."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return ours | QUIET | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
