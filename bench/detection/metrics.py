"""From what a tool flagged on a stream to figures: false incidents, delay, names, and the figure of merit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from bench.detection.streams import Scenario

JOIN_HOURS = 24  # alarms of one name at most so far apart are one incident
MONTH_HOURS = 720
SOON_HOURS = 7 * 24


@dataclass(frozen=True)
class Answer:
    """``runs``: (hours since the start, names flagged), in order; ``cost``: cpu, fit_cpu, wall, bytes where known."""

    runs: list[tuple[int, frozenset[str]]]
    cost: dict[str, Any]

    @classmethod
    def read(cls, said: Iterable[str]) -> Answer:
        """The lines that a tool says."""
        lines = [json.loads(line) for line in said]
        runs = [(int(line["at"]), frozenset(line["flags"])) for line in lines if "at" in line]
        return cls(sorted(runs), {key: value for line in lines if "at" not in line for key, value in line.items()})


@dataclass(frozen=True)
class Score:
    """One tool on one stream. ``delay`` hours (``None``: not found); ``merit`` 0 or 1."""

    hours: int
    runs: int
    false_runs: int
    false_incidents: int
    delay: int | None
    precision: float | None
    recall: float | None
    merit: int
    cost: dict[str, Any]


def false_names(scenario: Scenario, at: int, names: frozenset[str]) -> frozenset[str]:
    """What should not have been flagged at that hour."""
    after = scenario.onset is not None and at > scenario.onset
    return names - scenario.expected - scenario.allowed if after else names


def incidents(flagged: Iterable[tuple[int, frozenset[str]]]) -> list[tuple[int, str]]:
    """When each incident began, and its name: alarms of a name no more than ``JOIN_HOURS`` apart are one."""
    last: dict[str, int] = {}
    found = []
    for at, names in flagged:
        for name in sorted(names):
            if name not in last or at - last[name] > JOIN_HOURS:
                found.append((at, name))
            last[name] = at
    return found


def score(scenario: Scenario, answer: Answer, hours: int) -> Score:
    """``hours`` were monitored."""
    false = [(at, false_names(scenario, at, names)) for at, names in answer.runs]
    red = [at for at, names in false if names]
    onset = scenario.onset
    hits = (
        [] if onset is None else [(at, names) for at, names in answer.runs if at > onset and names & scenario.expected]
    )
    delay = precision = recall = None
    merit = int(not red)
    if onset is not None:
        delay = hits[0][0] - onset if hits else None
        deadline = onset + scenario.within
        merit = int(bool(hits) and hits[0][0] <= deadline and not any(at <= hits[0][0] for at in red))
        soon = frozenset().union(*(names for at, names in hits if at <= onset + max(SOON_HOURS, scenario.within)))
        recall = len(soon & scenario.expected) / len(scenario.expected)
        if hits:
            named = hits[0][1] - scenario.allowed
            precision = len(named & scenario.expected) / len(named)
    total = len(incidents(false))
    return Score(hours, len(answer.runs), len(red), total, delay, precision, recall, merit, answer.cost)


def poisson_interval(count: int, exposure: float, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a rate (Garwood 1936)."""
    tail = (1 - level) / 2
    low = chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    return float(low / exposure), float(chi2.isf(tail, 2 * count + 2) / 2 / exposure)


@dataclass(frozen=True)
class Summary:
    """Scores of one tool on the streams of one scenario, or of several."""

    scores: list[Score]

    @property
    def months(self) -> float:
        """Model-months monitored."""
        return sum(one.hours for one in self.scores) / MONTH_HOURS

    @property
    def incidents_a_month(self) -> tuple[float, float, float]:
        """False incidents per model-month with the exact 95 % interval."""
        count = sum(one.false_incidents for one in self.scores)
        return (count / self.months, *poisson_interval(count, self.months))

    @property
    def red_per_thousand(self) -> float:
        """Runs with a false alarm, of 1000."""
        return 1000 * sum(one.false_runs for one in self.scores) / sum(one.runs for one in self.scores)

    @property
    def found_soon(self) -> float:
        """Share of streams in which it was found within 7 days."""
        return float(np.mean([one.delay is not None and one.delay <= SOON_HOURS for one in self.scores]))

    def delay(self, quantile: float) -> float | None:
        """Of the delays in hours, one that never came counting as infinite; ``None`` where it is."""
        delays = np.array([np.inf if one.delay is None else one.delay for one in self.scores])
        found = float(np.quantile(delays, quantile, method="higher"))
        return found if np.isfinite(found) else None

    def mean(self, name: str) -> float | None:
        """Of precision, recall or merit, where it is defined."""
        values = [value for one in self.scores if (value := getattr(one, name)) is not None]
        return float(np.mean(values)) if values else None

    def cost_a_month(self, name: str) -> float | None:
        """CPU seconds (or bytes) per model-month, reference included, of those where it is known."""
        known = [one for one in self.scores if name in one.cost]
        return sum(one.cost[name] for one in known) / Summary(known).months if known else None
