"""How far estimates without labels are from the performance to be expected where inputs moved: CBPE beside PAPE.

    python -m bench.estimates [--runs 100] [--rows 20000]

Each run is a reference of 28 days with labels and, for every shift, a window of 7 days with as many rows and none.
Of three features the first, on which the score depends, moves by so many standard deviations. The chance of each class
is known of every row, so an estimate is set beside what is to be expected of the very rows of its window: no luck of
labels or of rows is in the error, only that of the estimate. Beside it stands the error of labels themselves, if all
rows of the window had one.

Worlds: ``calibrated``, the score is the chance; ``too sure``, its log odds are 1.8 times what they should be;
``in places``, only where the first feature is above 0.8, so that what a score means changes with the shift; ``three
classes``, calibrated. PAPE is for two classes, where rows and reference can be told apart (``LEAST_AREA``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from rich.progress import Progress

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning, ScoreLayout
from detectors.density_ratio import density_ratio
from detectors.estimation.measure import ESTIMATED, PREFIX, estimate_performance
from detectors.estimation.pape import estimate_where_inputs_moved
from detectors.measurement import Measurement
from detectors.multivariate.domain_classifier import MOST_ROWS, Rows, time_blocks
from detectors.performance.measure import METRICS
from detectors.performance.scored import LabelCounts, count_scored
from detectors.profile import Grouped, ReferenceProfile
from detectors.summary import ColumnValues, summarise, window

SHIFTS = (0.0, 0.25, 0.5, 0.7, 1.0, 1.5)
GOAL = 0.5  # points
WAYS = ("CBPE", "PAPE", "labels")
CLASSES = {"binary": ("0", "1"), "multiclass": ("a", "b", "c")}
FEATURES = ("moved", "second", "unused")
PULLS = np.array([[1.2, 0.0, -0.6], [0.0, 1.0, -0.8], [0.0, 0.0, 0.0]])  # of the features on the three classes
THRESHOLD, TOO_SURE, PLACES = 0.4, 1.8, 0.8
DAYS, LATER, DAY = 28, 7, 24


@dataclass(frozen=True)
class Drawn:
    """Rows in order of time: ``features`` [n, 3]; of each class the true ``chance`` and the model's ``score``,
    [n, K]."""

    features: np.ndarray
    chance: np.ndarray
    score: np.ndarray

    @property
    def task(self) -> str:
        """By the number of classes."""
        return "binary" if self.score.shape[1] == 2 else "multiclass"

    @property
    def said(self) -> np.ndarray:
        """Place of the predicted class, [n]."""
        found = self.score[:, 1] > THRESHOLD if self.task == "binary" else self.score.argmax(axis=1)
        return found.astype(np.int64)

    @property
    def shown(self) -> np.ndarray:
        """The score that is binned, [n]: of the positive class, of several the highest."""
        return self.score[:, 1] if self.task == "binary" else self.score.max(axis=1)

    def labels(self, random: np.random.Generator) -> np.ndarray:
        """Place of the true class, [n]."""
        until = np.cumsum(self.chance, axis=1)[:, :-1]
        return (random.random((len(until), 1)) > until).sum(axis=1)

    def columns(self) -> dict[str, ColumnValues]:
        """As they are summarised."""
        said = pa.array(np.array(CLASSES[self.task])[self.said])
        nothing = np.empty(0, np.int64), np.empty(0, np.uint8)
        return {"prediction": ColumnValues(said, *nothing), "score": ColumnValues(pa.array(self.shown), *nothing)}

    def count(self, layout: ScoreLayout, hours: np.ndarray, truth: np.ndarray) -> Grouped:
        """Labelled rows by hour."""
        names, every = np.array(CLASSES[self.task]), np.arange(len(truth))
        score = self.shown if self.task == "binary" else self.score[every, truth]
        told = pa.array(names[truth]), pa.array(names[self.said])
        return count_scored(layout, hours, *told, score, np.ones(len(truth), np.int8), self.shown)


def calibrated(features: np.ndarray) -> Drawn:
    """The score is the chance."""
    chance = _logistic(_odds(features))
    return Drawn(features, chance, chance)


def too_sure(features: np.ndarray) -> Drawn:
    """Everywhere alike."""
    return Drawn(features, _logistic(_odds(features)), _logistic(TOO_SURE * _odds(features)))


def in_places(features: np.ndarray) -> Drawn:
    """Where the first feature is high."""
    odds = _odds(features)
    true = np.where(features[:, 0] > PLACES, odds / TOO_SURE, odds)
    return Drawn(features, _logistic(true), _logistic(odds))


def three_classes(features: np.ndarray) -> Drawn:
    """Calibrated."""
    raw = np.exp(features @ PULLS)
    chance = raw / raw.sum(axis=1, keepdims=True)
    return Drawn(features, chance, chance)


def _odds(features: np.ndarray) -> np.ndarray:
    return 1.2 * features[:, 0] + 0.9 * features[:, 1] - 1.6


def _logistic(odds: np.ndarray) -> np.ndarray:
    positive = 1 / (1 + np.exp(-odds))
    return np.stack([1 - positive, positive], axis=1)


WORLDS: dict[str, Callable[[np.ndarray], Drawn]] = {
    "calibrated": calibrated,
    "too sure": too_sure,
    "in places": in_places,
    "three classes": three_classes,
}


def draw(random: np.random.Generator, world: str, rows: int, shift: float) -> Drawn:
    """Rows of a world."""
    features = random.normal(size=(rows, len(FEATURES)))
    features[:, 0] += shift
    return WORLDS[world](features)


def expected(rows: Drawn) -> dict[str, float]:
    """By metric, of these rows, from the chance of each: a ratio of what is to be expected, which in thousands of rows
    is what is to be expected of the ratio."""
    if rows.task == "multiclass":
        return {"accuracy": float(rows.chance[np.arange(len(rows.said)), rows.said].mean())}
    positive, claimed = rows.chance[:, 1], rows.said == 1
    hits = positive[claimed].sum()
    order = np.argsort(rows.shown, kind="stable")
    up, down = positive[order], 1 - positive[order]
    found = {
        "accuracy": np.where(claimed, positive, 1 - positive).mean(),
        "precision": hits / claimed.sum(),
        "recall": hits / positive.sum(),
        "f1": 2 * hits / (claimed.sum() + positive.sum()),
        "roc_auc": up @ (np.cumsum(down) - down / 2) / (up.sum() * down.sum()),
    }
    return {name: float(one) for name, one in found.items()}


@dataclass(frozen=True)
class Reference:
    """Labelled rows as the service keeps them: counted, and a sample of rows that weights are given to."""

    binning: Binning
    profile: ReferenceProfile
    rows: Rows
    truth: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, random: np.random.Generator, drawn: Drawn) -> Reference:
        """Its labels are drawn here."""
        hours, truth = _hours(drawn, DAYS), drawn.labels(random)
        said = pa.array(np.array(CLASSES[drawn.task])[drawn.said])
        layout = score_layout(drawn.task, CLASSES[drawn.task], drawn.shown, said)
        binning = make_binning(drawn.columns(), {"prediction": "categorical", "score": "numeric"}, layout)
        counted = summarise(binning, hours, drawn.columns())
        profile = ReferenceProfile.of(counted, drawn.count(layout, hours, truth), timed=True)
        some = _some(drawn)
        return cls(binning, profile, _rows(drawn, hours), truth[some].astype(np.float64), drawn.shown[some])

    def told(self, drawn: Drawn, truth: np.ndarray) -> dict[str, dict[str, float]]:
        """By way and metric, of a window; PAPE where the service would show it."""
        hours, layout = _hours(drawn, LATER), self.binning.scores
        current = window(summarise(self.binning, hours, drawn.columns()), 0, DAY * LATER)
        found = {"CBPE": _by_metric(estimate_performance(self.binning, current, self.profile, {}))}
        ratio = density_ratio(FEATURES, self.rows, _rows(drawn, hours)) if drawn.task == "binary" else None
        if ratio is not None:
            given = self.binning, current, self.profile, self.truth, self.score, ratio
            found["PAPE"] = _by_metric(estimate_where_inputs_moved(*given))
        _, counts, sums = drawn.count(layout, np.zeros(len(hours), np.int64), truth)
        known = LabelCounts(counts[0], sums[0])
        measured = {name: METRICS[drawn.task][name](layout, known) for name in ESTIMATED[drawn.task]}
        return {**found, "labels": {name: one.value for name, one in measured.items() if one is not None}}


def _hours(drawn: Drawn, days: int) -> np.ndarray:
    rows = len(drawn.features)
    return np.arange(rows) * DAY * days // rows


def _some(drawn: Drawn) -> np.ndarray:
    """As many rows as trees are given, evenly spread."""
    rows = len(drawn.features)
    return np.arange(min(rows, MOST_ROWS)) * rows // min(rows, MOST_ROWS)


def _rows(drawn: Drawn, hours: np.ndarray) -> Rows:
    some = _some(drawn)
    columns = {name: pa.array(one) for name, one in zip(FEATURES, drawn.features[some].T, strict=True)}
    return Rows(columns, time_blocks(hours[some]))


def _by_metric(measured: Sequence[Measurement]) -> dict[str, float]:
    return {one.metric.removeprefix(PREFIX): one.value for one in measured if one.value is not None}


def errors(world: str, rows: int, seed: int, shifts: Sequence[float] = SHIFTS) -> np.ndarray:
    """Of one reference: what each way says less what is to be expected, in points, [shifts, ways + 1, metrics], NaN
    where it says nothing; last how far that is from the reference's."""
    random = np.random.default_rng((seed, rows, list(WORLDS).index(world)))
    drawn = draw(random, world, rows, 0.0)
    reference, before = Reference.of(random, drawn), expected(drawn)
    found = np.full((len(shifts), len(WAYS) + 1, len(ESTIMATED["binary"])), np.nan)
    for place, shift in enumerate(shifts):
        current = draw(random, world, rows, shift)
        told, aim = reference.told(current, current.labels(random)), expected(current)
        for metric, true in aim.items():
            column = ESTIMATED["binary"].index(metric)
            values = [told.get(way, {}).get(metric, np.nan) for way in WAYS]
            found[place, :, column] = [*(value - true for value in values), true - before[metric]]
    return 100 * found


def table(
    found: dict[str, np.ndarray], shifts: Sequence[float], summed: Callable[[np.ndarray], float]
) -> Iterator[str]:
    """Lines of a table from errors by world, [runs, shifts, ways + 1, metrics]: CBPE / PAPE / labels, summed up over
    the runs."""
    metrics = ESTIMATED["binary"]
    yield f"| world | shift (sd) | accuracy moved | {' | '.join(metrics)} |"
    yield "|---" * (3 + len(metrics)) + "|"
    for world, each in found.items():
        for place, shift in enumerate(shifts):
            cells = []
            for column in range(len(metrics)):
                values = [summed(each[:, place, way, column]) for way in range(len(WAYS))]
                cells.append(" / ".join("–" if np.isnan(one) else f"{one:.2f}" for one in values))
            moved = each[:, place, -1, 0].mean()
            yield f"| {world} | {shift:g} | {moved:+.1f} | {' | '.join(cells)} |"


def mean(values: np.ndarray) -> float:
    """Signed; NaN where a run has none."""
    return float(np.mean(values))


def mean_size(values: np.ndarray) -> float:
    """Mean absolute error."""
    return mean(np.abs(values))


def measured(runs: int, rows: int, shifts: Sequence[float] = SHIFTS) -> dict[str, np.ndarray]:
    """Errors by world, [runs, shifts, ways + 1, metrics]."""
    with Progress(transient=True) as bar:
        task = bar.add_task("references", total=runs * len(WORLDS))
        found: dict[str, list[np.ndarray]] = {world: [] for world in WORLDS}
        for seed in range(runs):
            for world, each in found.items():
                each.append(errors(world, rows, seed, shifts))
                bar.advance(task)
    return {world: np.array(each) for world, each in found.items()}


def main() -> None:
    """Print mean absolute errors, then mean errors, which luck of the reference does not make."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--rows", type=int, default=20_000, help="of the reference, all labelled, and of each window")
    arguments = parser.parse_args()
    found = measured(arguments.runs, arguments.rows)
    for title, summed in (("Mean absolute error", mean_size), ("Mean error", mean)):
        print(f"{title}, points: {' / '.join(WAYS)}\n")
        print(*table(found, SHIFTS, summed), "", sep="\n")


if __name__ == "__main__":
    main()
