"""Writes the page about the comparison from what is kept; see bench.detection.__main__."""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.detection import environments, goals, kept, promise, promised, published, real, speed, streams
from bench.detection.metrics import MONTH_HOURS, Score, Summary, poisson_interval, score
from bench.detection.picture import Bar, bars
from bench.detection.tools import TOOLS, Tool, Unit, scenario_of

ROOT = Path(__file__).parents[2]
PAGE, IMAGES = ROOT / "docs" / "benchmark.md", ROOT / "docs" / "images"
Scores = dict[tuple[str, str], list[Score]]  # by scenario and tool


def read(folder: Path, rows: int) -> Scores:
    """All scores of these versions of the streams, with windows of a day. Scenarios with other than ``rows`` an hour
    are called "S1 at 500"."""
    scores: Scores = defaultdict(list)
    for tool in TOOLS:
        for (key, window), answer in kept.answers(folder, tool.name).items():
            unit = Unit.of(key)
            if unit is not None and window == 24:
                name = unit.scenario
                label = name if name in real.SCENARIOS or unit.rows == rows else f"{name} at {unit.rows}"
                hours = real.WEEKS * 168 if name in real.SCENARIOS else streams.HOURS
                scores[label, tool.name].append(score(scenario_of(name), answer, hours))
    return scores


def table(headings: Sequence[str], lines: Sequence[Sequence[str]], words: int = 1) -> str:
    """Markdown; the first columns, which are ``words``, to the left, the others to the right."""
    rule = [":--"] * words + ["--:"] * (len(headings) - words)
    return "\n".join("| " + " | ".join(line) + " |" for line in (headings, rule, *lines))


def _number(value: float | None, pattern: str = ".3g") -> str:
    return "–" if value is None else format(value, pattern)


def _of(scores: Scores, tool: Tool, names: Sequence[str]) -> Summary | None:
    found = [one for name in names for one in scores.get((name, tool.name), [])]
    return Summary(found) if found else None


def _few(tool: Tool, summary: Summary) -> str:
    """A slow tool was run on some days only: its incidents are at least these."""
    return "≥ " if tool.most_runs is not None and summary.scores[0].runs <= tool.most_runs else ""


def false_alarms(scores: Scores, names: Sequence[str]) -> str:
    """Incidents per model-month and runs with an alarm, by scenario and over all."""
    lines = []
    for tool in TOOLS:
        for name in names:
            summary = _of(scores, tool, [name])
            if summary is not None:
                rate, low, high = summary.incidents_a_month
                lines.append(
                    (
                        tool.name,
                        name,
                        f"{summary.months:.3g}",
                        f"{_few(tool, summary)}{rate:.3g}",
                        f"{speed.times(low)} – {speed.times(high)}",
                        f"{summary.red_per_thousand:.0f}",
                    )
                )
    headings = ("tool", "stream", "model-months", "false incidents a month", "95 %", "of 1000 runs, red")
    return table(headings, lines)


def detection(scores: Scores, names: Sequence[str]) -> str:
    """Delay and names, by scenario."""
    lines = []
    for name in names:
        for tool in TOOLS:
            summary = _of(scores, tool, [name])
            if summary is not None:
                lines.append(
                    (
                        name,
                        tool.name,
                        str(len(summary.scores)),
                        f"{summary.found_soon:.2f}",
                        _number(summary.delay(0.5), ".0f"),
                        _number(summary.delay(0.9), ".0f"),
                        _number(summary.mean("precision"), ".2f"),
                        _number(summary.mean("recall"), ".2f"),
                        _number(summary.mean("merit"), ".2f"),
                    )
                )
    headings = ("stream", "tool", "streams", "found in 7 d", "median delay h", "90 % h", "precision", "recall", "F")
    return table(headings, lines)


def merit(scores: Scores, names: Sequence[str]) -> str:
    """The figure of merit: the mean over the scenarios with something to find that the tool was run on."""
    lines = []
    for tool in TOOLS:
        means = [Summary(scores[name, tool.name]).mean("merit") for name in names if (name, tool.name) in scores]
        known = [mean for mean in means if mean is not None]
        if known:
            lines.append((tool.name, f"{sum(known) / len(known):.2f}", str(len(known))))
    return table(("tool", "F", "scenarios"), lines)


def cost(scores: Scores, names: Sequence[str]) -> str:
    """What a month of a made-up stream costs; a tool that was run on some days only is told per 30 runs."""
    made_up = [name for name in names if name in streams.SCENARIOS]  # of the main size
    ours = _of(scores, TOOLS[0], made_up)
    base = None if ours is None else ours.cost_a_month("cpu")
    lines = []
    for tool in TOOLS:
        whole = _of(scores, tool, made_up)
        cpu = None if whole is None else whole.cost_a_month("cpu")
        if whole is None or cpu is None or base is None:
            continue
        month = cpu * 30 / whole.scores[0].runs if _few(tool, whole) else cpu
        stored = whole.cost_a_month("bytes")
        size = "–" if stored is None else f"{stored / 1e6:.0f} MB"
        lines.append((tool.name, f"{month:.3g}", speed.times(month / base), size))
    return table(("tool", "CPU s", "× Plimsoll", "stored"), lines)


def alerts(scores: Scores, names: Sequence[str]) -> str:
    """How often Plimsoll would have told anybody on the streams without drift."""
    ours = _of(scores, TOOLS[0], names)
    if ours is None:
        return "–"
    count = sum(len(one.cost["alerts"]) for one in ours.scores)
    low, high = poisson_interval(count, ours.months)
    return f"{count} in {ours.months:.3g} model-months ({count / ours.months:.2g} a month, 95 % {low:.2g} – {high:.2g})"


def speed_part(folder: Path) -> tuple[str, list[Bar]]:
    """The tables of ``bench.detection.speed``, and bars of the largest size that all were measured at."""
    best = speed.least(speed.results(folder))
    parts, shown = [], []
    for size in sorted({rows for rows, _ in best}):
        if (size, "Plimsoll, exact") in best and (size, "Plimsoll, prepared") in best:
            parts += [f"### {size:,} + {size:,} rows", "", table(speed.HEADINGS, speed.rows_of(best, size)), ""]
            measured = [(one.name, best[size, one.name]["cpu"]) for one in speed.SUBJECTS if (size, one.name) in best]
            ordered = sorted(measured, key=lambda one: one[1])
            shown = [Bar(name, cpu, f"{cpu:.3g} s", name.startswith("Plimsoll")) for name, cpu in ordered]
    return "\n".join(parts), shown


def alarm_bars(scores: Scores, names: Sequence[str]) -> list[Bar]:
    """False incidents per model-month over all streams without drift."""
    found = []
    for tool in TOOLS:
        summary = _of(scores, tool, names)
        if summary is not None:
            rate, low, high = summary.incidents_a_month
            text = f"{_few(tool, summary)}{rate:.3g}"
            found.append(Bar(tool.name, rate, text, tool.peer is None, max(low, 1e-9), high))
    return found


def _of_label(label: str) -> streams.Scenario:
    return scenario_of(label.partition(" at ")[0])


def names(scores: Scores, drifting: bool) -> list[str]:
    """Streams that any tool was run on, in which something is to be found or nothing, in the order of the page."""
    order = {name: place for place, name in enumerate([*streams.SCENARIOS, *real.SCENARIOS])}
    present = {label for label, _ in scores if (_of_label(label).onset is not None) == drifting}
    return sorted(present, key=lambda label: (order[label.partition(" at ")[0]], label))


def promise_part(folder: Path) -> dict[str, str]:
    """What ``bench.detection.promise`` found; nothing where it was not run."""
    if not promise.results(folder):
        return dict.fromkeys(("promise_false", "promise_delay"), "")
    return {
        "promise_false": table(promised.FALSE, promised.false_alarms(folder)),
        "promise_delay": table(promised.DELAY, promised.delays(folder)),
    }


def errors_part(folder: Path) -> str:
    """What ``bench.detection.errors`` found, if it was run."""
    file = folder / "errors.json"
    if not file.exists():
        return ""
    told = json.loads(file.read_text("utf-8"))
    lines = [
        (f"10 % → {after:.0%}", f"{ours:.0f}", f"{best:.0f}", f"{ratio:.3f} ± {error:.3f}")
        for after, ours, best, ratio, error in told["rises"]
    ]
    realised = told["false"] / told["labels"] * told["bound"]
    words = f"{told['streams']:,} streams, c = {told['bound']:,.0f}: {realised:.2f} false alarms where 1 is allowed "
    return f"{words}({told['false']} counted).\n\n" + table(("errors", "labels", "oracle", "ratio, 95 %"), lines)


def published_part(folder: Path) -> str:
    """What ``bench.detection.published`` found, if it was run."""
    lines = []
    for name in published.SETS:
        file = folder / f"published-{name}.json"
        if file.exists():
            found = published.summary(pd.read_json(io.StringIO(file.read_text("utf-8"))))
            for metric, one in found.iterrows():
                numbers = (f"{one[key]:.3g}" for key in ("apart", "in_errors", "ours", "theirs"))
                lines.append((name, str(metric), *numbers, f"{one['inside']:.0f} of {one['chunk']:.0f}"))
    headings = (
        "data",
        "metric",
        "apart at most",
        "in sampling errors",
        "from labels",
        "NannyML's",
        "labels inside 95 %",
    )
    return table(headings, lines) if lines else ""


def main(arguments: argparse.Namespace) -> None:
    """Write the page and its pictures."""
    scores = read(arguments.kept, arguments.rows)
    if not scores:
        raise SystemExit(f"Nothing is kept in {arguments.kept} yet: python -m bench.detection run")
    quiet, drifting = names(scores, False), names(scores, True)
    shared = [name for name in quiet if all((name, tool.name) in scores for tool in TOOLS)] or quiet
    tables, costs = speed_part(arguments.kept)
    IMAGES.mkdir(parents=True, exist_ok=True)
    pictures = {
        "benchmark-alarms": (
            f"False incidents per model-month where nothing drifts ({', '.join(shared)})",
            alarm_bars(scores, shared),
        ),
        "benchmark-speed": ("CPU seconds of one comparison of the largest tables", costs),
    }
    if promise.results(arguments.kept):
        title = "Rejections a model-month at tolerance 0, 50 features, beside the budget k"
        pictures["benchmark-promise"] = (title, promised.bars(arguments.kept))
    for name, (title, data) in pictures.items():
        if data:
            (IMAGES / f"{name}.svg").write_text(bars(title, data, 0.01), "utf-8")
    measured_apart = {
        "goals": table(goals.HEADINGS, list(goals.lines(arguments.kept, scores)), words=3),
        "speed": tables,
        "errors": errors_part(arguments.kept),
        "published": published_part(arguments.kept),
        **promise_part(arguments.kept),
    }
    text = TEMPLATE.format(
        versions=", ".join(f"{peer.replace('_', '-')} {environments.version(peer)}" for peer in environments.PEERS),
        rows=arguments.rows,
        few=next(tool.most_runs for tool in TOOLS if tool.most_runs),
        tools=table(("tool", "what decides"), [(tool.name, tool.rule) for tool in TOOLS], words=2),
        streams=ran(scores, [*quiet, *drifting]),
        false_alarms=false_alarms(scores, quiet),
        detection=detection(scores, drifting),
        merit=merit(scores, drifting),
        cost=cost(scores, [*quiet, *drifting]),
        alerts=alerts(scores, quiet),
        month=MONTH_HOURS,
        **{name: part or "(not run)" for name, part in measured_apart.items()},
    )
    PAGE.write_text(text, "utf-8")
    print(f"Written: {PAGE.relative_to(ROOT)} and its pictures")


def ran(scores: Scores, names: Sequence[str]) -> str:
    """What happens in each stream, and on how many seeds of it each tool was run."""
    lines = []
    for name in names:
        counts = (len(scores.get((name, tool.name), ())) for tool in TOOLS)
        lines.append((name, _of_label(name).words, *(str(count or "–") for count in counts)))
    return table(("stream", "what happens", *(tool.name for tool in TOOLS)), lines, words=2)


TEMPLATE = (Path(__file__).parent / "page.md").read_text("utf-8")
