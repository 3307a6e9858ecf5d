"""The pictures of docs/statistics, drawn anew with the detectors themselves.

python -m bench.pictures [NAME ...]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from rich.progress import track

from bench.pictures import drift, labels, more, rows
from bench.pictures.chart import Chart

PICTURES: dict[str, Callable[[], Chart]] = {
    "rows-that-moved": drift.rows_that_moved,
    "usual": drift.usual,
    "horizons": drift.horizons,
    "budget": drift.budget,
    "correlations": drift.correlations,
    "vectors": drift.vectors,
    "segments": drift.segments,
    "late-labels": labels.late_labels,
    "maturity": labels.maturity,
    "estimates": labels.estimates,
    "base-rate": labels.base_rate,
    "stream": labels.stream,
    "why": more.why,
    "serving": more.serving,
    "exchange": more.exchange,
    "quality": rows.quality,
    "fairness": rows.fairness,
    "together": rows.together,
}
FOLDER = Path(__file__).parents[2] / "docs" / "images" / "statistics"


def main(names: list[str]) -> None:
    """Write those named, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in track(names or list(PICTURES), "Drawing"):
        (FOLDER / f"{name}.svg").write_text(PICTURES[name]().svg(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
