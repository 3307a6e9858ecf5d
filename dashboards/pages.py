"""Puts figures and facts into templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from dashboards import sparkline, views, words
from dashboards.figure import Figure
from dashboards.queries import Answer, Query, Scope
from dashboards.registry import PANELS
from dashboards.theme import Theme

Moment = int | str | None


def asked(panels: Sequence[str], scope: Scope) -> list[Query]:
    """Every query of these panels, each once."""
    return list(dict.fromkeys(query for name in panels for query in PANELS[name].ask(scope)))


def drawn(
    panels: Sequence[str], scope: Scope, answers: Mapping[Query, Answer], theme: Theme | None = None
) -> dict[str, Figure]:
    """The figures of these panels, without those that have no meaning here."""
    figures = {name: PANELS[name].draw(scope, answers, theme or Theme()) for name in panels}
    return {name: figure for name, figure in figures.items() if figure is not None}


def fleet(viewer: views.Viewer, view: views.Fleet) -> str:
    """Every model."""
    return _render("fleet.html", viewer, view)


def model(viewer: views.Viewer, view: views.ModelPage) -> str:
    """One model."""
    return _render("model.html", viewer, view)


def feature(viewer: views.Viewer, view: views.FeaturePage) -> str:
    """One feature of a model."""
    return _render("feature.html", viewer, view)


def storage(viewer: views.Viewer, view: views.Storage) -> str:
    """What every model takes in the store."""
    return _render("storage.html", viewer, view)


def rule(viewer: views.Viewer, view: views.RulePage) -> str:
    """One rule of a model."""
    return _render("rule.html", viewer, view)


def alerts(viewer: views.Viewer, view: views.AlertsPage) -> str:
    """The list of alerts."""
    return _render("alerts.html", viewer, view)


def alert(viewer: views.Viewer, view: views.AlertPage) -> str:
    """One alert."""
    return _render("alert.html", viewer, view)


def channels(viewer: views.Viewer, view: views.ChannelsPage) -> str:
    """Every channel and how it does."""
    return _render("channels.html", viewer, view)


def sign_in(viewer: views.Viewer, view: views.SignIn) -> str:
    """The form that takes a key."""
    return _render("sign_in.html", viewer, view)


def problem(viewer: views.Viewer, view: views.Problem) -> str:
    """What went wrong."""
    return _render("problem.html", viewer, view)


def _render(template: str, viewer: views.Viewer, view: Any) -> str:
    return _TEMPLATES.get_template(template).render(viewer=viewer, view=view, here=template)


def _moment(value: Moment) -> int | None:
    """Microseconds; RFC 3339 text, as the API writes it, is taken too."""
    if isinstance(value, str):
        at = datetime.fromisoformat(value)
        return int(at.timestamp() * 1_000_000)
    return value


def _written(value: Moment) -> str:
    at = _moment(value)
    return "–" if at is None else words.moment(at)


def _day(value: Moment) -> str:
    at = _moment(value)
    return "–" if at is None else words.day(at)


def _iso(value: Moment) -> str:
    at = _moment(value)
    return "" if at is None else words.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _date(value: int) -> str:
    return words.to_datetime(value).strftime("%Y-%m-%d")


def _ago(value: Moment, now: int) -> str:
    at = _moment(value)
    return "never" if at is None else words.ago(at, now)


def _span(start: Moment, end: Moment) -> str:
    first, last = _moment(start), _moment(end)
    return "" if first is None or last is None else words.window(first, last)


def _length(start: Moment, end: Moment) -> str:
    first, last = _moment(start), _moment(end)
    return "" if first is None or last is None else words.span(last - first)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("dashboards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "written": _written,
        "day": _day,
        "iso": _iso,
        "date": _date,
        "ago": _ago,
        "percent": words.percent,
        "number": words.number,
        "count": words.count,
        "bytes": words.size,
        "metric": words.metric,
        "segment": lambda text: quote(text, safe=""),
    }
    made.globals |= {
        "span": _span,
        "length": _length,
        "KINDS": words.KINDS,
        "VERDICTS": words.VERDICTS,
        "spark": sparkline,
    }
    return made


_TEMPLATES = _environment()
