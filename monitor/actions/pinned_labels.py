"""Labels of a reference that was pinned from the log: those of its rows join it as they come.

Rows, cuts and what is usual of features stay as they were when it was set. Its labels at an as_of are those of the
hourly summaries that were known then, of its oldest hours up to where enough of them are there: labels that depend on
what they say would otherwise make the reference one-sided for as long as they come. It is waited for them rather than
weighted, as a reference serves for months, and the windows that it is compared with wait for theirs as long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import MINIMUM_ROWS
from detectors.performance import scored
from detectors.performance.measure import FEW_MISSING
from detectors.performance.settled import settled_up_to
from detectors.profile import Grouped, Reference, ReferenceProfile, mix
from detectors.quality.unusable_output import without_use
from monitor import clock
from monitor.actions.frame import Chosen, Compared, Frame
from monitor.actions.label_arrivals import curve_of, weights_of
from monitor.store import pinned_hours, references, summaries

_DAY = 24  # hours


@dataclass(frozen=True)
class Joined:
    """What is known of the labels of a pinned reference: they are taken of ``hours`` [n] before ``until``, as known at
    ``known_hour``; ``counted`` are those whose labels are in summaries: of the others those count that it was set with.
    ``state`` tells one such answer from another. ``labelled`` of its ``rows`` have a label, ``usable`` of them in those
    hours; where hours are waited for, enough have one ``by`` that time, microseconds."""

    until: int
    known_hour: int
    counted: NDArray[np.int64]
    state: tuple[Any, ...]
    labelled: int
    usable: int
    rows: int
    by: int | None

    @property
    def details(self) -> dict[str, Any]:
        """What a reading says of a reference that waits."""
        return {"labelled": self.labelled, "rows": self.rows, "by": None if self.by is None else clock.render(self.by)}


def labelled(frame: Frame, compared: Compared, as_of: int) -> Reference:
    """What a window is compared with, with the labels that its references have at as_of."""
    profiles = [
        _with_labels(frame, reference, version, profile, compared.segment, as_of)
        for reference, version, profile, _ in compared.chosen
    ]
    if len(profiles) == 1:
        return profiles[0]
    return mix(profiles, [float(count) for *_, count in compared.chosen]) if profiles else compared.profile


def compared_by_labels(frame: Frame, compared: Compared | None, as_of: int) -> Compared | None:
    """The like with what readings say of it. A reference that waits for its labels leaves performance to the newest
    version before it that has some: windows whose labels come meanwhile are older than what it was set from."""
    if compared is None or not compared.chosen:
        return compared
    chosen = [_labelled_version(frame, one, compared.segment, as_of) for one in compared.chosen]
    heaviest = max(chosen, key=lambda one: one[-1])[0]
    found = replace(compared, name=heaviest.name, version=heaviest.version, chosen=chosen)
    return replace(found, profile=labelled(frame, found, as_of))


def _labelled_version(frame: Frame, one: Chosen, segment: str | None, as_of: int) -> Chosen:
    reference, version, _, count = one
    before = before_of(frame, reference, as_of)
    if before is None:
        return one
    mine = version if version in before.model_versions else references.WHOLE
    profile = frame.profile(before, mine, segment)
    return one if profile is None else (before, mine, profile, count)


def standing_in(frame: Frame, chosen: tuple[references.Reference, str], as_of: int) -> tuple[references.Reference, str]:
    """The version of a reference whose labelled rows serve, and which of its rows (a model version, or ``*``)."""
    before = before_of(frame, chosen[0], as_of)
    if before is None:
        return chosen
    return before, chosen[1] if chosen[1] in before.model_versions else references.WHOLE


def before_of(frame: Frame, reference: references.Reference, as_of: int) -> references.Reference | None:
    """The version that stands in for one that waits for its labels; None where it does not, or none on the model's cuts
    has any."""
    joined = joined_of(frame, reference, as_of)
    if joined is None or joined.by is None or joined.usable >= MINIMUM_ROWS:
        return None
    key = f"before {reference.id} {joined.known_hour}"
    if key not in frame.derived:
        earlier = (
            one
            for one in reversed(references.all_of(frame.connection, frame.model.id))
            if one.name == reference.name and one.version < reference.version
        )
        frame.derived[key] = next((one for one in earlier if _has_labels(frame, one, as_of)), None)
    found: references.Reference | None = frame.derived[key]
    return found


def _has_labels(frame: Frame, reference: references.Reference, as_of: int) -> bool:
    """Enough to be compared with, on the model's cuts."""
    if not references.has_profile(frame.connection, reference.id, frame.binning_id):
        return False
    joined = joined_of(frame, reference, as_of)
    return (reference.labelled if joined is None else joined.usable) >= MINIMUM_ROWS


def awaited(frame: Frame, compared: Compared, as_of: int) -> dict[str, Any] | None:
    """What details say of labels that are waited for, of the reference with the most rows of the window."""
    if not compared.chosen:
        return None
    joined = joined_of(frame, max(compared.chosen, key=lambda one: one[-1])[0], as_of)
    return None if joined is None or joined.by is None else joined.details


def joined_of(frame: Frame, reference: references.Reference, as_of: int) -> Joined | None:
    """None of rows that came from outside, and where nothing can join: all had their label when it was set."""
    if not reference.pinned or reference.start is None or reference.end is None:
        return None
    if reference.labelled >= reference.rows and as_of >= reference.created_at:
        return None
    # Labels join once a day: what is learned from a reference is not to be learned anew every hour.
    set_at = reference.created_at if reference.created_at <= as_of else 0
    known_hour = max(as_of // clock.DAY * _DAY, set_at // clock.HOUR)
    key = f"joined {reference.id} {known_hour}"
    if key not in frame.derived:
        frame.derived[key] = _joined(frame, reference, known_hour)
    found: Joined | None = frame.derived[key]
    return found


def state_of(frame: Frame, reference: references.Reference, as_of: int) -> tuple[Any, ...]:
    """What tells its labels at one as_of from those at another."""
    joined = joined_of(frame, reference, as_of)
    return () if joined is None else joined.state


def _joined(frame: Frame, reference: references.Reference, known_hour: int) -> Joined | None:
    profile = frame.profile(reference, references.WHOLE)
    if profile is None or profile.hours is None or profile.label_hours is None or not len(profile.hours):
        return None
    hours, rows = profile.hours, _predictions(frame, profile.counts)
    asked = frame.connection, frame.model.id, frame.binning_id, int(hours[0]), int(hours[-1]) + 1
    there = pinned_hours.counted(*asked)
    counted, is_counted = np.array(there, np.int64), set(there)
    by_hour, state = pinned_hours.labels_by_hour(*asked, known_hour)
    known = {int(hour): int(count) for hour, count in zip(profile.label_hours, profile.label_counts[:, 0], strict=True)}
    known = {hour: count for hour, count in known.items() if hour not in is_counted} | by_hour
    have = np.array([known.get(hour, 0) for hour in hours.tolist()], np.int64)
    horizon = clock.parse_duration(frame.settings.label_horizon) // clock.HOUR
    over = known_hour - hours > horizon
    least = _least(frame, reference, hours[~over], known_hour)
    place = settled_up_to(rows, have, over, least)
    by = None if place == len(hours) else _expected(frame, int(hours[-1]), known_hour, least, horizon)
    until = int(hours[place]) if place < len(hours) else int(hours[-1]) + 1
    have = np.minimum(have, rows)
    told = int(have.sum()), int(have[:place].sum()), int(rows.sum())
    return Joined(until, known_hour, counted, (*state, until, len(counted)), *told, by)


def _predictions(frame: Frame, counts: NDArray[Any]) -> NDArray[np.int64]:
    """Rows [T] that have a prediction of use, of counts [T, L]."""
    rows: NDArray[np.int64] = (counts[:, 0] - without_use(frame.binning, "prediction", counts)).astype(np.int64)
    return rows


def _least(frame: Frame, reference: references.Reference, waiting: NDArray[np.int64], known_hour: int) -> float:
    """Share of labels from which hours are believed: the one of windows, and nearly all of those that come at all while
    some of them are known to take longer than others."""
    least, as_of = frame.settings.min_label_coverage, known_hour * clock.HOUR
    curve = curve_of(frame, as_of) if len(waiting) else None
    if curve is None:
        return least
    known = weights_of(frame, int(waiting[0]), int(waiting[-1]) + 1, as_of, reference.model_versions)
    return max(least, (1 - FEW_MISSING) * curve.plateau) if known.unlike or not known.overlap else least


def _expected(frame: Frame, last: int, known_hour: int, least: float, horizon: int) -> int:
    """When all hours count, by how labels come; at the latest when the horizon of the last is over."""
    curve = curve_of(frame, known_hour * clock.HOUR)
    after = None if curve is None else curve.reached(least)
    hour = last + 1 + (horizon if after is None else min(after, horizon))
    return max(-(-hour // _DAY) * _DAY, known_hour + 1) * clock.HOUR


def _with_labels(
    frame: Frame,
    reference: references.Reference,
    version: str,
    profile: ReferenceProfile,
    segment: str | None,
    as_of: int,
) -> ReferenceProfile:
    joined = joined_of(frame, reference, as_of)
    if joined is None:
        return profile
    return _once(
        profile, (version, segment, *joined.state), lambda: _replaced(frame, version, profile, segment, joined)
    )


def _once(profile: ReferenceProfile, state: tuple[Any, ...], make: Callable[[], ReferenceProfile]) -> ReferenceProfile:
    """Kept with the profile as long as the labels are the same."""
    held = profile.memo.get(("joined",))
    if held is None or held[0] != state:
        held = profile.memo["joined",] = state, make()
    found: ReferenceProfile = held[1]
    return found


def _replaced(
    frame: Frame, version: str, profile: ReferenceProfile, segment: str | None, joined: Joined
) -> ReferenceProfile:
    if profile.hours is None or profile.label_hours is None or not len(profile.hours):
        return profile
    hours, counts, sums = _known(frame, version, profile, segment, joined)
    mine = np.isin(hours, profile.hours) & np.isin(hours, joined.counted) & (hours < joined.until)
    frozen = ~np.isin(profile.label_hours, joined.counted) & (profile.label_hours < joined.until)
    hours = np.concatenate([hours[mine], profile.label_hours[frozen]])
    order = np.argsort(hours, kind="stable")
    return replace(
        profile,
        label_hours=hours[order],
        label_counts=np.concatenate([counts[mine], profile.label_counts[frozen]])[order],
        label_sums=np.concatenate([sums[mine], profile.label_sums[frozen]])[order],
        memo={},
    )


def _known(frame: Frame, version: str, profile: ReferenceProfile, segment: str | None, joined: Joined) -> Grouped:
    """By hour of the profile, as known then."""
    assert profile.hours is not None
    first, last = int(profile.hours[0]), min(int(profile.hours[-1]) + 1, joined.until)
    asked = frame.connection, frame.model.id, frame.binning_id, first, last, joined.known_hour, segment or ""
    by_hour: dict[int, list[bytes]] = {}
    for one in summaries.load_labels(*asked):
        if version in (references.WHOLE, one.version):
            by_hour.setdefault(one.hour, []).append(one.data)
    added = [scored.add_up(data) for data in by_hour.values()]
    none = scored.no_labels(frame.binning.scores)
    counts = np.stack([one.counts for one in added] or [none.counts])[: len(added)]
    sums = np.stack([one.sums for one in added] or [none.sums])[: len(added)]
    return np.array(list(by_hour), np.int64), counts, sums
