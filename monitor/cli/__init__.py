"""The command `plimsoll`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import typer
from rich.text import Text

from monitor.cli.base import app, err
from monitor.errors import PlimsollError

COMMANDS = {  # and the module of each, in the order of the help
    "serve": "serve",
    "migrate": "serve",
    "apply": "apply",
    "import": "import_files",
    "export": "export",
    "delete": "erase",
    "compare": "compare",
    "replay": "replay",
    "backtest": "backtest",
    "keys": "keys",
}


def load(words: Sequence[str]) -> None:
    """Import the module of the command that the words begin with, which takes half as long as all of them; all where
    they begin with none."""
    asked = COMMANDS.get(words[0]) if words else None
    for module in COMMANDS.values() if asked is None else [asked]:
        import_module(f"monitor.cli.{module}")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; what goes wrong is said in a sentence, never as a traceback."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        load(words)
        sys.exit(app(words, standalone_mode=False))  # the exit code that a command asked for
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except typer.Abort:
        sys.exit(130)
    except PlimsollError as error:
        _fail(error.message)
    except OSError as error:
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:
        if hasattr(error, "format_message"):
            _fail(error.format_message())
        raise


def _fail(message: str) -> NoReturn:
    if message:
        err.print(Text.assemble(("plimsoll:", "bold red"), " ", message), highlight=False, soft_wrap=True)
    sys.exit(2)
