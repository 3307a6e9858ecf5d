"""What a run of one model needs, loaded once: its configuration, cuts, references and the counts of its windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from alerting.rules import Rule
from detectors import summary
from detectors.cuts import Binning
from detectors.hour_bytes import Vectors, decode
from detectors.performance.hourly import LabelHours
from detectors.performance.scored import LabelCounts, add_up
from detectors.profile import Reference, ReferenceProfile, mix
from detectors.segments import Size
from detectors.summary import HourlySummaries, WindowCounts
from monitor import clock
from monitor.actions.habits import with_habits
from monitor.actions.meaning import Meaning
from monitor.actions.models import meaning_of_model, settings_of
from monitor.actions.quiet_weeks import with_quiet_weeks
from monitor.config import document
from monitor.config.inventory import Check, checks_of, rules_of
from monitor.errors import NotFound
from monitor.service import Service
from monitor.store import config, installation, marks, models, references, summaries
from monitor.store.database import Connection
from monitor.store.models import Model

POOLED = "*"
WEEK = 7 * clock.DAY


Chosen = tuple[references.Reference, str, ReferenceProfile, int]


@dataclass(frozen=True)
class Compared:
    """A reference as a window meets it, with the name and version (none of a trailing one) that readings carry; of all
    rows or of one segment. ``chosen``: the references that it is made of, which model version of each (``*``: all),
    their profiles, and how many rows of the window are compared with them."""

    profile: Reference
    name: str
    version: int | None
    segment: str | None = None
    chosen: Sequence[Chosen] = ()


@dataclass(frozen=True)
class Window:
    """Counts of one stretch of hours: of all rows, and apart by model version."""

    start_hour: int
    end_hour: int
    pooled: WindowCounts
    versions: Mapping[str, WindowCounts]


@dataclass(frozen=True)
class Frame:
    """One model within one unit of work."""

    service: Service
    connection: Connection
    model: Model
    binning_id: int
    known: Sequence[references.Reference]
    memo: dict[int, list[marks.Outdated]] = field(default_factory=dict)
    windows: dict[tuple[int, int], Window] = field(default_factory=dict)
    unpacked: dict[tuple[str, str, int], Vectors] = field(default_factory=dict)
    sliced: dict[tuple[int, int], Mapping[str, Window]] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)  # by actions that need it more than once

    @classmethod
    def load(cls, service: Service, connection: Connection, model: Model) -> Frame | None:
        """None before anything was counted on cuts."""
        service.keep_up(installation.deletions(connection))
        if model.binning_id is None:
            return None
        return cls(service, connection, model, model.binning_id, references.newest(connection, model.id))

    @cached_property
    def settings(self) -> document.Model:
        """The model's configuration."""
        return settings_of(self.model)

    @cached_property
    def meaning(self) -> Meaning:
        """Task and classes."""
        return meaning_of_model(self.model)

    @cached_property
    def binning(self) -> Binning:
        """The model's cuts."""
        key = ("binning", self.binning_id)
        binning: Binning = self.service.artefacts.get(
            key, lambda: Binning.from_bytes(references.binning(self.connection, self.binning_id))
        )
        return binning

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The checks that run; before a reference was set, those that need none."""
        return checks_of(self.settings, self.rows_per_hour, has_reference=bool(self.known))

    @property
    def rows_per_hour(self) -> float:
        """Rows in an hour of the default reference; 0 where it has no times."""
        named = [one for one in self.known if one.name == self.model.default_reference] or list(self.known)
        if not named or named[0].start is None or named[0].end is None:
            return 0.0
        hours = -(-named[0].end // clock.HOUR) - named[0].start // clock.HOUR
        return named[0].rows / max(hours, 1)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules on those checks."""
        return rules_of(self.settings, config.default_notify(self.connection), has_reference=bool(self.known))

    @cached_property
    def config_version(self) -> int:
        """The configuration's newest version."""
        return config.version(self.connection)

    @cached_property
    def lifetimes(self) -> dict[str, tuple[int, int]]:
        """Times of the first and the newest prediction of every model version ('' for none), and of all (``*``)."""
        known = models.list_versions(self.connection, self.model.id)
        spans = {one.version: (one.first_prediction, one.newest_prediction) for one in known}
        if spans:
            spans[POOLED] = (min(first for first, _ in spans.values()), max(last for _, last in spans.values()))
        return spans

    @property
    def versions(self) -> list[str]:
        """Every model version that has predictions ('' for none)."""
        return [version for version in self.lifetimes if version != POOLED]

    def outdated(self, since: int) -> list[marks.Outdated]:
        """Windows that end after ``since`` and were measured before the store's newest change."""
        if since not in self.memo:
            self.memo[since] = marks.outdated(self.connection, self.model.id, since, self.model.change)
        return self.memo[since]

    def features(self) -> list[str]:
        """Names of the features that are counted."""
        return [c.name.removeprefix("feature.") for c in self.binning.columns if c.name.startswith("feature.")]

    def segment_sizes(self) -> dict[str, Size]:
        """Every segment that a reference has, with its rows in the one that has most of them, by name."""
        found: dict[str, Size] = {}
        for reference in self.known if any(one.values for one in self.binning.segments) else ():
            weeks = _weeks(reference)
            for segment, rows in references.segment_rows(self.connection, reference.id, self.binning_id).items():
                if segment not in found or rows > found[segment].reference:
                    found[segment] = Size(rows, rows / weeks)
        return dict(sorted(found.items()))

    def profile(
        self, reference: references.Reference, version: str, segment: str | None = None
    ) -> ReferenceProfile | None:
        """A reference's rows of one model version (``*``: all) on the cuts, or those of them in a segment: None where
        there are none."""
        if segment is not None:
            return self._segment_profile(reference, version, segment)
        key = ("profile", reference.id, self.binning_id, version)

        def load() -> ReferenceProfile:
            data = references.profile(self.connection, reference.id, self.binning_id, version)
            return ReferenceProfile.from_bytes(data)

        profile: ReferenceProfile = self.service.artefacts.get(key, load)
        return profile

    def _segment_profile(self, reference: references.Reference, version: str, segment: str) -> ReferenceProfile | None:
        def load() -> ReferenceProfile | Nothing:
            data = references.segment_profile(self.connection, reference.id, self.binning_id, version, segment)
            return Nothing() if data is None else ReferenceProfile.from_bytes(data)

        key = (reference.id, self.binning_id, version, segment)
        profile: ReferenceProfile | Nothing = self.service.of_segments.get(key, load)
        return None if isinstance(profile, Nothing) else profile

    def compared_with(
        self,
        named: str | None,
        rows: Mapping[str, int],
        segment: str | None = None,
        *,
        before_hour: int | None = None,
        length: int = 0,
        windows: Mapping[str, WindowCounts] | None = None,
    ) -> Compared | None:
        """What rows of these versions (with their counts) are compared with; None without a reference. A short
        reference learns from the log before ``before_hour``, if given. With the ``windows`` of the versions, what is
        mixed knows which hours' rows each of its parts is for."""
        chosen, seen = [], []
        for version, count in sorted(rows.items()) or [("", 0)]:
            found = references.choose(self.known, self.model.default_reference, named, version)
            profile = None if found is None else self.profile(*found, segment)
            if found is not None and profile is not None and segment is None and before_hour:
                profile = with_habits(self, *found, profile, before_hour)
                profile = with_quiet_weeks(self, *found, profile, before_hour, length)
            if found is not None and profile is not None:
                chosen.append((*found, profile, max(count, 1)))
                seen += [windows[version]] if windows and version in windows else []
        if not chosen:
            return None
        heaviest = max(chosen, key=lambda one: one[-1])[0]
        profiles = [profile for _, _, profile, _ in chosen]
        if len(chosen) == 1:
            return Compared(profiles[0], heaviest.name, heaviest.version, segment, chosen)
        seen = seen if len(seen) == len(chosen) else []
        mixed = mix(profiles, [float(count) for *_, count in chosen], seen)
        return Compared(mixed, heaviest.name, heaviest.version, segment, chosen)

    def window(self, start_hour: int, end_hour: int) -> Window:
        """The counts of a stretch of hours."""
        key = (start_hour, end_hour)
        if key not in self.windows:
            self.windows[key] = self._window(start_hour, end_hour)
        return self.windows[key]

    def segment_windows(self, start_hour: int, end_hour: int) -> Mapping[str, Window]:
        """The counts of a stretch of hours of every segment that has rows in it."""
        key = (start_hour, end_hour)
        if key not in self.sliced:
            first = start_hour - summary.HOURS_BEFORE
            loaded = summaries.load_segments(self.connection, self.model.id, self.binning_id, first, end_hour)
            self.sliced[key] = {
                segment: self._sum(list(rows), start_hour, end_hour, segment)
                for segment, rows in groupby(loaded, key=lambda one: one.segment)
            }
        return self.sliced[key]

    def segment_window(self, start_hour: int, end_hour: int, segment: str) -> Window:
        """The counts of a stretch of hours of one segment."""
        loaded = summaries.load(self.connection, self.model.id, self.binning_id, start_hour, end_hour, segment)
        return self._sum(loaded, start_hour, end_hour, segment)

    def check_segment(self, segment: str) -> None:
        """Raises NotFound for a segment that is not counted."""
        if not any(segment in one.segments for one in self.binning.segments):
            raise NotFound(f"Model {self.model.name!r} has no segment {segment!r} that is counted (yet)")

    def _window(self, start_hour: int, end_hour: int) -> Window:
        first = start_hour - summary.HOURS_BEFORE
        loaded = summaries.load(self.connection, self.model.id, self.binning_id, first, end_hour)
        return self._sum(loaded, start_hour, end_hour, "")

    def _sum(self, loaded: Sequence[summaries.Summary], start_hour: int, end_hour: int, segment: str) -> Window:
        by_version: dict[str, list[summaries.Summary]] = {}
        for one in loaded:
            by_version.setdefault(one.version, []).append(one)
        windows = {
            version: summary.window(self._stack(segment, rows), start_hour, end_hour)
            for version, rows in sorted(by_version.items())
        }
        pooled = (
            summary.merge(list(windows.values()))
            if windows
            else summary.window(summary.empty(self.binning), start_hour, end_hour)
        )
        versions = {version: counts for version, counts in windows.items() if counts.rows}
        return Window(start_hour, end_hour, pooled, versions)

    def _stack(self, segment: str, rows: Sequence[summaries.Summary]) -> HourlySummaries:
        """The hours of one version; each of the whole is unpacked once for all the windows that it is in."""
        if segment:  # there may be many: they are kept as small as they can be
            return summary.narrow(summary.stack(self.binning, [one.hour for one in rows], [one.data for one in rows]))
        vectors = []
        for one in rows:
            key = (segment, one.version, one.hour)
            if key not in self.unpacked:
                self.unpacked[key] = decode(self.binning, one.data)
            vectors.append(self.unpacked[key])
        return summary.stack_decoded([one.hour for one in rows], vectors)

    def label_hours(self, start_hour: int, end_hour: int, as_of: int) -> dict[str, LabelHours]:
        """Labelled rows of a stretch of hours as known at as_of, by version."""
        known_hour = as_of // clock.HOUR
        loaded = summaries.load_labels(
            self.connection, self.model.id, self.binning_id, start_hour, end_hour, known_hour
        )
        return {
            version: LabelHours.of(start_hour, end_hour, [one.hour for one in rows], [one.data for one in rows])
            for version, rows in _by_version(loaded).items()
        }

    def segment_labels(self, start_hour: int, end_hour: int, as_of: int) -> dict[str, dict[str, LabelCounts]]:
        """Labelled rows of every segment that has any, by version. There may be many: hours are not told apart."""
        loaded = summaries.load_segment_labels(
            self.connection, self.model.id, self.binning_id, start_hour, end_hour, as_of // clock.HOUR
        )
        return {
            segment: {version: add_up([one.data for one in mine]) for version, mine in _by_version(rows).items()}
            for segment, rows in groupby(loaded, key=lambda one: one.segment)
        }


class Nothing:
    """Remembered like a profile: that a reference has no row of a segment, that something was done."""

    nbytes = 0


def _by_version(loaded: Iterable[summaries.LabelSummary]) -> dict[str, list[summaries.LabelSummary]]:
    by_version: dict[str, list[summaries.LabelSummary]] = {}
    for one in loaded:
        by_version.setdefault(one.version, []).append(one)
    return by_version


def _weeks(reference: references.Reference) -> float:
    """How long a reference is, at least a day; 1 where its rows have no times."""
    if reference.start is None or reference.end is None:
        return 1.0
    return max(reference.end - reference.start, clock.DAY) / WEEK
