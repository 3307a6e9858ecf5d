"""Why an alert fires, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dashboards import views
from dashboards.pages import drawn
from dashboards.queries import Cause, Causes, Effect, Scope
from dashboards.registry import ALERT_PAGE
from detectors.performance.row_loss import ABSOLUTE
from monitor import clock
from monitor.actions.explain_alert import explain_alert
from monitor.service import Service

LOSSES = {
    "wrong_share": "The share of wrong predictions",
    "brier": "The squared error of the probability",
    "absolute_error": "The mean absolute error",
}
COVARIATE, CONCEPT = "other inputs", "same inputs, other outcome"


def explanation(service: Service, alert_id: str, now: int) -> views.Explanation:
    """Raises what ``explain_alert`` raises."""
    told = explain_alert(service, alert_id, now)
    start, end = (clock.parse(told["window"][name]) for name in ("start", "end"))
    figures = drawn(ALERT_PAGE, Scope(told["model"], start, end), {Cause(): causes(told)})
    source = f"/v1/alerts/{quote(alert_id, safe='')}/explanation?as_of={told['as_of']}"
    return views.Explanation(told["summary"], figures, source)


def causes(told: Mapping[str, Any]) -> Causes:
    """What the figures are drawn from."""
    loss = told["loss"]
    parts, found = told["parts"], told["retraining"]
    if parts is None:
        return Causes(LOSSES[loss], in_points=loss != ABSOLUTE)
    return Causes(
        LOSSES[loss],
        in_points=loss != ABSOLUTE,
        rise=_effect("the whole rise", parts["rise"]),
        parts=(_effect(CONCEPT, parts["concept"]), _effect(COVARIATE, parts["covariate"])),
        slices=tuple(_slice(one) for one in told["slices"]),
        gain=None if found is None else _effect("gain by retraining", found["gain"]),
    )


def _effect(name: str, one: Mapping[str, float]) -> Effect:
    return Effect(name, one["value"], one["lower"], one["upper"])


def _slice(one: Mapping[str, Any]) -> Effect:
    return Effect(one["name"], one["effect"], one["lower"], one["upper"], one["share"], one["contribution"])
