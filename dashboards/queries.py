"""The closed set of what panels may ask for, and the shapes of the answers. Times are microseconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

HOUR = 3_600_000_000
DAY = 24 * HOUR


@dataclass(frozen=True)
class Scope:
    """What a page is about. ``fine``: one point per window instead of one per day. ``in_ledger`` are the drift checks
    whose readings share one scale; ``judged`` the performance metrics that are judged; ``window`` the stretch that a
    distribution is drawn of; ``first`` and ``most`` cut a long matrix into pages; ``segment`` (``name=value``) narrows
    all of it to some of the rows; ``limits`` by check, where it states any on a value: warning, then critical."""

    model: str
    start: int
    end: int
    fine: bool = False
    length_hours: int = 24
    feature: str | None = None
    window: tuple[int, int] | None = None
    in_ledger: tuple[str, ...] = ()
    judged: tuple[str, ...] = ("accuracy",)
    metric: str | None = None
    tolerance: float = 0.02
    first: int = 0
    most: int = 60
    segment: str = ""
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """Numbers over time. ``source``: stored readings of ``kind`` (all their versions and lengths; fairness: of every
    segment column), rows and labels per hour or day, or one column's quantiles and shares per day."""

    source: Literal["readings", "rows", "column"]
    kind: str | None = None
    feature: str | None = None


@dataclass(frozen=True)
class Matrix:
    """Series × time, the worst on top. ``checks`` None: all of the kind; ``only_bad``: series that were ever at
    severity; ``of_features``: without those of no single feature."""

    kind: str
    length_hours: int | None = None
    checks: tuple[str, ...] | None = None
    only_bad: bool = False
    of_features: bool = False
    first: int = 0
    most: int = 60


@dataclass(frozen=True)
class Histogram:
    """One feature's counts in the reference and in the scope's window, and every distance of the two."""

    feature: str


@dataclass(frozen=True)
class Timeline:
    """What happened: alerts, new model versions, retrainings."""


@dataclass(frozen=True)
class Table:
    """Stored readings in words: those of each check's newest window, of all features or of one."""

    feature: str | None = None


@dataclass(frozen=True)
class Cause:
    """Why an alert about performance fires."""


Query = Series | Matrix | Histogram | Timeline | Table | Cause


@dataclass(frozen=True)
class Line:
    """One series. ``name`` is the metric (or the quantile, the category); ``version`` ``*`` for all together; all
    sequences are as long as ``at``, or empty where they have no meaning. A ``verdict`` is ``immature`` while labels are
    still coming, also of what is only shown. ``segment`` of fairness: its column, ``name=*``."""

    name: str
    at: Sequence[int]
    value: Sequence[float | None]
    version: str = "*"
    length_hours: int = 24
    feature: str = ""
    check: str = ""
    effect: Sequence[float | None] = ()
    lower: Sequence[float | None] = ()
    upper: Sequence[float | None] = ()
    verdict: Sequence[str | None] = ()
    segment: str = ""


@dataclass(frozen=True)
class Lines:
    """Answer to ``Series``."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Grid:
    """Answer to ``Matrix``: ``names`` (check, metric, feature) per row, ``at`` per column, ``effect`` (as observed),
    ``least`` (its lower bound, what is judged) and ``verdict`` [rows][columns]; ``total`` rows that there are."""

    names: tuple[tuple[str, str, str], ...]
    at: tuple[int, ...]
    effect: Sequence[Sequence[float | None]]
    least: Sequence[Sequence[float | None]]
    verdict: Sequence[Sequence[str | None]]
    total: int


@dataclass(frozen=True)
class SideBySide:
    """Answer to ``Histogram``. Numeric: ``edges`` cut the line into len(edges) + 1 bins; categorical: ``categories``.
    ``counts`` and ``extras`` by side (reference, current); ``distances`` by method; empty without counts."""

    feature: str
    type: str
    start: int
    end: int
    reference: str | None = None
    edges: Sequence[float] = ()
    minimum: float | None = None
    maximum: float | None = None
    categories: Sequence[str] = ()
    counts: Mapping[str, Sequence[float]] = field(default_factory=dict)
    extras: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    distances: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """One thing that happened: ``what`` is warning, critical (an alert; ``until`` None while it fires), version or
    retraining."""

    what: str
    at: int
    words: str
    until: int | None = None
    link: str | None = None


@dataclass(frozen=True)
class Marks:
    """Answer to ``Timeline``, oldest first."""

    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Said:
    """A reading in words; ``seen``: the smallest effect that it would have shown, None where that is not known."""

    check: str
    kind: str
    metric: str
    feature: str | None
    version: str | None
    verdict: str | None
    reason: str | None
    words: str
    start: int
    end: int
    alpha: float | None
    n_current: int
    seen: str | None = None


@dataclass(frozen=True)
class Rows:
    """Answer to ``Table``, the worst first; ``more`` that were left out."""

    rows: tuple[Said, ...]
    more: int = 0


@dataclass(frozen=True)
class Effect:
    """A number with its 95 % limits (None: not known); ``share`` of the rows that it is of, and what it adds to the
    whole (``contribution``)."""

    name: str
    value: float
    lower: float | None
    upper: float | None
    share: float = 1.0
    contribution: float = 0.0


@dataclass(frozen=True)
class Causes:
    """Answer to ``Cause``, in points (hundredths) where ``in_points``, else in the unit of the label: the ``rise`` of
    the loss and its ``parts``; ``slices`` that got worse, the worst first; what retraining would gain (``gain``)."""

    loss: str
    in_points: bool
    rise: Effect | None = None
    parts: tuple[Effect, ...] = ()
    slices: tuple[Effect, ...] = ()
    gain: Effect | None = None


Answer = Lines | Grid | SideBySide | Marks | Rows | Causes
