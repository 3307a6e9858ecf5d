"""``python -m bench`` lists what can be measured; each is run by hand on a quiet machine."""

from __future__ import annotations

from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    for file in sorted([*here.glob("[a-z]*.py"), *here.glob("*/__main__.py"), here / "detection" / "speed.py"]):
        first = file.read_text("utf-8").split('"""')[1].strip().splitlines()[0]
        name = ".".join(file.relative_to(here).with_suffix("").parts).removesuffix(".__main__")
        print(f"python -m bench.{name:16} {first}")
