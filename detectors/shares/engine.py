"""The share engine of one reference: its horizons, fitted where first asked for and kept with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.profile import Reference, ReferenceProfile
from detectors.rise import SHORT_TOLERANCE
from detectors.shares.baseline import Baseline, Normal, solve
from detectors.shares.calibrate import calibrated, weeks_of
from detectors.shares.cells import Cells
from detectors.shares.covered import covered
from detectors.shares.fitting import Fit, fit_reference, horizon
from detectors.shares.horizons import Horizon
from detectors.shares.lasting import Lasting
from detectors.shares.learning import about_reference, moved_baseline
from detectors.shares.quiet import fit_with, taught
from detectors.shares.seasons import DAY, terms
from detectors.shares.settled import lasting_of, settled
from detectors.shares.unrest import ENOUGH, Hours, Unrest
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

KNOWN = 0.9  # of a mixed reference: a few rows of a new version do not switch off what is known of the others
FEWEST_HOURS = 48  # with rows, below which an hour's unrest is anybody's guess; a day's is known from 8 batches
_AT_ONCE = 1_500_000  # hours x cells that are fitted together: 12 MB each of a handful of arrays


def known_horizons(
    cells: Cells, reference: Reference, levels: Mapping[int, float], tolerance: float
) -> dict[int, Horizon] | None:
    """What a reference knows of windows of so many hours, calibrated each at its level; None where it has no times, or
    fewer than 48 hours on fewer than 8 days with rows, and no habits to borrow. Of a mixed reference: the parts' own,
    mixed (``cells`` must be long-lived)."""
    parts = [(_known(cells, profile, levels, tolerance), profile, weight) for profile, weight in reference.parts]
    known = [(one, profile, weight) for one, profile, weight in parts if one is not None]
    if sum(weight for *_, weight in known) < KNOWN * sum(weight for *_, weight in parts):
        return None
    if len(known) == 1:
        return known[0][0]
    profiles, weights = [profile for _, profile, _ in known], [weight for _, _, weight in known]
    shares = _shares(cells, profiles, weights)
    return {length: _mixed(cells, [one[length] for one, _, _ in known], shares) for length in levels}


def _shares(cells: Cells, profiles: Sequence[ReferenceProfile], weights: Sequence[float]) -> Array:
    """What part each profile has in a column, [K, F]; of a column that none has, as of all others."""
    rows = np.stack([cells.count(profile.total)[1] for profile in profiles])
    found = np.array(weights)[:, None] * np.where(rows.any(axis=0), rows > 0, True)
    shares: Array = found / found.sum(axis=0)
    return shares


def baseline_of(cells: Cells, reference: Reference, sizes: NDArray[np.int64]) -> Baseline:
    """The baseline of more cells of the same columns, with as many terms as their horizon uses."""
    known = [one for one in reference.parts if _knows(one[0])]
    parts = [(_baseline(cells, profile, sizes), profile, weight) for profile, weight in known]
    if len(parts) == 1:
        return parts[0][0]
    share = _shares(cells, [profile for _, profile, _ in parts], [weight for _, _, weight in parts])[:, cells.owner]
    coefficients = np.einsum("kpb,kb->pb", np.stack([one.coefficients for one, _, _ in parts]), share)
    return Baseline(coefficients, parts[0][0].inverse, sizes)


def _baseline(cells: Cells, profile: ReferenceProfile, sizes: NDArray[np.int64]) -> Baseline:
    key = ("baseline", id(cells), sizes.tobytes())
    found: tuple[Cells, Baseline] | None = profile.memo.get(key)
    if found is None or found[0] is not cells:
        habits = profile.habits or profile
        hours = habits.hours if habits.hours is not None else np.empty(0, dtype=np.int64)
        solved = solve(cells, Normal.summed(cells, terms(hours), habits.counts), sizes)
        found = cells, solved if habits is profile else moved_baseline(cells, profile, habits, solved)
        profile.memo[key] = found
    return found[1]


def stretch_of(cells: Cells, current: WindowCounts, length: int, *, before: bool = False) -> tuple[Hours, int]:
    """The window's hours, and those ``before`` it that are known, on a grid, and the place of its end.

    Rows whose hours are not known are taken as spread evenly.
    """
    start, hourly = current.end_hour - length, current.hourly
    if hourly is None:
        inside, rows = cells.count(current.counts)
        return Hours(start, *(np.tile(part / length, (length, 1)) for part in (inside, rows))), length
    first = min(start, int(hourly.hours[0])) if before and len(hourly.hours) else start
    known = slice(*np.searchsorted(hourly.hours, [first, current.end_hour]))
    inside, rows = cells.count(hourly.counts[known])
    grid = (_spread(part, hourly.hours[known] - first, current.end_hour - first) for part in (inside, rows))
    return Hours(first, *grid), current.end_hour - first


def _spread(values: Array, places: NDArray[np.int64], hours: int) -> Array:
    if len(values) == hours:
        return values
    grid = np.zeros((hours, *values.shape[1:]))
    grid[places] = values
    return grid


def _knows(profile: ReferenceProfile) -> bool:
    """Whether it, or the habits that it borrows, has hours enough: or days, where each is a batch of an hour or two."""
    hours = (profile.habits or profile).hours
    if hours is None:
        return False
    return len(hours) >= FEWEST_HOURS or len(np.unique(hours // DAY)) >= ENOUGH


def _known(
    cells: Cells, profile: ReferenceProfile, levels: Mapping[int, float], tolerance: float
) -> dict[int, Horizon] | None:
    if not _knows(profile):
        return None
    habits = profile.habits or profile
    keys = {length: ("horizon", id(cells), length, tolerance, alpha) for length, alpha in levels.items()}
    held: dict[int, Any] = {length: profile.memo.get(key) for length, key in keys.items()}
    missing = {length: levels[length] for length, one in held.items() if one is None or one[0] is not cells}
    for length, fitted in _fitted(cells, profile, missing, tolerance).items():
        own = fitted if habits is profile else about_reference(cells, profile, habits, fitted)
        profile.memo[keys[length]] = held[length] = cells, own
    return {length: held[length][1] for length in levels}


def _fitted(
    cells: Cells, profile: ReferenceProfile, levels: Mapping[int, float], tolerance: float
) -> dict[int, Horizon]:
    """Of its habits, where it borrows some, without their lasting changes. Some columns at a time: the hours of all of
    them would take hundreds of megabytes."""
    if not levels:
        return {}
    habits, quiet = profile.habits or profile, profile.quiet
    hours = habits.hours if habits.hours is not None else np.empty(0, dtype=np.int64)
    span = covered(hours)
    most = span + (0 if quiet is None else len(quiet.counts))
    step = max(1, _AT_ONCE * len(cells.sizes) // (most * len(cells.owner)))
    found: dict[int, list[Horizon]] = {length: [] for length in levels}
    for first in range(0, len(cells.sizes), step):
        part = cells.part(slice(first, min(first + step, len(cells.sizes))))
        inside, rows = part.count_reference(habits.counts)
        grid = Hours(int(hours[0]), *(_spread(one, hours - hours[0], span) for one in (inside, rows)))
        fitted, longer = fit_reference(part, grid), None
        if habits is not profile:
            fitted = settled(fitted, _lasting(habits, cells, fitted, (first, step), tolerance))
        weeks = weeks_of(fitted)
        for length, alpha in levels.items():
            known = horizon(fitted, length)
            short = known.windows < ENOUGH
            allowed = np.where(short, max(SHORT_TOLERANCE, tolerance), tolerance)
            known = calibrated(fitted, known, allowed, alpha, weeks)
            if quiet is not None and short.any():
                longer = longer or fit_with(
                    part, fitted.reference, Hours(quiet.start, *part.count(quiet.counts)), fitted.levels
                )
                known = taught(part, longer, known, tolerance, alpha)
            found[length].append(known)
    return {length: parts[0] if len(parts) == 1 else joined(parts) for length, parts in found.items()}


def _lasting(
    habits: ReferenceProfile, cells: Cells, fitted: Fit, part: tuple[int, int], tolerance: float
) -> list[list[Lasting]]:
    """The changes of a part of the columns, looked for once for windows of all lengths."""
    key = ("lasting", id(cells), part, tolerance)
    held: tuple[Cells, list[list[Lasting]]] | None = habits.memo.get(key)
    if held is None or held[0] is not cells:
        held = habits.memo[key] = cells, lasting_of(fitted, tolerance)
    return held[1]


_AXES = {"coefficients": 1, "by_hour": 1}


def joined(parts: Sequence[Any]) -> Any:
    """The same dataclass of arrays with the columns of all parts in a row."""
    found = {}
    for field in fields(parts[0]):
        values = [getattr(part, field.name) for part in parts]
        if is_dataclass(values[0]):
            found[field.name] = joined(values)
        elif isinstance(values[0], np.ndarray):
            found[field.name] = np.concatenate(values, axis=_AXES.get(field.name, 0))
        else:
            found[field.name] = values[0]
    return type(parts[0])(**found)


def _mixed(cells: Cells, parts: Sequence[Horizon], share: Array) -> Horizon:
    """Of references mixed in shares [K, F]. Their unrest is the same traffic's, so variances are averaged
    and not divided; no step test, whose weights would be no part's own."""
    by_cell = share[:, cells.owner]

    def mean(name: str, by: Array) -> Array:
        found: Array = np.einsum("kb,kb->b", np.stack([getattr(part, name) for part in parts]), by)
        return found

    inverse = np.einsum("kfpq,kf->fpq", np.stack([part.baseline.inverse for part in parts]), share**2)
    coefficients = np.einsum("kpb,kb->pb", np.stack([part.baseline.coefficients for part in parts]), by_cell)
    excess = np.einsum("kb,kb->b", np.stack([part.level.excess for part in parts]), by_cell)
    degrees = np.min([part.level.degrees for part in parts], axis=0)
    by_hour = np.einsum("khf,kf->hf", np.stack([part.level.by_hour for part in parts]), share)
    first = parts[0]
    return Horizon(
        length=first.length,
        baseline=Baseline(coefficients, inverse, np.max([part.baseline.sizes for part in parts], axis=0)),
        q=mean("q", by_cell),
        row=mean("row", by_cell),
        level=Unrest(excess, degrees, by_hour),
        step=first.step,
        weights=first.weights,
        worthwhile=np.zeros_like(first.worthwhile),
        rate=np.max([part.rate for part in parts], axis=0),
        windows=np.min([part.windows for part in parts], axis=0),
        factor=np.max([part.factor for part in parts], axis=0),
        learned=np.any([part.learned for part in parts], axis=0),
        replayed=all(part.replayed for part in parts),
    )
