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

    reference_v1: Path
    reference_v2: Path
    predictions: Path
    labels: Path
    labels_v1: Path

    def all(self) -> list[Path]:
        """Every file."""
        return [self.reference_v1, self.reference_v2, self.predictions, self.labels, self.labels_v1]


def logs() -> Logs:
    """Where they are kept."""
    names = ("reference-v1", "reference-v2", "predictions", "labels", "labels-v1")
    return Logs(*(KEPT / f"flights-{name}.parquet" for name in names))


def prepare(step: Callable[[str], None]) -> Logs:
    """Make what is missing; ``step`` is told what goes on."""
    found = logs()
    if all(path.exists() for path in found.all()):
        return found
    KEPT.mkdir(exist_ok=True)
    step("reading 336,776 flights and their weather")
    flights = data.load()
    step("training version 1 on January to March")
    first = flights[flights["month"].isin(FIRST_MONTHS)]
    v1 = model.train(first)
    step("scoring January to March out of fold: the reference of version 1")
    _write(model.score_out_of_fold(v1, first, "v1"), found.reference_v1, with_label=True)
    step("training version 2 on January to July")
    more = flights[flights["month"].isin(MORE_MONTHS)]
    v2 = model.train(more)
    step("scoring January to July out of fold: the reference of version 2")
    _write(model.score_out_of_fold(v2, more, "v2"), found.reference_v2, with_label=True)
    step("scoring April to December: the production log")
    rest = flights[~flights["month"].isin(FIRST_MONTHS)]
    before = rest["timestamp"] < TAKEOVER
    log = pd.concat([model.score(v1, rest[before], "v1"), model.score(v2, rest[~before], "v2")])
    _write(log, found.predictions, with_label=False)
    _write_labels(rest, found.labels)
    _write_labels(first, found.labels_v1)
    return found


def _write_labels(flights: pd.DataFrame, path: Path) -> None:
    labels = flights.loc[flights["label"].notna(), ["id", "label", "label_timestamp"]]
    labels.sort_values(["label_timestamp", "id"]).to_parquet(path, index=False)


def _write(flights: pd.DataFrame, path: Path, *, with_label: bool) -> None:
    plain = ["id", "timestamp", "version", "prediction", "probability", *(["label"] if with_label else [])]
    columns = flights[[*plain, *model.FEATURES]]
    columns.rename(columns={name: f"feature.{name}" for name in model.FEATURES}).to_parquet(path, index=False)
