"""backtest: what rules would have fired."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from detectors.injected import SHARES, SIZES, Injection, Kind
from monitor import clock
from monitor.actions import apply_config
from monitor.actions import backtest as action
from monitor.actions import models as known_models
from monitor.cli.base import DatabaseUrl, Home, app, ended_in_order, err, fits, out, service_from
from monitor.errors import Invalid
from monitor.service import Service

DAYS = 30
_NAMES = ("rule", "check", "at")  # columns of words; the others are numbers
_KINDS: Mapping[str, Kind] = {kind: kind for kind in get_args(Kind)}


@app.command()
def backtest(
    model: Annotated[str, typer.Option(help="The model.")],
    start: Annotated[str | None, typer.Option("--from", help="First moment, RFC 3339; 30 days before --to.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last moment; the end of the data.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML to try instead of what holds.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="A rule; all of them.")] = None,
    inject: Annotated[str, typer.Option(help="shift,unit_change,missing,concept, each with =SIZE if you like.")] = "",
    feature: Annotated[str | None, typer.Option(help="Into which feature.")] = None,
    at: Annotated[str | None, typer.Option(help="When drift begins; the middle.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What rules would have fired over the stored rows, and over the same rows with drift put in. Changes nothing."""
    document = None if config is None else apply_config.read_file(config)[0]
    injections = _injections(inject, feature)
    with ended_in_order(), service_from(home=home, database_url=database_url) as service, bars() as progress:
        span = _span(service, model, start, end)
        begins = None if at is None else _moment(at, "at")
        asked = action.Asked(model, *span, document, rule, injections, begins)
        found = action.backtest(service, asked, clock.now(), following(progress))
    if as_json:
        out.print_json(json.dumps(found))
    else:
        show_backtest(found)


def bars() -> Progress:
    """A bar for each replay."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True)


def following(progress: Progress) -> action.Progress:
    """What tells the bars how far it is."""
    known: dict[str, Any] = {}

    def told(what: str, done: int, total: int) -> None:
        if what not in known:
            known[what] = progress.add_task(escape(what), total=total)
        progress.update(known[what], completed=done)

    return told


def _injections(text: str, feature: str | None) -> list[Injection]:
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        kind, _, size = part.partition("=")
        if kind not in _KINDS:
            raise Invalid(f"--inject {kind!r} is not known; there are {', '.join(_KINDS)}", field="inject")
        known = _KINDS[kind]
        number = _size(known, part, size) if size else SIZES[known][0]
        found.append(Injection(known, number, None if known == "concept" else feature))
    return found


def _size(kind: Kind, part: str, size: str) -> float:
    try:
        number = float(size)
    except ValueError as error:
        raise Invalid(f"--inject {part!r}: {size!r} is no number", field="inject") from error
    most = 1.0 if kind in SHARES else inf
    if not 0 < number <= most or number == inf:
        words = "more than 0 and at most 1" if kind in SHARES else "a number greater than 0"
        raise Invalid(f"--inject {part!r}: the size of {kind} is {words}", field="inject")
    return number


def _span(service: Service, model: str, start: str | None, end: str | None) -> tuple[int, int]:
    if end is None:
        with service.database.read() as connection:
            newest = known_models.get(connection, model).newest_prediction
        if newest is None:
            raise Invalid(f"Model {model!r} has no predictions yet", field="model")
        last = min(newest - newest % clock.HOUR + clock.HOUR, clock.now())
    else:
        last = _moment(end, "to")
    return (last - DAYS * clock.DAY if start is None else _moment(start, "from")), last


def _moment(text: str, flag: str) -> int:
    try:
        return clock.parse(text)
    except ValueError as error:
        raise Invalid(f"--{flag} is {text!r}; it must be a time such as 2026-01-31T12:00:00Z", field=flag) from error


def show_backtest(found: dict[str, Any]) -> None:
    """Print it as a table, or as a list where that has no room."""
    title = f"{found['model']}, {found['from']} to {found['to']}"
    header, *rows = cells(found)
    table = Table(title=escape(title), title_justify="left")
    for name in header:
        table.add_column(escape(name), no_wrap=True, justify="left" if name in _NAMES else "right")
    for row in rows:
        table.add_row(*map(escape, row))
    if fits(out, table):
        out.print(table)
    else:  # a table that is too wide would cut names
        for line in (title, *(listed(header, row) for row in rows)):
            out.print(line, highlight=False, markup=False)
    for one in found["rules"]:
        for alert in one["alerts"]:
            ended = f", resolved {alert['resolved_at']}" if alert["resolved_at"] else ""
            line = f"  {one['rule']} ({alert['severity']}) {alert['fired_at']}{ended}: {alert['summary']}"
            out.print(line, highlight=False, markup=False)


def cells(found: dict[str, Any]) -> list[list[str]]:
    """What each rule would have done, a row each below the names of the columns."""
    injected = found["rules"][0]["injected"] if found["rules"] else []
    kinds = [one["kind"] if one["feature"] is None else f"{one['kind']} of {one['feature']}" for one in injected]
    rows = [[*_NAMES, "fired", "a month", *kinds]]
    for one in found["rules"]:
        delays = [_delay(put) for put in one["injected"]]
        rows.append([one["rule"], one["check"], one["at"], str(one["fired"]), f"{one['per_month']:g}", *delays])
    return rows


def listed(header: Sequence[str], row: Sequence[str]) -> str:
    """A row in one line, for where the table has no room."""
    rule, check, at, fired, a_month, *delays = row
    put_in = [f"{name}: {delay}" for name, delay in zip(header[5:], delays, strict=True)]
    return "; ".join([f"{rule} ({check} at {at}): fired {fired}, {a_month} a month", *put_in])


def _delay(put: dict[str, Any]) -> str:
    if put["cannot_tell"]:
        return "cannot tell: no labels"
    if put["firing_before"]:
        return "fired before"
    if put["delay_hours"] is None:
        return "not seen"
    anyway = ", anyway" if put["fired_without"] == put["fired_at"] else ""
    return f"after {put['delay_hours']:.0f} h{anyway}"
