"""Plimsoll against the real programs: ``make test-peers``. Each file installs what it needs under .peers/."""
