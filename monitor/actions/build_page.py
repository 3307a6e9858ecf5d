"""Pages for people: what the store holds, put into templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dashboards import pages, views
from monitor.actions.page_data.alerts import alert_page, alerts_page
from monitor.actions.page_data.explanation import explanation
from monitor.actions.page_data.feature import feature_page
from monitor.actions.page_data.fleet import fleet
from monitor.actions.page_data.model import model_page, whole
from monitor.actions.page_data.rule import rule_page
from monitor.actions.storage import storage
from monitor.errors import Invalid
from monitor.service import Service

Arguments = Mapping[str, str]


def build_fleet(service: Service, viewer: views.Viewer, given: Arguments) -> str:
    """Every model, as HTML."""
    page = whole(given, "page", 1)
    if page < 1:
        raise Invalid("pages are counted from 1", field="page")
    return pages.fleet(viewer, fleet(service, viewer.now, given.get("q", "").strip()[:100], page))


def build_model(service: Service, viewer: views.Viewer, name: str, given: Arguments) -> str:
    """One model; raises NotFound."""
    return pages.model(viewer, model_page(service, name, given, viewer.now))


def build_feature(service: Service, viewer: views.Viewer, name: str, feature: str, given: Arguments) -> str:
    """One feature; raises NotFound."""
    return pages.feature(viewer, feature_page(service, name, feature, given, viewer.now))


def build_rule(service: Service, viewer: views.Viewer, name: str, rule: str, *, backtest: bool = False) -> str:
    """One rule of a model, tried on drift if asked; raises NotFound, and Overloaded while another is worked out."""
    return pages.rule(viewer, rule_page(service, name, rule, viewer.now, backtested=backtest))


def build_storage(service: Service, viewer: views.Viewer) -> str:
    """What every model takes in the store."""
    return pages.storage(viewer, views.Storage(storage(service)))


def build_alerts(service: Service, viewer: views.Viewer, given: Arguments) -> str:
    """The list of alerts."""
    return pages.alerts(viewer, alerts_page(service, given))


def build_alert(
    service: Service, viewer: views.Viewer, alert_id: str, problem: str | None = None, *, explain: bool = False
) -> str:
    """One alert, explained if asked; raises NotFound, and what ``explain_alert`` raises."""
    page = alert_page(service, alert_id, viewer.now, problem)
    if explain:
        page = replace(page, explanation=explanation(service, alert_id, viewer.now))
    return pages.alert(viewer, page)
