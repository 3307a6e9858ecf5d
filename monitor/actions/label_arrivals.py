"""How long the labels of a model take: fitted once a week of as_of from a sample of its hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.performance.label_delay import measure_delay, unrest_of
from detectors.performance.maturity import Arrivals, arrivals
from detectors.performance.strata import Strata
from detectors.performance.weighting import ALL_KNOWN, Known, weigh
from monitor import clock
from monitor.actions.frame import Frame
from monitor.store import coverage, summaries

HORIZONS = 4  # so many label horizons before the week are looked at
FITTED = 168
# Hours are looked at until they have both, or the most: what curves add to a window's error is then small beside that
# of the few labels that are there (``bench.late_labels``), and they are fitted in a second.
ENOUGH_ROWS, ENOUGH_SUMMARIES = 200_000, 5000
MOST_SUMMARIES = 60_000
_FIRST_HOURS = 24
MOST_COHORTS = 500  # whose residuals are looked at


def curve_of(frame: Frame, as_of: int) -> Arrivals | None:
    """The arrival curve known when the week of as_of began; None where it cannot be known, or for a regression."""
    if frame.meaning.task == "regression" or not frame.model.n_labels:
        return None
    fitted_at = as_of // clock.HOUR // FITTED * FITTED
    horizon = clock.parse_duration(frame.settings.label_horizon) // clock.HOUR
    key = ("arrivals", frame.model.id, frame.binning_id, fitted_at, horizon)
    found: _Fit = frame.service.curves.get(key, lambda: _fit(frame, fitted_at, HORIZONS * horizon))
    if not found.holds(frame, fitted_at, HORIZONS * horizon):
        frame.service.curves.drop(key)
        found = frame.service.curves.get(key, lambda: _fit(frame, fitted_at, HORIZONS * horizon))
    return found.curve


@dataclass
class _Fit:
    """A curve and what it was made of: ``predictions`` of every hour that could be looked at; of those that were,
    ``read`` [change, hash of the labels known when the week began]; ``change`` of the model up to which it holds."""

    curve: Arrivals | None
    predictions: dict[int, int]
    read: dict[int, tuple[int, int]]
    change: int

    @property
    def nbytes(self) -> int:
        """About so many bytes."""
        held = 0 if self.curve is None else self.curve.share.nbytes + self.curve.error.nbytes
        return held + 200 * (len(self.read) + len(self.predictions))

    def holds(self, frame: Frame, fitted_at: int, length: int) -> bool:
        """Whether the same would come out now. Most posts bring labels that came later, of hours that were looked at:
        these are read again, and not counted again if nothing that was known by then is another."""
        if self.change == frame.model.change:
            return True
        if _predictions(frame, fitted_at, length) != self.predictions:
            return False
        now = summaries.label_changes(frame.connection, frame.model.id, frame.binning_id, list(self.read))
        changed = sorted(hour for hour, (change, _) in self.read.items() if now.get(hour, 0) != change)
        again = _read(changed, _load(frame, changed, fitted_at), now)
        if any(again[hour][1] != self.read[hour][1] for hour in changed):
            return False
        self.read |= again
        self.change = frame.model.change
        return True


def known_of(
    frame: Frame, start: int, end: int, as_of: int, versions: Iterable[str], *, any_labels: bool = True
) -> Known:
    """What may be said of the labels of a window's hours [start, end): its weights, where they matter and there are
    ``any_labels``, how labels come and whether they do."""
    curve = curve_of(frame, as_of)
    if curve is None and not any_labels:
        return ALL_KNOWN  # a model without labels looks for none of them in every window
    cohorts = _cohorts(frame, start, end, versions)
    known = _weighed(frame, curve, cohorts, as_of) if any_labels else ALL_KNOWN
    if curve is None or not len(cohorts[0]):
        return known
    least = frame.settings.min_label_coverage
    expected = {"coverage": least, "after_hours": curve.reached(least), "plateau": curve.plateau}
    delay = _delay(frame, curve, (start, end), as_of // clock.HOUR, cohorts, set(versions))
    return replace(known, expected=expected, delay=delay)


def weights_of(frame: Frame, start: int, end: int, as_of: int, versions: Iterable[str]) -> Known:
    """The weights alone."""
    return _weighed(frame, curve_of(frame, as_of), _cohorts(frame, start, end, versions), as_of)


Cohorts = tuple[NDArray[np.int64], NDArray[np.int64]]  # hours and their predictions


def _cohorts(frame: Frame, start: int, end: int, versions: Iterable[str]) -> Cohorts:
    wanted = set(versions)
    rows = [
        (hour, count)
        for version, hour, count in coverage.usable(frame.connection, frame.model.id, start, end)
        if version in wanted
    ]
    hours, predictions = np.array(rows, np.int64).reshape(-1, 2).T
    return hours, predictions


def _weighed(frame: Frame, curve: Arrivals | None, cohorts: Cohorts, as_of: int) -> Known:
    hours, predictions = cohorts
    if curve is None or not len(hours):
        return replace(ALL_KNOWN, unlike=bool(len(hours)))
    layout = frame.binning.scores
    return weigh(layout, Strata.of(layout), curve, as_of // clock.HOUR - hours, predictions)


def _delay(
    frame: Frame,
    curve: Arrivals,
    window: tuple[int, int],
    known_hour: int,
    cohorts: Cohorts,
    versions: set[str],
) -> Measurement | None:
    found = summaries.label_delays(frame.connection, frame.model.id, *window, known_hour)
    rows = [(hour, known, count) for version, hour, known, count in found if version in versions]
    born, known, counts = np.array(rows, np.int64).reshape(-1, 3).T
    hours, place = np.unique(cohorts[0], return_inverse=True)
    predictions = np.bincount(place, weights=cohorts[1]).astype(np.int64)
    there = np.isin(born, hours)
    labels = (known_hour - born)[there], np.maximum(known - born, 0)[there], counts[there]
    return measure_delay(curve, (known_hour - hours, predictions), labels, curve.unrest)


def _predictions(frame: Frame, fitted_at: int, length: int) -> dict[int, int]:
    predictions: dict[int, int] = {}
    for _, hour, count in coverage.usable(frame.connection, frame.model.id, fitted_at - length, fitted_at):
        predictions[hour] = predictions.get(hour, 0) + count
    return predictions


def _load(frame: Frame, hours: Sequence[int], known_hour: int) -> list[summaries.LabelSummary]:
    step = summaries.HOURS_AT_ONCE
    return [
        one
        for start in range(0, len(hours), step)
        for one in summaries.load_labels_of(
            frame.connection, frame.model.id, frame.binning_id, hours[start : start + step], known_hour
        )
    ]


def _read(
    hours: Sequence[int], loaded: Iterable[summaries.LabelSummary], changes: Mapping[int, int]
) -> dict[int, tuple[int, int]]:
    labels: dict[int, list[tuple[int, bytes]]] = {hour: [] for hour in hours}
    for one in loaded:
        labels[one.hour].append((one.known_hour, one.data))
    return {hour: (changes.get(hour, 0), hash(tuple(known))) for hour, known in labels.items()}


def _fit(frame: Frame, fitted_at: int, length: int) -> _Fit:
    predictions = _predictions(frame, fitted_at, length)
    hours, loaded, changes = _sample(frame, predictions, fitted_at)
    curve = _curve(frame, fitted_at, hours, predictions, loaded) if loaded else None
    return _Fit(curve, predictions, _read(hours.tolist(), loaded, changes), frame.model.change)


def _curve(
    frame: Frame,
    fitted_at: int,
    hours: NDArray[np.int64],
    predictions: Mapping[int, int],
    loaded: Sequence[summaries.LabelSummary],
) -> Arrivals | None:
    strata = Strata.of(frame.binning.scores)
    at = np.array([(one.hour, one.known_hour) for one in loaded], np.int64)
    born = fitted_at - hours, np.array([predictions[hour] for hour in hours.tolist()], np.int64)
    delays = np.maximum(at[:, 1] - at[:, 0], 0)
    ages = fitted_at - at[:, 0]
    curve = arrivals(ages, delays, strata.count([one.data for one in loaded]), strata.parents, born)
    if curve is None:
        return None
    some = born[0][:MOST_COHORTS], born[1][:MOST_COHORTS]
    mine = np.isin(ages, some[0])
    labels = ages[mine], delays[mine], np.array([one.rows for one in loaded], np.int64)[mine]
    # What the hours of a day share is diluted in a few of them: a window has them all.
    thinned = 24 * len(np.unique(some[0] // 24)) / max(len(some[0]), 1)
    return replace(curve, unrest=1 + (unrest_of(curve.known, some, labels) - 1) * max(thinned, 1.0))


def _sample(
    frame: Frame, predictions: Mapping[int, int], known_hour: int
) -> tuple[NDArray[np.int64], list[summaries.LabelSummary], dict[int, int]]:
    """Hours, scattered over days and weeks, until they have enough rows and summaries; with the latter, and by which
    change each was counted at least."""
    scattered = scatter(np.array(sorted(predictions), np.int64))
    rows = np.cumsum([predictions[hour] for hour in scattered.tolist()])
    loaded: list[summaries.LabelSummary] = []
    changes: dict[int, int] = {}
    done, wanted = 0, min(_FIRST_HOURS, len(scattered))
    while done < wanted:
        chosen = np.sort(scattered[done:wanted]).tolist()
        changes |= summaries.label_changes(frame.connection, frame.model.id, frame.binning_id, chosen)
        loaded += _load(frame, chosen, known_hour)
        done, each = wanted, max(len(loaded), 1) / wanted
        hours = max(int(np.searchsorted(rows, ENOUGH_ROWS)) + 1, int(ENOUGH_SUMMARIES / each))
        step = min(max(hours - done, 0), max(int((MOST_SUMMARIES - len(loaded)) / each), 0), summaries.HOURS_AT_ONCE)
        wanted = min(done + step, len(scattered))
    return scattered[:done], loaded, changes


def scatter(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same hours in an order in which any first ones are spread over days and weeks."""
    return hours[np.argsort(hours.astype(np.uint64) * np.uint64(0x9E3779B1) % np.uint64(1 << 32), kind="stable")]
