"""What a run of one model needs, loaded once: its configuration, cuts, references and the counts of its windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from alerting.rules import Rule
from detectors import summary
from detectors.cuts import Binning
from detectors.performance import scored
from detectors.performance.scored import LabelCounts
from detectors.profile import Reference, ReferenceProfile, mix
from detectors.summary import HourlySummaries, WindowCounts
from monitor import clock
from monitor.actions.counting import Meaning
from monitor.actions.models import meaning_of_model, settings_of
from monitor.config import document
from monitor.config.inventory import Check, checks_of, rules_of
from monitor.service import Service
from monitor.store import config, marks, models, references, summaries
from monitor.store.database import Connection
from monitor.store.models import Model

POOLED = "*"


@dataclass(frozen=True)
class Compared:
    """A reference as a window meets it, with the name and version (none of a trailing one) that readings carry."""

    profile: Reference
    name: str
    version: int | None


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
    unpacked: dict[tuple[str, int], summary.Vectors] = field(default_factory=dict)

    @classmethod
    def load(cls, service: Service, connection: Connection, model: Model) -> Frame | None:
        """None before anything was counted on cuts."""
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
        """The checks that run; none before a reference was set."""
        return checks_of(self.settings, self.rows_per_hour) if self.known else ()

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
        return rules_of(self.settings, config.default_notify(self.connection)) if self.known else ()

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

    def profile(self, reference: references.Reference, version: str) -> ReferenceProfile:
        """A reference's rows of one model version (``*``: all) on the cuts."""
        key = ("profile", reference.id, self.binning_id, version)

        def load() -> ReferenceProfile:
            data = references.profile(self.connection, reference.id, self.binning_id, version)
            return ReferenceProfile.from_bytes(data)

        profile: ReferenceProfile = self.service.artefacts.get(key, load)
        return profile

    def compared_with(self, named: str | None, rows: Mapping[str, int]) -> Compared | None:
        """What rows of these versions (with their counts) are compared with; None without a reference."""
        chosen = []
        for version, count in sorted(rows.items()) or [("", 0)]:
            found = references.choose(self.known, self.model.default_reference, named, version)
            if found is not None:
                chosen.append((found, max(count, 1)))
        if not chosen:
            return None
        heaviest = max(chosen, key=lambda pair: pair[1])[0][0]
        profiles = [self.profile(*found) for found, _ in chosen]
        if len(chosen) == 1:
            return Compared(profiles[0], heaviest.name, heaviest.version)
        return Compared(mix(profiles, [float(count) for _, count in chosen]), heaviest.name, heaviest.version)

    def window(self, start_hour: int, end_hour: int) -> Window:
        """The counts of a stretch of hours."""
        key = (start_hour, end_hour)
        if key not in self.windows:
            self.windows[key] = self._window(start_hour, end_hour)
        return self.windows[key]

    def _window(self, start_hour: int, end_hour: int) -> Window:
        first = start_hour - summary.HOURS_BEFORE
        loaded = summaries.load(self.connection, self.model.id, self.binning_id, first, end_hour)
        by_version: dict[str, list[summaries.Summary]] = {}
        for one in loaded:
            by_version.setdefault(one.version, []).append(one)
        windows = {
            version: summary.window(self._stack(rows), start_hour, end_hour)
            for version, rows in sorted(by_version.items())
        }
        pooled = (
            summary.merge(list(windows.values()))
            if windows
            else summary.window(summary.empty(self.binning), start_hour, end_hour)
        )
        versions = {version: counts for version, counts in windows.items() if counts.rows}
        return Window(start_hour, end_hour, pooled, versions)

    def _stack(self, rows: Sequence[summaries.Summary]) -> HourlySummaries:
        """The hours of one version; each is unpacked once for all the windows that it is in."""
        vectors = []
        for one in rows:
            key = (one.version, one.hour)
            if key not in self.unpacked:
                self.unpacked[key] = summary.decode(self.binning, one.data)
            vectors.append(self.unpacked[key])
        return summary.stack_decoded([one.hour for one in rows], vectors)

    def labels(self, start_hour: int, end_hour: int, as_of: int) -> dict[str, LabelCounts]:
        """Labelled rows of a stretch of hours as known at as_of, by version."""
        known_hour = as_of // clock.HOUR
        loaded = summaries.load_labels(
            self.connection, self.model.id, self.binning_id, start_hour, end_hour, known_hour
        )
        by_version: dict[str, list[bytes]] = {}
        for one in loaded:
            by_version.setdefault(one.version, []).append(one.data)
        return {version: scored.add_up(data) for version, data in by_version.items()}
