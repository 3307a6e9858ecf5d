"""``python -m monitor`` is ``plimsoll``."""

from typing import NoReturn

from monitor import memory


def main() -> NoReturn:
    """Run the command; how memory is had must be settled before anything is loaded that allocates it."""
    memory.prepare()
    from monitor.cli import main as run

    run()


if __name__ == "__main__":
    main()
