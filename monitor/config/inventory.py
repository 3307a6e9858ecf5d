"""Which checks and rules a model has: the default ones, and what the configuration puts in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

from alerting.rules import Rule, parse_for
from detectors.fairness import WITHOUT_LABELS
from detectors.performance.label_pause import NAME as LABEL_PAUSE
from detectors.registry import MULTIVARIATE, SEQUENTIAL
from monitor import clock
from monitor.config import document

DEFAULT_LENGTHS = (24, 168)
SHORT_LENGTHS = (1, 6)  # large drift is caught in an hour, small drift in a day or week
SHORT_ROWS = 500  # that a short window must usually hold, to show a change that would be critical
SERVING_LENGTHS = (24,)
PAUSE_LENGTHS = (24,)  # end every 4 hours: a pause is told within so long
CATCH_UP = 7 * clock.DAY  # what the scheduler runs late; a run that is older by the clock is a replay's
FAIRNESS_LENGTHS = (24, 168)
ROWS_LENGTHS = (168,)  # methods that read rows: once a day


@dataclass(frozen=True)
class Check:
    """A check as it runs. ``lengths`` in hours; ``in_ledger`` when its level comes from the false-alarm budget."""

    name: str
    kind: str
    lengths: tuple[int, ...]
    schedule: str = "5 * * * *"
    features: tuple[str, ...] | None = None
    metric: str | None = None
    segment: str | None = None
    method: str = "auto"
    threshold: document.Threshold | None = None
    reference: str | document.Trailing | None = None

    @property
    def in_ledger(self) -> bool:
        """Serving, fairness, pauses of labels and checks with a method or threshold of their own stand outside the
        budget."""
        paid = self.kind not in ("serving", "fairness") and not self.is_feed
        return paid and self.method == "auto" and self.threshold is None

    @property
    def needs_labels(self) -> bool:
        """Whether its windows have to wait for labels: performance, and what else is measured on labelled rows."""
        return self.kind == "performance" or (self.kind == "fairness" and self.metric not in WITHOUT_LABELS)

    @property
    def trails(self) -> bool:
        """Whether it is compared with the model's own last weeks, for which nobody has to set a reference."""
        return isinstance(self.reference, document.Trailing)

    @property
    def is_stream(self) -> bool:
        """Whether it looks at labelled rows one after the other, as their labels become known."""
        return self.method in SEQUENTIAL

    @property
    def is_feed(self) -> bool:
        """Whether it looks at when labels come, and not at what they say: it waits for none."""
        return self.metric == LABEL_PAUSE

    @property
    def bound(self) -> dict[str, float] | None:
        """The threshold as it is judged. A p-value of x asks of a detector of streams, which has none, that the
        logarithm of its statistic reach log 1/x."""
        if self.threshold is None:
            return None
        if self.is_stream and self.threshold.p_value is not None:
            return {"warning": -log(self.threshold.p_value)}
        return self.threshold.model_dump(exclude_none=True)


def checks_of(model: document.Model, rows_per_hour: float = 0.0, *, has_reference: bool = True) -> tuple[Check, ...]:
    """The default checks, each replaced by a configured one of its name, then the other configured ones. Without a
    reference those alone that are compared with the model's own last weeks. Whether labels still come is looked at
    by a check of its own, ``label_pause``, beside ``performance`` and when that is: its windows wait for none, and what
    is done when a model gets worse (a retraining) is not done for that.

    Drift is looked for in 1 h and 6 h too where the reference has at least 500 rows in so long, by ``rows_per_hour``.
    """
    kinds = [kind for kind in document.KINDS if kind != "fairness" or model.segments]
    checks: dict[str, Check] = {kind: Check(kind, kind, _lengths(kind, None, rows_per_hour)) for kind in kinds}
    named = {given.name for given in model.checks}
    for given in model.checks:
        checks.pop(given.name, None)
        if given.enabled:
            checks[given.name] = _check(given, rows_per_hour)
    if "performance" in checks and LABEL_PAUSE not in named:
        schedule = checks["performance"].schedule
        checks[LABEL_PAUSE] = Check(LABEL_PAUSE, "performance", PAUSE_LENGTHS, schedule, metric=LABEL_PAUSE)
    return tuple(check for check in checks.values() if has_reference or check.trails)


def _lengths(
    kind: str, window: str | None, rows_per_hour: float, method: str = "auto", metric: str | None = None
) -> tuple[int, ...]:
    if window is not None:
        return (clock.parse_duration(window) // clock.HOUR,)
    if method in MULTIVARIATE:
        return ROWS_LENGTHS
    if metric == LABEL_PAUSE:
        return PAUSE_LENGTHS
    if kind not in ("data_drift", "prediction_drift"):
        return {"serving": SERVING_LENGTHS, "fairness": FAIRNESS_LENGTHS}.get(kind, DEFAULT_LENGTHS)
    return (*(length for length in SHORT_LENGTHS if length * rows_per_hour >= SHORT_ROWS), *DEFAULT_LENGTHS)


def _check(given: document.Check, rows_per_hour: float) -> Check:
    return Check(
        name=given.name,
        kind=given.kind,
        lengths=_lengths(given.kind, given.window, rows_per_hour, given.method, given.metric),
        schedule=given.schedule,
        features=None if given.features is None else tuple(given.features),
        metric=given.metric,
        segment=given.segment,
        method=given.method,
        threshold=given.threshold,
        reference=given.reference,
    )


def rules_of(model: document.Model, default_notify: Sequence[str], *, has_reference: bool = True) -> tuple[Rule, ...]:
    """One rule per check that runs, named as it, unless a configured rule speaks of that check."""
    configured = [_rule(rule, default_notify) for rule in model.rules]
    spoken_of = {rule.check for rule in configured}
    names = [check.name for check in checks_of(model, has_reference=has_reference)]
    defaults = [Rule(name=name, check=name, notify=tuple(default_notify)) for name in names if name not in spoken_of]
    return (*defaults, *(rule for rule in configured if rule.check in names))


def _rule(given: document.Rule, default_notify: Sequence[str]) -> Rule:
    windows, among = parse_for(given.for_)
    rule = Rule(
        name=given.name,
        check=given.check,
        at=given.at,
        for_=windows,
        among=among,
        notify=tuple(default_notify if given.notify is None else given.notify),
        trigger=given.trigger,
        cooldown=clock.parse_duration(given.cooldown),
    )
    return rule if given.remind is None else replace(rule, remind=clock.parse_duration(given.remind))


def stride(length_hours: int) -> int:
    """Hours between the ends of windows of a length (CONTRACT.md section 1)."""
    if length_hours < 24:
        return 1
    return 4 if length_hours < 168 else 24


def newest_end(length_hours: int, as_of: int) -> int:
    """End (microseconds) of the newest window of that length that is complete at as_of."""
    step = stride(length_hours) * clock.HOUR
    return as_of - as_of % step


def runs_per_month(length_hours: int) -> int:
    """How many windows of that length end in 30 days."""
    return 720 // stride(length_hours)
