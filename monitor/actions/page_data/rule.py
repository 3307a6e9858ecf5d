"""One rule: what it and its neighbours would have fired over the stored readings, and over drift put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

from alerting.rules import Rule
from alerting.variants import Fired, variants
from dashboards import views
from detectors.injected import SIZES, Injection, Kind
from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.backtest import Asked, backtest
from monitor.actions.frame import Frame
from monitor.errors import Invalid, NotFound
from monitor.service import Service
from monitor.store import alerts
from monitor.store.models import Model
from monitor.store.rule_history import history

DAYS = 30
TRIED_DAYS = 7  # a backtest on a page shall not take minutes
LEAD = 2 * clock.DAY  # by which drift may begin before a rule fires
MOST_READINGS = 50_000  # of series that were at severity: eight rules are stepped over them while somebody waits


def rule_page(service: Service, name: str, rule_name: str, now: int, *, backtested: bool = False) -> views.RulePage:
    """A rule of a model; with drift put in if asked. Raises NotFound, and Overloaded while another one is worked
    out."""
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        frame = Frame.load(service, connection, model)
        rule = _rule(frame, name, rule_name)
        end = _end(model, now)
        start = end - DAYS * clock.DAY
        found = history(connection, model.id, rule.check, start, end, MOST_READINGS)
        made = alerts.list_alerts(connection, model=name, state=None, since=start, limit=200, after=None)
    tried = variants(rule, found.readings)
    return views.RulePage(
        model=name,
        rule=asdict(rule),
        start=found.start,
        end=end,
        readings=found.stored,
        whole=found.whole,
        variants=[asdict(one) for one in tried],
        alerts=[one for one in made if one["rule"] == rule_name],
        backtest=_try(service, model, rule, quiet_end(tried[0].fired, found.start, end), now) if backtested else None,
    )


def _rule(frame: Frame | None, name: str, rule_name: str) -> Rule:
    there = [] if frame is None else list(frame.rules)
    for rule in there:
        if rule.name == rule_name:
            return rule
    names = ", ".join(rule.name for rule in there) or "none before a reference is set"
    raise NotFound(f"Model {name!r} has no rule {rule_name!r}; it has: {names}")


def _end(model: Model, now: int) -> int:
    newest = now if model.newest_prediction is None else model.newest_prediction
    return min(now, newest - newest % clock.HOUR + clock.HOUR)


def quiet_end(fired: Sequence[Fired], start: int, end: int) -> int:
    """The end of the newest week from ``start`` on in which the rule did not fire, nor soon after (what it fires on
    begins earlier), else of all: where there is drift anyway, what is put in cannot be seen."""
    for back in range(DAYS - TRIED_DAYS):
        last = end - back * clock.DAY
        first = last - TRIED_DAYS * clock.DAY
        if first < start:
            break
        if not any(one.since < last + LEAD and (one.until is None or one.until > first) for one in fired):
            return last
    return end


def _try(service: Service, model: Model, rule: Rule, end: int, now: int) -> dict[str, Any]:
    """The rule over a week, with every kind of drift from its middle on."""
    with service.alone():
        return backtest(service, _asked(service, model, rule, end), now)


def _asked(service: Service, model: Model, rule: Rule, end: int) -> Asked:
    injections: list[Injection] = []
    for kind in get_args(Kind):
        one = Asked(model.name, end - TRIED_DAYS * clock.DAY, end, rules=[rule.name], injections=[_injection(kind)])
        if kind == "concept" and not model.n_labels:
            continue
        try:
            one.check(service)
        except Invalid:  # no feature for it
            continue
        injections += one.injections
    return Asked(model.name, end - TRIED_DAYS * clock.DAY, end, rules=[rule.name], injections=injections)


def _injection(kind: Kind) -> Injection:
    return Injection(kind, SIZES[kind][0])
