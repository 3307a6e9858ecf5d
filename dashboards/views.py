"""What each page is given. Times are microseconds since 1970, UTC; alerts are as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.figure import Figure
from dashboards.queries import Mark, Said, SideBySide


@dataclass(frozen=True)
class Viewer:
    """Who looks: ``may_act`` sees the buttons; ``token`` goes back with every form of a session."""

    now: int
    may_act: bool = False
    signed_in: bool = False
    token: str = ""
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Health:
    """``status`` healthy, degraded, unhealthy or unknown, at ``as_of``."""

    status: str
    reasons: Sequence[str]
    since: int | None
    as_of: int


@dataclass(frozen=True)
class FleetModel:
    """A line of the fleet. ``drift``: (day, farthest share moved, worst verdict) oldest first; ``coverage`` of the
    last 30 days of data, None without rows."""

    name: str
    task: str | None
    owner: str | None
    health: Health
    dormant: bool
    critical: int
    warning: int
    pending: int
    drift: Sequence[tuple[int, float, str]]
    predictions: int
    newest_prediction: int | None
    newest_label: int | None
    coverage: float | None


@dataclass(frozen=True)
class Fleet:
    """The first page; ``earlier`` and ``later`` are addresses of its neighbours. ``address`` of this service."""

    models: Sequence[FleetModel]
    search: str
    any_models: bool
    earlier: str | None
    later: str | None
    address: str


@dataclass(frozen=True)
class RangeLink:
    """One choice of the range picker."""

    name: str
    href: str
    current: bool


@dataclass(frozen=True)
class Range:
    """The stretch shown; ``kept`` are the request's other arguments; ``permanent`` the address that keeps its ends."""

    start: int
    end: int
    links: Sequence[RangeLink]
    kept: Mapping[str, str]
    permanent: str
    action: str


@dataclass(frozen=True)
class Ledger:
    """The false-alarm budget over the last 30 days: ``checks`` judged, ``allowed`` false alarms, ``opened`` alerts
    that it covers, of them ``called_false``, and ``others``; ``outside`` names the checks that it does not pay for."""

    checks: int
    allowed: float
    opened: int
    called_false: int
    others: int
    outside: Sequence[str]


@dataclass(frozen=True)
class Sight:
    """What drift could be seen in windows of a length: the smallest change found nine times in ten, of the middle
    feature and of the hardest; ``short``: the reference of some has too few such windows; ``calibration``: what its
    replay did to their variance, in words."""

    length: str
    middle: float
    hardest: float
    feature: str
    short: bool
    calibration: str


@dataclass(frozen=True)
class OddHours:
    """A spell that is left out of what is usual for some features, with as many of them as there is room for in
    words."""

    start: int
    end: int
    features: str


@dataclass(frozen=True)
class Reference:
    """One version of a reference."""

    name: str
    version: int
    rows: int
    start: int | None
    end: int | None
    created_at: int
    model_versions: Sequence[str]
    default: bool


@dataclass(frozen=True)
class Choice:
    """A link among alternatives."""

    name: str
    href: str
    current: bool


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model without looking at time."""

    name: str
    task: str | None
    owner: str | None
    health: Health
    dormant: bool
    versions: Sequence[str]
    features: int
    predictions: int
    labels: int
    quarantined: int
    newest_prediction: int | None
    newest_label: int | None
    references: Sequence[Reference]
    open_alerts: Sequence[Mapping[str, Any]]
    retrainings: Mapping[str, int]


@dataclass(frozen=True)
class SegmentRow:
    """A segment in its newest windows: the worst reading's verdict and words, and how many of those judged are beyond
    their bounds. ``link`` leads to the page of the segment alone."""

    name: str
    verdict: str | None
    words: str
    beyond: int
    judged: int
    link: str


@dataclass(frozen=True)
class ModelPage:
    """A model over a stretch. ``pages`` leads through the rows of a long heatmap; ``segment`` is the one that the page
    is about, None for all rows; ``not_judged`` are segments without readings, with their ``reference_rows`` and
    ``weekly_rows``, and columns that gave no segment, with the ``reason``. ``too_short``: lengths of windows in which
    drift is not looked for, as they have too few rows."""

    facts: ModelFacts
    range: Range
    figures: Mapping[str, Figure]
    readings: Sequence[Said]
    ledger: Ledger | None
    sights: Sequence[Sight]
    odd_hours: Sequence[OddHours]
    too_short: Sequence[str]
    happened: Sequence[Mark]
    pages: Sequence[Choice]
    metrics: Sequence[Choice]
    lengths: Sequence[Choice]
    address: str
    segments: Sequence[SegmentRow] = ()
    not_judged: Sequence[Mapping[str, Any]] = ()
    segment: str | None = None


@dataclass(frozen=True)
class Storage:
    """What models take: each with ``model``, ``bytes`` and its ``parts`` ({name: {rows, bytes}})."""

    models: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class FeaturePage:
    """A feature over a stretch, and in one window against the reference; of all rows or of one segment."""

    model: str
    feature: str
    segment: str | None
    range: Range
    figures: Mapping[str, Figure]
    sides: SideBySide | None
    distances: Sequence[tuple[str, str, str, str]]
    readings: Sequence[Said]
    windows: Sequence[Choice]
    odd_hours: Sequence[OddHours]


@dataclass(frozen=True)
class AlertsPage:
    """Alerts, newest first."""

    alerts: Sequence[Mapping[str, Any]]
    model: str
    state: str
    models: Sequence[str]
    later: str | None


@dataclass(frozen=True)
class Explanation:
    """Why an alert fires, in sentences and figures; ``source`` is the address of the same for programs."""

    sentences: Sequence[str]
    figures: Mapping[str, Figure]
    source: str


@dataclass(frozen=True)
class AlertPage:
    """One alert with its story; ``silences`` are those that hold for it now; ``until`` a proposal for a new one.
    ``untold``: where there are no deliveries, why. Of its readings, ``seen`` is the smallest effect that they would
    have shown. Its entries have ``found``, what their evidence says beyond their reason, and whether they were noted
    ``late``, at another time than the run's own. ``explanation`` where somebody asked for it. ``accepts``: the
    references that accepting it would set, or in ``not_accepted`` why it cannot be; neither where nobody would."""

    alert: Mapping[str, Any]
    transitions: Sequence[Mapping[str, Any]]
    readings: Sequence[Mapping[str, Any]]
    moved: Sequence[Mapping[str, Any]]
    deliveries: Sequence[Mapping[str, Any]]
    trigger_runs: Sequence[Mapping[str, Any]]
    silences: Sequence[Mapping[str, Any]]
    untold: str
    until: int
    problem: str | None = None
    explanation: Explanation | None = None
    accepts: Sequence[str] = ()
    not_accepted: str | None = None


@dataclass(frozen=True)
class RulePage:
    """A rule ({name, check, at, for_, among, notify, trigger}), what it and its neighbours would have fired in
    [``start``, ``end``) ({rule, fired: [{version, segment, severity, since, until, summary}], current}), and its alerts
    of those days. ``whole``: not cut because there are too many readings. ``backtest`` as ``plimsoll backtest --json``
    tells it, where somebody asked for it."""

    model: str
    rule: Mapping[str, Any]
    start: int
    end: int
    readings: int
    whole: bool
    variants: Sequence[Mapping[str, Any]]
    alerts: Sequence[Mapping[str, Any]]
    backtest: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ChannelsPage:
    """Channels as the API shows them; ``tried`` is what came of the test that was just sent."""

    channels: Sequence[Mapping[str, Any]]
    tried: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SignIn:
    """The form; ``next`` is where it leads."""

    next: str
    problem: str | None = None


@dataclass(frozen=True)
class Problem:
    """What went wrong."""

    status: int
    message: str
