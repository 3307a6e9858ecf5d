"""Make the logs of the demo once and keep them: two references, predictions and labels, as Parquet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from examples.flights import data, model

KEPT = Path(".demo")
FIRST_MONTHS, MORE_MONTHS = range(1, 4), range(1, 8)
TAKEOVER = pd.Timestamp("2013-08-15", tz="UTC")


@dataclass(frozen=True)
class Logs:
    """Paths. ``reference_v1``: January to March; ``reference_v2``: January to July, both scored out of fold;
    ``labels_v1``: when the labels of January to March became known."""

    reference_v1: Path = KEPT / "flights-reference-v1.parquet"
    predictions_v1: Path = KEPT / "flights-predictions-v1.parquet"
    labels: Path = KEPT / "flights-labels.parquet"
    labels_v1: Path = KEPT / "flights-labels-v1.parquet"
    reference_v2: Path = KEPT / "flights-reference-v2.parquet"
    predictions_v2: Path = KEPT / "flights-predictions-v2.parquet"


def prepare_first(step: Callable[[str], None]) -> Logs:
    """Version 1, its reference and its log, and all labels, where they are missing; ``step`` is told what goes on."""
    found = Logs()
    if found.predictions_v1.exists():  # written last
        return found
    KEPT.mkdir(exist_ok=True)
    step("reading 336,776 flights and their weather")
    flights = data.load()
    first = flights[flights["month"].isin(FIRST_MONTHS)]
    rest = flights[~flights["month"].isin(FIRST_MONTHS)]
    _write_labels(first, found.labels_v1)
    _write_labels(rest, found.labels)
    step("training version 1 on January to March")
    v1 = model.train(first)
    step("scoring January to March out of fold: the reference of version 1")
    _write(model.score_out_of_fold(v1, first, "v1"), found.reference_v1, with_label=True)
    log = model.score(v1, rest[rest["timestamp"] < TAKEOVER], "v1")
    _write(log, found.predictions_v1, with_label=False)
    return found


def prepare_second() -> None:
    """Version 2, trained on January to July, its reference and its log, where they are missing."""
    found = Logs()
    if found.predictions_v2.exists():  # written last
        return
    flights = data.load()
    more = flights[flights["month"].isin(MORE_MONTHS)]
    v2 = model.train(more)
    _write(model.score_out_of_fold(v2, more, "v2"), found.reference_v2, with_label=True)
    _write(model.score(v2, flights[flights["timestamp"] >= TAKEOVER], "v2"), found.predictions_v2, with_label=False)


def _write_labels(flights: pd.DataFrame, path: Path) -> None:
    labels = flights.loc[flights["label"].notna(), ["id", "label", "label_timestamp"]]
    labels.sort_values(["label_timestamp", "id"]).to_parquet(path, index=False)


def _write(flights: pd.DataFrame, path: Path, *, with_label: bool) -> None:
    plain = ["id", "timestamp", "version", "prediction", "probability", *(["label"] if with_label else [])]
    columns = flights[[*plain, *model.FEATURES]]
    half = path.with_suffix(".half")  # a file under its own name is whole
    columns.rename(columns={name: f"feature.{name}" for name in model.FEATURES}).to_parquet(half, index=False)
    half.replace(path)
