"""How far each feature's rows moved, day by day, the worst feature on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from dashboards import words
from dashboards.figure import Figure, Numbers
from dashboards.plotting import Trace, mark, rounded, shift, step, time_axis
from dashboards.queries import HOUR, Answer, Grid, Marks, Matrix, Query, Scope, Timeline
from dashboards.theme import VERDICT_COLOURS, VERDICT_SYMBOLS, Theme

TITLE = "Drift of the features"
MOST_COLUMNS = 800
FULL = 0.30  # rows moved at which the colour is at its deepest


def ask(scope: Scope) -> Sequence[Query]:
    """The matrix of the checks that share one scale, and what happened."""
    checks = scope.in_ledger or None
    drift = Matrix("data_drift", scope.length_hours, checks, of_features=True, first=scope.first, most=scope.most)
    return [drift, Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """A heatmap with a symbol on every cell at severity."""
    matrix, timeline = (answers[query] for query in ask(scope))
    assert isinstance(matrix, Grid)
    assert isinstance(timeline, Marks)
    if not matrix.names:
        return Figure(TITLE, empty="No drift was measured in this stretch of time.")
    labels = _labels(matrix)
    data: list[Trace] = [_cells(matrix, labels, scope), *_symbols(matrix, labels, shift(scope))]
    rows = {"autorange": "reversed", "showgrid": False, "tickfont": {"color": theme.ink}, "type": "category"}
    layout = theme.layout(
        110 + 20 * len(labels), hovermode="closest", xaxis=time_axis(scope), yaxis={**rows, "dtick": 1}
    )
    mark(layout, data, timeline.marks, scope, theme)
    length = words.span(scope.length_hours * HOUR)
    note = f"How many rows at least moved against the reference, in windows of {length}; a day shows its worst."
    return Figure(
        TITLE,
        _say(matrix, labels),
        note,
        data,
        layout,
        _numbers(matrix, labels),
        link=f"/models/{scope.model}/features/",
    )


def _labels(matrix: Grid) -> list[str]:
    several = len({check for check, _, _ in matrix.names}) > 1
    return [f"{feature} · {check}" if several else feature for check, _, feature in matrix.names]


def _columns(matrix: Grid, scope: Scope) -> tuple[int, ...]:
    """Points in time at even steps, with those that have no reading: else a cell would stretch over the gap."""
    steps = [later - earlier for earlier, later in pairwise(matrix.at)]
    unit = min(steps, default=step(scope))
    even = tuple(range(matrix.at[0], matrix.at[-1] + 1, unit))
    return even if len(even) <= MOST_COLUMNS and set(matrix.at) <= set(even) else matrix.at


def _edges(columns: Sequence[int], scope: Scope) -> list[str]:
    """Where cells begin and end, one more than there are columns; a day's cell is the day."""
    unit = columns[1] - columns[0] if len(columns) > 1 else step(scope)
    first = [at + shift(scope) - unit // 2 for at in columns]
    return [words.iso(at) for at in (*first, first[-1] + unit)]


def _cells(matrix: Grid, labels: Sequence[str], scope: Scope) -> Trace:
    columns = _columns(matrix, scope)
    place = {at: i for i, at in enumerate(matrix.at)}
    picked = [place.get(at) for at in columns]
    return {
        "type": "heatmap",
        "x": _edges(columns, scope),
        "y": labels,
        "z": [_picked(row, picked) for row in matrix.least],
        "customdata": [_picked(row, picked) for row in matrix.effect],
        "zmin": 0,
        "zmax": FULL,
        "xgap": 1 if len(columns) <= 120 else 0,
        "ygap": 2,
        "colorscale": [[0, "@heat-0"], [0.2, "@heat-1"], [0.5, "@heat-2"], [1, "@heat-3"]],
        "colorbar": {
            "thickness": 8,
            "len": 1,
            "outlinewidth": 0,
            "tickformat": ".0%",
            "tickvals": [0, 0.1, 0.2, 0.3],
            "x": 1.01,
            "xpad": 0,
        },
        "hovertemplate": "<b>%{y}</b> %{x}<br>rows moved: at least %{z:.1%}, observed %{customdata:.1%}<extra></extra>",
    }


def _picked(row: Sequence[float | None], columns: Sequence[int | None]) -> list[float | None]:
    return rounded([None if i is None else row[i] for i in columns], 3)


def _symbols(matrix: Grid, labels: Sequence[str], by: int) -> list[Trace]:
    found = []
    for verdict, symbol in VERDICT_SYMBOLS.items():
        cells = [
            (words.iso(at + by), label)
            for label, row in zip(labels, matrix.verdict, strict=True)
            for at, one in zip(matrix.at, row, strict=True)
            if one == verdict
        ]
        if cells:
            outline = {"width": 1, "color": "@paper"}
            size = 8 if len(matrix.at) <= 60 else 6 if len(matrix.at) <= 150 else 4
            marker = {"symbol": symbol, "size": size, "color": VERDICT_COLOURS[verdict], "line": outline}
            found.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": verdict,
                    "x": [at for at, _ in cells],
                    "y": [label for _, label in cells],
                    "marker": marker,
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
    return found


def _worst(matrix: Grid, row: int) -> tuple[float, int] | None:
    sizes = [(abs(size), at) for size, at in zip(matrix.least[row], matrix.at, strict=True) if size is not None]
    return max(sizes) if sizes else None


def _at_severity(matrix: Grid, row: int) -> int:
    return sum(one in VERDICT_SYMBOLS for one in matrix.verdict[row])


def _say(matrix: Grid, labels: Sequence[str]) -> str:
    beyond = [label for row, label in enumerate(labels) if _at_severity(matrix, row)]
    worst = _worst(matrix, 0)
    start = f"{words.count(len(beyond), 'feature')} of {matrix.total} moved beyond what is tolerated"
    if not beyond or worst is None:
        return "No feature moved beyond what is tolerated." if not beyond else f"{start}."
    return f"{start}; {labels[0]} the farthest, at least {words.percent(worst[0])} % of rows on {words.day(worst[1])}."


def _numbers(matrix: Grid, labels: Sequence[str]) -> Numbers:
    rows = []
    for row, label in enumerate(labels):
        worst = _worst(matrix, row)
        far = ["–", "–"] if worst is None else [f"{words.percent(worst[0])} %", words.day(worst[1])]
        rows.append([label, *far, str(_at_severity(matrix, row)), str(sum(v is not None for v in matrix.verdict[row]))])
    return Numbers(["Feature", "Rows moved at least", "on", "Points at severity", "Points measured"], rows)
