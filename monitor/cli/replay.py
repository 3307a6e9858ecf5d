"""replay: run the schedule over history."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from monitor import clock
from monitor.actions.replay import Replayed
from monitor.actions.replay import replay as run_replay
from monitor.cli.base import DatabaseUrl, Home, app, err, out, service_from
from monitor.errors import Invalid
from monitor.store.server_time import ServerTime


@app.command()
def replay(
    model: Annotated[str, typer.Option(help="The model.")],
    start: Annotated[str, typer.Option("--from", help="First moment, RFC 3339.")],
    end: Annotated[str, typer.Option("--to", help="Last moment, RFC 3339.")],
    deliver: Annotated[bool, typer.Option("--deliver", help="Send what alerts have to say.")] = False,
    reset: Annotated[
        bool,
        typer.Option(
            "--reset", help="First forget the episodes from --from on; who was told of one is told of its end."
        ),
    ] = False,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the schedule over history, each run at its own as_of."""
    span = _moment(start, "from"), _moment(end, "to")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[at]}"),
        TimeRemainingColumn(),
    )
    with (
        service_from(home=home, database_url=database_url) as service,
        Progress(*columns, console=err, transient=True) as bars,
    ):
        bar = bars.add_task(f"replay {model}", total=None, at="")

        def progress(done: int, total: int, as_of: int) -> None:
            bars.update(bar, completed=done, total=total, at=clock.render(as_of)[:10])

        done = run_replay(
            service, model, *span, now=ServerTime(service.database), deliver=deliver, reset=reset, progress=progress
        )
    show_replayed(done)


def _moment(text: str, flag: str) -> int:
    try:
        return clock.parse(text)
    except ValueError as error:
        raise Invalid(f"--{flag} is {text!r}; it must be a time such as 2026-01-31T12:00:00Z", field=flag) from error


def _alerts(number: int) -> str:
    return "1 alert" if number == 1 else f"{number} alerts"


def show_replayed(done: Replayed) -> None:
    """Print what a replay did."""
    if done.ended:
        of = _alerts(done.ended)
        out.print(f"{of} that people had been told of ended (superseded); they are told of the end", highlight=False)
    if done.unheard:
        of = _alerts(done.unheard)
        out.print(f"{of} that people had been told of ended; without --deliver nobody hears of it", highlight=False)
    out.print(f"{done.runs} runs, {done.readings} readings, {len(done.alerts)} alerts", highlight=False)
    for alert in sorted(done.alerts.values(), key=lambda one: str(one["fired_at"] or one["started_at"])):
        ended = f", resolved {alert['resolved_at']}" if alert["resolved_at"] else ""
        out.print(
            f"  {alert['rule']} ({alert['severity']}) {alert['fired_at'] or 'pending'}{ended}: {alert['summary']}",
            highlight=False,
            markup=False,
        )
