"""``python -m bench`` lists what can be measured; each is run by hand on a quiet machine."""

from __future__ import annotations

from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    for file in sorted(here.rglob("*.py")):
        text = file.read_text("utf-8")
        by_hand = 'if __name__ == "__main__":' in text and "(run by" not in text and file.parent.name != "peers"
        if by_hand and file.resolve() != Path(__file__).resolve():
            name = ".".join(file.relative_to(here).with_suffix("").parts).removesuffix(".__main__")
            first = text.split('"""')[1].strip().splitlines()[0]
            print(f"python -m bench.{name:20} {first}")
