"""How good the model was, with its interval, what was expected without labels, and of how many the truth is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from dashboards import words
from dashboards.figure import Figure
from dashboards.plotting import Trace, band, line, mark, reach, shift, step, table, time_axis, verdict_markers
from dashboards.queries import Answer, Line, Lines, Marks, Query, Scope, Series, Timeline
from dashboards.theme import SERIES, VERDICT_COLOURS, Theme
from dashboards.unsettled import IMMATURE, shade, stretches, unsettled

TITLE = "Performance"
CBPE, DLE, PAPE = "CBPE", "DLE", "PAPE"
BY_DLE = (words.ESTIMATED + "mae", words.ESTIMATED + "rmse")
Limits = tuple[float, float, float]  # a value, its lower and its upper limit
BELIED = 0.02  # an estimate that is nearer to the labels' number is none that misleads
_TELLING = 3.0  # times as wide an interval as the narrowest one has
SLOPE, AS_BEFORE = "calibration_slope", (0.9, 1.1)  # shown without a verdict; nearer to 1 it says nothing
DOUBTED = {  # what these say of the estimate
    "calibration_gap": "scores no longer mean what they meant",
    "error_gap": "predictions are farther off than such predictions were",
    SLOPE: "labels no longer follow the scores as they did",
}


@dataclass(frozen=True)
class Estimates:
    """A line of what was expected without labels, by the estimator ``usual``; ``weighted``: when it is by PAPE, which a
    check of inputs brings where they moved."""

    line: Line
    usual: str
    weighted: frozenset[int] = frozenset()

    @property
    def by(self) -> str:
        """The names of the estimators."""
        usual = [] if self.weighted.issuperset(self._known) else [self.usual]
        return ", ".join([*usual, *([PAPE] if self.weighted else [])])

    @property
    def _known(self) -> list[int]:
        return [at for at, value in zip(self.line.at, self.line.value, strict=True) if value is not None]


def ask(scope: Scope) -> Sequence[Query]:
    """Every performance reading, what checks of inputs say of performance, and what happened."""
    return [Series("readings", "performance"), Series("readings", "data_drift", feature=""), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """The chosen metric, a line per version and length, beside its estimate and above the coverage."""
    series, inputs, timeline = (answers[query] for query in ask(scope))
    assert isinstance(series, Lines)
    assert isinstance(inputs, Lines)
    assert isinstance(timeline, Marks)
    metric = scope.metric or next(iter(scope.judged), "accuracy")
    shown = [one for one in series.lines if one.name == metric and _known(one)]
    expected = _estimates(metric, series.lines, inputs.lines)
    title = f"{TITLE}: {words.metric(metric)}"
    if not (shown or expected):
        return Figure(title, empty="No performance is known yet in this stretch: it needs labels, and a reference.")
    covered = [one for one in series.lines if one.name == "label_coverage" and _known(one)]
    data = _metric(scope, shown) + _expected(scope, shown, expected) + _coverage(scope, covered)
    upper = [0.34, 1] if covered else [0, 1]
    layout = theme.layout(360 if covered else 280, xaxis=time_axis(scope), yaxis={"domain": upper})
    if covered:
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis2"] = {
            **layout["yaxis"],
            "domain": [0, 0.2],
            "range": [0, 1.05],
            "tickformat": ".0%",
            "tickvals": [0, 1],
            "title": {"text": "labels", "font": {"size": 11}},
        }
    young = _immature(scope, metric, series.lines)
    layout["shapes"] = [shade(start, end, upper, theme) for start, end in young]
    mark(layout, data, timeline.marks, scope, theme)
    doubts = _doubts(series.lines) if expected else {}
    layout["annotations"] = [*layout.get("annotations", ()), *_flags(scope, expected, doubts, theme)]
    named = _named(shown)
    numbers = table("Day", [*named, *_named_estimates(expected)], unsettled=[unsettled(one) for _, one in named])
    belied = _belied(shown, [each for each in expected if each.line.version not in doubts])
    layout["annotations"] += _flags(scope, expected, belied, theme)
    said = " ".join([_say(metric, shown, expected), *_told_doubts(doubts), *belied.values()]).strip()
    return Figure(title, said, _note(expected, bool(young)), data, layout, numbers)


def _note(expected: Sequence[Estimates], young: bool) -> str:
    said = ["Thick: the longest windows with their 95 % interval. Thin: shorter windows."]
    said += ["Dashed: estimated without labels, which cannot see concept drift."] if expected else []
    said += [f"Diamonds: {PAPE}, where inputs moved."] if any(one.weighted for one in expected) else []
    said += ["Shaded: not judged, labels are still coming; this is what they point to so far."] if young else []
    return " ".join([*said, "Below: share of predictions whose label is known."])


def _estimates(metric: str, lines: Sequence[Line], inputs: Sequence[Line]) -> list[Estimates]:
    """Of the longest windows of each version; PAPE's number takes the place of CBPE's where there is one."""
    name = words.ESTIMATED + metric
    usual, weighted = ([one for one in each if one.name == name and _known(one)] for each in (lines, inputs))
    usual = _longest(usual or weighted)
    found = []
    for one in usual:
        same = (one.version, one.length_hours)
        found.append(_better(one, next((w for w in weighted if (w.version, w.length_hours) == same), None)))
    return found


def _better(usual: Line, weighted: Line | None) -> Estimates:
    by = DLE if usual.name in BY_DLE else CBPE
    if weighted is None:
        return Estimates(usual, by)
    values = {
        at: numbers
        for each in (usual, weighted)
        for at, *numbers in zip(each.at, each.value, each.lower, each.upper, strict=True)
        if numbers[0] is not None
    }
    at = sorted(values)
    value, lower, upper = ([values[one][i] for one in at] for i in range(3))
    known = frozenset(at for at, value in zip(weighted.at, weighted.value, strict=True) if value is not None)
    return Estimates(replace(usual, at=at, value=value, lower=lower, upper=upper, verdict=()), by, known)


def _known(one: Line) -> bool:
    return any(value is not None for value in one.value)


def _versions(shown: Sequence[Line]) -> list[str]:
    return sorted({one.version for one in shown if one.version != "*"}) or ["*"]


def _label(one: Line) -> str:
    return one.version if one.version not in ("*", "") else "all"


def _longest(lines: Sequence[Line]) -> list[Line]:
    longest = max((one.length_hours for one in lines), default=0)
    return [one for one in lines if one.length_hours == longest]


def _named(shown: Sequence[Line]) -> list[tuple[str, Line]]:
    kept = [one for one in shown if one.version != "*"] or list(shown)
    return [(f"{_label(one)}, {words.span(one.length_hours * 3_600_000_000)}", one) for one in kept]


def _named_estimates(expected: Sequence[Estimates]) -> list[tuple[str, Line]]:
    kept = [each for each in expected if each.line.version != "*"] or list(expected)
    return [(f"estimated ({each.by}), {name}", one) for each in kept for name, one in _named([each.line])]


def _metric(scope: Scope, shown: Sequence[Line]) -> list[Trace]:
    data: list[Trace] = []
    if not shown:
        return data
    longest, by = max(one.length_hours for one in shown), shift(scope)
    for version, colour in zip(_versions(shown), SERIES, strict=False):
        for one in (each for each in shown if each.version == version):
            thick = one.length_hours == longest
            gap = reach(scope, one.length_hours)
            if thick:
                data.append(band(one.at, one.lower, one.upper, colour, gap, by))
                data.append(line(_label(one), one.at, one.value, colour, gap=gap, by=by, line={"width": 2.5}))
                data += verdict_markers(one.at, one.value, one.verdict, by)
            else:
                name = f"{_label(one)}, {words.span(one.length_hours * 3_600_000_000)}"
                data.append(line(name, one.at, one.value, f"{colour}/0.5", gap=gap, by=by, line={"width": 1}))
    return data


def _expected(scope: Scope, shown: Sequence[Line], expected: Sequence[Estimates]) -> list[Trace]:
    """Dashed, in the colour of their version, and without a band: they are no measurement."""
    colours = dict(zip(_versions(shown or [each.line for each in expected]), SERIES, strict=False))
    drawn, by = {"width": 1.5, "dash": "dash"}, shift(scope)
    found = []
    for each in expected:
        one = each.line
        if one.version not in colours:
            continue
        gap, colour = reach(scope, one.length_hours), f"{colours[one.version]}/0.7"
        name = f"{_label(one)}, estimated ({each.by})"
        found.append(line(name, one.at, one.value, colour, gap=gap, by=by, mode="lines", line=drawn))
        if each.weighted:
            kept = [(at, value) for at, value in zip(one.at, one.value, strict=True) if at in each.weighted]
            more: dict[str, Any] = {"mode": "markers", "marker": {"symbol": "diamond", "size": 7, "color": colour}}
            at, value = zip(*kept, strict=True)
            found.append(line(f"{_label(one)}, {PAPE}", at, value, colour, gap=gap, by=by, **more))
    return found


def _doubts(lines: Sequence[Line]) -> dict[str, str]:
    """By version, what was sure in the last windows whose labels were there: an estimate rests on its being none. The
    slope takes some hundred labels, a gap of one decile a thousand."""
    found: dict[str, tuple[int, str]] = {}
    for one in lines:
        last = _last_sure(one) if one.name in DOUBTED else None
        if last is not None:
            found[one.version] = max(found.get(one.version, (0, "")), (one.at[last], one.name))
    return {version: name for version, (_, name) in found.items()}


def _last_sure(one: Line) -> int | None:
    """The last window whose labels were there, if it was sure."""
    if one.name == SLOPE:
        limits = list(zip(one.lower, one.upper, one.verdict, strict=True))
        known = [i for i, (low, high, said) in enumerate(limits) if None not in (low, high) and said != IMMATURE]
        sure = bool(known) and _is_beside(*limits[known[-1]][:2])
    else:
        known = [i for i, verdict in enumerate(one.verdict) if verdict in ("ok", "warning", "critical")]
        sure = bool(known) and one.verdict[known[-1]] != "ok"
    return known[-1] if sure else None


def _is_beside(low: float | None, high: float | None) -> bool:
    """Whether a slope is certainly not what it was."""
    return low is not None and high is not None and (low > AS_BEFORE[1] or high < AS_BEFORE[0])


def _belied(shown: Sequence[Line], expected: Sequence[Estimates]) -> dict[str, str]:
    """By version what the last mature window's labels say, where the estimate of the same window is certainly
    another, by 0.02 at least (of a mean error by 2 %)."""
    found = {}
    for one in (each.line for each in expected):
        same = [real for real in shown if (real.version, real.length_hours) == (one.version, one.length_hours)]
        both = [pair for real in same for pair in _of_one_window(one, real)]
        if not both:
            continue
        (guess, low, high), (truth, least, most) = both[-1]
        unit = abs(truth) if one.name in BY_DLE else 1.0
        if (low > most or high < least) and abs(guess - truth) > BELIED * unit:
            said = f"say {words.number(truth)} where {words.number(guess)} was estimated of the same window"
            found[one.version] = f"The last labels{_of(one.version)} {said}: do not trust the estimate."
    return found


def _of_one_window(guessed: Line, real: Line) -> list[tuple[Limits, Limits]]:
    """Value and limits of the estimate and of the metric, of windows that have both and whose labels are there."""
    known = _limits(real)
    return [(limits, known[at]) for at, limits in _limits(guessed).items() if at in known]


def _limits(one: Line) -> dict[int, Limits]:
    verdicts = one.verdict or (None,) * len(one.at)
    return {
        at: (value, low, high)
        for at, value, low, high, said in zip(one.at, one.value, one.lower, one.upper, verdicts, strict=True)
        if said != IMMATURE and value is not None and low is not None and high is not None
    }


def _told_doubts(doubts: Mapping[str, str]) -> list[str]:
    """Why an estimate is not to be trusted."""
    return [
        f"The last labels{_of(version)} say that {DOUBTED[name]}: do not trust the estimate."
        for version, name in sorted(doubts.items())
    ]


def _flags(
    scope: Scope, expected: Sequence[Estimates], doubts: Mapping[str, str], theme: Theme
) -> list[dict[str, Any]]:
    """At the end of each estimate that is not to be trusted."""
    found = []
    for one in (each.line for each in expected):
        if one.version in doubts or ("*" in (one.version, *doubts) and doubts):
            last = _newest(one)
            place = {"x": words.iso(one.at[last] + shift(scope)), "y": one.value[last], "xanchor": "right", "ay": -28}
            drawn = {
                "showarrow": True,
                "arrowhead": 0,
                "ax": 0,
                "font": {"size": 11, "color": VERDICT_COLOURS["warning"]},
            }
            found.append({**place, **drawn, "text": "do not trust the estimate"})
    return found


def _immature(scope: Scope, metric: str, lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Stretches in which the longest windows of no version can be judged yet, although some labels are there."""
    told = [one for one in lines if one.name in scope.judged or one.name == metric]
    ripe: dict[int, bool] = {}
    for one in _longest([one for one in told if _known(one)]):
        for at, value, verdict in zip(one.at, one.value, one.verdict, strict=True):
            if value is not None and verdict is not None:
                ripe[at] = ripe.get(at, False) or verdict not in ("cannot_tell", IMMATURE)
    return stretches([at for at, told in ripe.items() if not told], scope)


def _coverage(scope: Scope, covered: Sequence[Line]) -> list[Trace]:
    if not covered:
        return []
    shortest = min(one.length_hours for one in covered)
    kept = [one for one in covered if one.length_hours == shortest]
    found = []
    for version, colour in zip(_versions(kept), SERIES, strict=False):
        for one in (each for each in kept if each.version == version):
            more = {"yaxis": "y2", "showlegend": False, "fill": "tozeroy", "fillcolor": f"{colour}/0.18"}
            hover = "%{y:.0%} of labels known"
            found.append(
                line(_label(one), one.at, one.value, colour, gap=2 * step(scope), by=shift(scope), hover=hover, **more)
            )
    return found


def _say(metric: str, shown: Sequence[Line], expected: Sequence[Estimates]) -> str:
    said = []
    for one in _longest(shown):
        if one.version in _versions(shown):
            said.append(f"{_told(words.metric(metric), one, unsettled(one))}.")
    told = _versions([each.line for each in expected])
    for each in expected:
        if each.line.version in told:
            name, newest = words.metric(words.ESTIMATED + metric), _newest(each.line)
            by = PAPE if each.line.at[newest] in each.weighted else each.usual
            said.append(f"{_told(name, each.line, ())}, by {by} without labels.")
    return " ".join(said)


def _newest(one: Line) -> int:
    return max(i for i, value in enumerate(one.value) if value is not None)


def _told(name: str, one: Line, later: Collection[int]) -> str:
    """The newest number; where labels may still change it, after the newest one that is a fact."""
    of = f"{name[0].upper()}{name[1:]}{_of(one.version)}"
    known = [i for i, value in enumerate(one.value) if value is not None]
    settled = [i for i in known if one.at[i] not in later]
    if settled and settled[-1] == known[-1]:
        return f"{of} was {_number(one, known[-1])}"
    coming = [i for i in known if not settled or i > settled[-1]]
    newest = _number(one, _telling(one, coming))
    if not settled:
        return f"{of} cannot be told yet: labels are still coming, and point to {newest} so far"
    return f"{of} was {_number(one, settled[-1])}; later labels are still coming, and point to {newest} so far"


def _telling(one: Line, places: Sequence[int]) -> int:
    """The newest of them but for those whose interval is several times as wide as others': of a label or two."""
    width = {i: 0.0 if (low := one.lower[i]) is None else (one.upper[i] or 0.0) - low for i in places}
    some = {i: by if by > 0 else inf for i, by in width.items()}  # without width it is of one row, or none is known
    return max(i for i in places if some[i] <= _TELLING * min(some.values()))


def _of(version: str) -> str:
    return f" of {version}" if version not in ("*", "") else ""


def _number(one: Line, index: int) -> str:
    low, high = one.lower[index], one.upper[index]
    interval = "" if low is None or high is None else f" ({words.number(low)} to {words.number(high)})"
    return f"{words.number(one.value[index])}{interval} on {words.day(one.at[index])}"
