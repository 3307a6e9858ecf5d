"""``python -m bench`` lists what can be measured; each is run by hand on a quiet machine."""

from __future__ import annotations

from pathlib import Path

if __name__ == "__main__":
    for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        first = file.read_text("utf-8").split('"""')[1].strip().splitlines()[0]
        print(f"python -m bench.{file.stem:10} {first}")
