"""How long the labels of a model take: fitted once a week of as_of from a sample of its hours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.performance.label_delay import measure_delay, unrest_of
from detectors.performance.maturity import Arrivals, arrivals
from detectors.performance.strata import Strata
from detectors.performance.weighting import ALL_KNOWN, Known, weigh
from monitor import clock
from monitor.actions.frame import Frame
from monitor.store import summaries

HORIZONS = 4  # so many label horizons before the week are looked at
FITTED = 168
ENOUGH_SUMMARIES = 5000
_FIRST_HOURS = 24
MOST_COHORTS = 500  # whose residuals are looked at


def curve_of(frame: Frame, as_of: int) -> Arrivals | None:
    """The arrival curve known when the week of as_of began; None where it cannot be known, or for a regression."""
    if frame.meaning.task == "regression" or not frame.model.n_labels:
        return None
    fitted_at = as_of // clock.HOUR // FITTED * FITTED
    horizon = clock.parse_duration(frame.settings.label_horizon) // clock.HOUR
    # Its change is part of the key: whatever is posted, also of the past, makes another curve.
    key = ("arrivals", frame.model.id, frame.binning_id, frame.model.change, fitted_at, horizon)
    found: Arrivals | None = frame.service.artefacts.get(key, lambda: _fit(frame, fitted_at, HORIZONS * horizon))
    return found


def known_of(frame: Frame, start: int, end: int, as_of: int, versions: Iterable[str]) -> Known:
    """What may be said of the labels of a window's hours [start, end): its weights, where they matter, how labels come
    and whether they do."""
    curve, cohorts = curve_of(frame, as_of), _cohorts(frame, start, end, versions)
    known = _weighed(frame, curve, cohorts, as_of)
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
        for version, hour, count in summaries.predicted(frame.connection, frame.model.id, start, end)
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
    if not rows:
        return None
    born, known, counts = np.array(rows, np.int64).T
    hours, place = np.unique(cohorts[0], return_inverse=True)
    predictions = np.bincount(place, weights=cohorts[1]).astype(np.int64)
    there = np.isin(born, hours)
    labels = (known_hour - born)[there], np.maximum(known - born, 0)[there], counts[there]
    return measure_delay(curve, (known_hour - hours, predictions), labels, curve.unrest)


def _fit(frame: Frame, fitted_at: int, length: int) -> Arrivals | None:
    connection, model_id = frame.connection, frame.model.id
    predictions: dict[int, int] = {}
    for _, hour, count in summaries.predicted(connection, model_id, fitted_at - length, fitted_at):
        predictions[hour] = predictions.get(hour, 0) + count
    hours, loaded = _sample(frame, np.array(sorted(predictions), np.int64), fitted_at)
    if not loaded:
        return None
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
    frame: Frame, hours: NDArray[np.int64], known_hour: int
) -> tuple[NDArray[np.int64], list[summaries.LabelSummary]]:
    """Hours, scattered over days and weeks, until they have enough summaries; with those."""
    scattered = scatter(hours)
    loaded: list[summaries.LabelSummary] = []
    done, step = 0, _FIRST_HOURS
    while done < len(scattered) and len(loaded) < ENOUGH_SUMMARIES:
        chosen = np.sort(scattered[done : done + step]).tolist()
        loaded += summaries.load_labels_of(frame.connection, frame.model.id, frame.binning_id, chosen, known_hour)
        done += len(chosen)
        missing, each = ENOUGH_SUMMARIES - len(loaded), max(len(loaded), 1) / done
        step = min(max(int(missing / each), _FIRST_HOURS), 500)  # a statement takes so many values
    return scattered[:done], loaded


def scatter(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same hours in an order in which any first ones are spread over days and weeks."""
    return hours[np.argsort(hours.astype(np.uint64) * np.uint64(0x9E3779B1) % np.uint64(1 << 32), kind="stable")]
