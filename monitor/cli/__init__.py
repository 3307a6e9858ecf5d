"""The command `plimsoll`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from rich.text import Text

from monitor.cli import apply, backtest, compare, erase, export, import_files, keys, replay, serve
from monitor.cli.base import app, err
from monitor.errors import PlimsollError

__all__ = ["apply", "backtest", "compare", "erase", "export", "import_files", "keys", "main", "replay", "serve"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; what goes wrong is said in a sentence, never as a traceback."""
    try:
        sys.exit(app(arguments, standalone_mode=False))  # the exit code that a command asked for
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
