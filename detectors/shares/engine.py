"""The share engine of one reference: its horizons, fitted where first asked for and kept with the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.profile import Reference, ReferenceProfile
from detectors.rise import SHORT_TOLERANCE
from detectors.shares.baseline import Baseline, Normal, solve
from detectors.shares.calibrate import calibrated, weeks_of
from detectors.shares.cells import Cells
from detectors.shares.covered import covered
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.horizons import Horizon
from detectors.shares.learning import about_reference, moved_baseline
from detectors.shares.mixture import has_column, is_told_apart, spread_over_parts, weights
from detectors.shares.odd_hours import odd_hours, without_odd_hours
from detectors.shares.quiet import fit_with, taught
from detectors.shares.seasons import DAY, terms
from detectors.shares.settled import lasting_of, settled
from detectors.shares.unrest import ENOUGH, Hours, Unrest
from detectors.summary import WindowCounts

Array = NDArray[np.float64]
T = TypeVar("T")

KNOWN = 0.9  # of a mixed reference: a few rows of a new version do not switch off what is known of the others
FEWEST_HOURS = 48  # with rows, below which an hour's unrest is anybody's guess; a day's is known from 8 batches
_AT_ONCE = 1_500_000  # hours x cells that are fitted together: 12 MB each of a handful of arrays


def known_horizons(
    cells: Cells, reference: Reference, levels: Mapping[int, float], tolerance: float
) -> dict[int, Horizon] | None:
    """What a reference knows of windows of so many hours, calibrated each at its level; None where it has no times, or
    fewer than 48 hours on fewer than 8 days with rows, and no habits to borrow. Of a mixed reference: the parts' own,
    mixed in the shares of the last hours that the horizon is for (``cells`` must be long-lived)."""
    parts = [(_known(cells, profile, levels, tolerance), profile) for profile, _ in reference.parts]
    if share_known(reference) < KNOWN:
        return None
    if len(parts) == 1:
        return parts[0][0]
    known = [(place, one) for place, (one, _) in enumerate(parts) if one is not None]
    found = {}
    for length in levels:
        every = [None if one is None else one[length] for one, _ in parts]
        mixed = [one for one in every if one is not None]
        if len(known) > 1:
            shares = _shares(cells, reference, [place for place, _ in known], length)
            mixed = [_mixed(cells, mixed, shares)]
        found[length] = _with_parts(cells, reference, mixed[0], every)
    return found


def share_known(reference: Reference, hours: int | None = None) -> float:
    """What part of the window's rows, or of its last ``hours``, is compared with what knows of hours."""
    given = [weight for _, weight in reference.parts] if hours is None else weights(reference, hours)
    known = sum(weight for weight, (profile, _) in zip(given, reference.parts, strict=True) if _knows(profile))
    return known / sum(given)


def _shares(cells: Cells, reference: Reference, places: Sequence[int], hours: int | None = None) -> Array:
    """What part each of some profiles has in a column, [K, F], in the last ``hours`` of the window (None: all of it);
    of a column that none has, as of all others."""
    given = np.array([weight for _, weight in reference.parts] if hours is None else weights(reference, hours))
    has = has_column(cells, reference)
    found = (given[:, None] * has)[places]
    found = np.where(found.any(axis=0), found, np.maximum(given[places], 1e-9)[:, None])
    shares: Array = found / found.sum(axis=0)
    return shares


def _with_parts(cells: Cells, reference: Reference, mixed: Horizon, every: Sequence[Horizon | None]) -> Horizon:
    """The horizon, its baseline with those of the parts where rows are told apart."""
    if not is_told_apart(reference):
        return mixed
    parts = tuple(
        _flat(cells, profile) if one is None else one.baseline
        for one, (profile, _) in zip(every, reference.parts, strict=True)
    )
    return replace(mixed, baseline=replace(mixed.baseline, parts=parts))


def _flat(cells: Cells, profile: ReferenceProfile) -> Baseline:
    """Of a part that knows nothing of hours: its shares, at all of them."""
    inside, rows = cells.count_reference(profile.total)
    count = terms(np.empty(0, dtype=np.int64)).shape[1]
    coefficients, inverse = np.zeros((count, len(inside))), np.zeros((len(rows), count, count))
    coefficients[0] = inside / np.maximum(rows, 1)[cells.owner]
    inverse[:, 0, 0] = 1 / np.maximum(rows, 1)
    return Baseline(coefficients, inverse, np.ones(len(rows), dtype=np.int64))


def baseline_of(cells: Cells, reference: Reference, sizes: NDArray[np.int64]) -> Baseline:
    """The baseline of more cells of the same columns, with as many terms as their horizon uses."""
    known = [place for place, (profile, _) in enumerate(reference.parts) if _knows(profile)]
    parts = {place: _baseline(cells, reference.parts[place][0], sizes) for place in known}
    if len(reference.parts) == 1:
        return parts[0]
    share = _shares(cells, reference, known)[:, cells.owner]
    coefficients = np.einsum("kpb,kb->pb", np.stack([one.coefficients for one in parts.values()]), share)
    every: tuple[Baseline, ...] = ()
    if is_told_apart(reference):
        profiles = enumerate(profile for profile, _ in reference.parts)
        every = tuple(parts[place] if place in parts else _flat(cells, profile) for place, profile in profiles)
    return Baseline(coefficients, parts[known[0]].inverse, sizes, every)


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


def stretch_of(
    cells: Cells, current: WindowCounts, length: int, reference: Reference, *, before: bool = False
) -> tuple[Hours, int]:
    """The window's hours, and those ``before`` it that are known, on a grid, and the place of its end; divided between
    the parts of a mixed ``reference``.

    Rows whose hours are not known are taken as spread evenly. Before the window only the rows of its own versions are
    looked at: what others were does not foretell it.
    """
    start, hourly = current.end_hour - length, current.hourly
    if hourly is None:
        inside, rows = cells.count(current.counts)
        return Hours(start, *(np.tile(part / length, (length, 1)) for part in (inside, rows))), length
    first = min(start, int(hourly.hours[0])) if before and len(hourly.hours) else start
    known = slice(*np.searchsorted(hourly.hours, [first, current.end_hour]))
    span = current.end_hour - first
    inside, rows = (_spread(part, hourly.hours[known] - first, span) for part in cells.count(hourly.counts[known]))
    if before and current.others is not None:
        apart = slice(*np.searchsorted(current.others.hours, [first, current.end_hour]))
        places = current.others.hours[apart] - first
        theirs = (_spread(part, places, span) for part in cells.count(current.others.counts[apart]))
        inside, rows = (part - other for part, other in zip((inside, rows), theirs, strict=True))
    return Hours(first, inside, rows, spread_over_parts(cells, reference, first, rows)), span


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
        whole, longer = fit_reference(part, grid), None
        once = partial(_once, habits, cells=cells, part=(first, step), tolerance=tolerance)
        if habits is not profile:
            whole = settled(whole, once("lasting", find=partial(lasting_of, whole, tolerance)))
        weeks = weeks_of(whole)
        odd = once("odd", find=partial(odd_hours, whole))
        fitted = without_odd_hours(whole, odd)
        for length, alpha in levels.items():
            known = horizon(fitted, length)
            short = known.windows < ENOUGH
            allowed = np.where(short, max(SHORT_TOLERANCE, tolerance), tolerance)
            known = replace(calibrated(whole, known, allowed, alpha, weeks), odd=odd)
            if quiet is not None and short.any():
                longer = longer or fit_with(
                    part, fitted.reference, Hours(quiet.start, *part.count(quiet.counts)), fitted.levels
                )
                known = taught(part, longer, known, tolerance, alpha)
            found[length].append(known)
    return {length: parts[0] if len(parts) == 1 else joined(parts) for length, parts in found.items()}


def _once(
    habits: ReferenceProfile, name: str, cells: Cells, part: tuple[int, int], tolerance: float, find: Callable[[], T]
) -> T:
    """What is found of a part of the columns, looked for once for windows of all lengths."""
    key = (name, id(cells), part, tolerance)
    held: tuple[Cells, T] | None = habits.memo.get(key)
    if held is None or held[0] is not cells:
        held = habits.memo[key] = cells, find()
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
        odd=_latest(np.stack([part.odd for part in parts])),
        replayed=all(part.replayed for part in parts),
    )


def _latest(odd: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the odd hours of K parts [K, F, 2] the latest, [F, 2]."""
    place = np.argmax(odd[:, :, 0], axis=0)
    found: NDArray[np.int64] = odd[place, np.arange(odd.shape[1])]
    return found
