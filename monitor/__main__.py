"""``python -m monitor`` is ``plimsoll``."""

from monitor.cli import main

main()
