"""The command `plimsoll`."""

from __future__ import annotations

import sys

import typer

from monitor.cli import apply, compare, import_files, keys, replay, serve
from monitor.cli.base import app, err
from monitor.errors import PlimsollError

__all__ = ["apply", "compare", "import_files", "keys", "main", "replay", "serve"]


def main() -> None:
    """Run the command; what goes wrong is said in a sentence, never as a traceback."""
    try:
        app(standalone_mode=False)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except typer.Abort:
        sys.exit(130)
    except PlimsollError as error:
        err.print(f"[bold red]plimsoll:[/] {error.message}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except Exception as error:
        if hasattr(error, "format_message"):
            err.print(f"[bold red]plimsoll:[/] {error.format_message()}", highlight=False, soft_wrap=True)
            sys.exit(2)
        raise
