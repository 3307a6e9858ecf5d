"""What a model's budget of false alarms promises: the checks it pays for, the alerts it covers, what would be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any

from monitor import clock
from monitor.actions import levels
from monitor.actions.frame import Frame
from monitor.config.inventory import DEFAULT_LENGTHS, SHORT_LENGTHS, Check
from monitor.store import pages

DAYS = 30
_WHY_OUTSIDE = {
    "serving": "compared with its own last weeks",
    "fairness": "shown or held against a limit of its own",
}


@dataclass(frozen=True)
class Ledger:
    """Of 30 days: ``checks`` that the budget pays for, ``allowed`` false alarms; of the alerts that began to fire in
    the last ones ``opened`` that the promise covers, ``called_false`` of them by people, and ``opened_outside`` that it
    does not; the checks ``outside``."""

    checks: int
    allowed: float
    opened: int
    opened_outside: int
    called_false: int
    outside: Sequence[Check]


@dataclass(frozen=True)
class Sight:
    """What drift the newest window of ``hours`` could show: the smallest change found nine times in ten, of the middle
    of so many ``features`` (of two the harder one) and of the hardest. ``short``: the reference of some has too few
    such windows; ``replayed``: it was judged by itself, week by week; ``widened``: of how many features that made the
    variance larger, and the largest ``factor`` by which."""

    hours: int
    features: int
    middle: float
    hardest: float
    hardest_feature: str
    short: bool
    replayed: bool
    widened: int
    factor: float


@dataclass(frozen=True)
class OddHours:
    """A spell that some features' references, or the weeks they learned from, have and leave out of what is usual."""

    start: int
    end: int
    features: Sequence[str]


def ledger_of(frame: Frame | None, end: int) -> Ledger | None:
    """The budget, and the 30 days that end at ``end``; None where nothing is checked."""
    if frame is None or not frame.checks:
        return None
    covered = [check.name for check in frame.checks if check.in_ledger]
    fired = pages.count_fired(frame.connection, frame.model.id, end - DAYS * clock.DAY, end, covered)
    return Ledger(
        checks=levels.expected_checks(frame),
        allowed=frame.settings.false_alarms_per_month,
        opened=fired.covered,
        opened_outside=fired.others,
        called_false=fired.called_false,
        outside=[check for check in frame.checks if not check.in_ledger],
    )


def why_outside(check: Check) -> str:
    """Why a check stands outside the ledger."""
    if check.is_feed and check.threshold is None:
        return "compared with the pauses before"
    return _WHY_OUTSIDE.get(check.kind, "with a method or bound of its own")


def drift_checks(frame: Frame | None) -> tuple[str, ...]:
    """The drift checks whose readings share the scale of rows moved."""
    checks = () if frame is None else frame.checks
    return tuple(check.name for check in checks if check.kind == "data_drift" and check.method == "auto")


def seen_by(frame: Frame | None, end: int) -> list[pages.Sight]:
    """Of the newest windows that end by ``end``, of every length and feature that a drift check in the ledger has;
    where several look at a feature, of the one that sees more."""
    if frame is None:
        return []
    best: dict[tuple[int, str], pages.Sight] = {}
    for name in drift_checks(frame):
        for one in pages.sights(frame.connection, frame.model.id, name, end):
            key = (one.length_hours, one.feature)
            if key not in best or one.mde < best[key].mde:
                best[key] = one
    return list(best.values())


def sights_of(seen: Sequence[pages.Sight]) -> list[Sight]:
    """What drift the newest windows could show, of every length, the shortest first."""
    lengths = sorted({one.length_hours for one in seen})
    return [_sight(length, [one for one in seen if one.length_hours == length]) for length in lengths]


def odd_hours_of(seen: Sequence[pages.Sight]) -> list[OddHours]:
    """What the newest windows say of odd hours, the oldest first."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in seen:
        if one.odd is not None:
            found.setdefault(one.odd, set()).add(one.feature)
    return [
        OddHours(clock.parse(start), clock.parse(last), sorted(found[start, last])) for start, last in sorted(found)
    ]


def too_short(frame: Frame | None) -> list[int]:
    """The lengths, in hours, in which drift is not looked for as so short a window has too few rows of the reference;
    none where checks name the length of their windows."""
    checks = [] if frame is None else [one for one in frame.checks if one.name in drift_checks(frame)]
    lengths = {length for one in checks for length in one.lengths}
    return [one for one in SHORT_LENGTHS if one not in lengths] if lengths >= set(DEFAULT_LENGTHS) else []


def _sight(length: int, found: list[pages.Sight]) -> Sight:
    hardest = max(found, key=lambda one: (one.mde, one.feature))
    factors = [one.calibration for one in found if one.calibration is not None]
    return Sight(
        hours=length,
        features=len(found),
        middle=median_high(one.mde for one in found),
        hardest=hardest.mde,
        hardest_feature=hardest.feature,
        short=any(one.short for one in found),
        replayed=all(one.replayed for one in found),
        widened=len(factors),
        factor=max(factors, default=1.0),
    )


def promise_told(frame: Frame | None, end: int) -> dict[str, Any]:
    """``ledger``, ``sights`` and ``odd_hours`` as of ``end``, as ``GET /v1/models/{model}`` shows them."""
    ledger, seen = ledger_of(frame, end), seen_by(frame, end)
    return {
        "ledger": None if ledger is None else _ledger_told(ledger),
        "sights": [_sight_told(one) for one in sights_of(seen)],
        "odd_hours": [
            {"start": clock.render(one.start), "end": clock.render(one.end), "features": list(one.features)}
            for one in odd_hours_of(seen)
        ],
    }


def _ledger_told(one: Ledger) -> dict[str, Any]:
    return {
        "days": DAYS,
        "checks": one.checks,
        "false_alarms": one.allowed,
        "opened": one.opened,
        "opened_outside": one.opened_outside,
        "called_false": one.called_false,
        "outside": [{"check": check.name, "reason": why_outside(check)} for check in one.outside],
    }


def _sight_told(one: Sight) -> dict[str, Any]:
    return {
        "hours": one.hours,
        "features": one.features,
        "middle": one.middle,
        "hardest": one.hardest,
        "hardest_feature": one.hardest_feature,
        "short_reference": one.short,
        "replayed": one.replayed,
        "calibration": one.factor if one.replayed else None,
        "widened": one.widened,
    }
