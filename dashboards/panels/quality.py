"""Which features had more missing, mistyped, unseen or out-of-range values than the reference, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.figure import Figure, Numbers
from dashboards.plotting import Trace, mark, rounded, shift, time_axis
from dashboards.queries import Answer, Grid, Marks, Matrix, Query, Scope, Timeline
from dashboards.theme import VERDICT_COLOURS, VERDICT_SYMBOLS, Theme

TITLE = "Data quality"
MOST = 30


def ask(scope: Scope) -> Sequence[Query]:
    """The series that were ever at severity, and what happened."""
    return [Matrix("data_quality", scope.length_hours, only_bad=True, most=MOST), Timeline()]


def draw(scope: Scope, answers: Mapping[Query, Answer], theme: Theme) -> Figure:
    """A symbol on every point at severity, a row per series: most have none and are not shown."""
    matrix, timeline = (answers[query] for query in ask(scope))
    assert isinstance(matrix, Grid)
    assert isinstance(timeline, Marks)
    if not matrix.names:
        return Figure(
            TITLE, empty="Nothing rose: missing values, types, categories, ranges, resends and rejects are as expected."
        )
    labels = [_label(metric, feature) for _, metric, feature in matrix.names]
    data = _symbols(matrix, labels, shift(scope))
    rows = {"autorange": "reversed", "type": "category", "dtick": 1, "tickfont": {"color": theme.ink}}
    layout = theme.layout(96 + 22 * len(labels), hovermode="closest", xaxis=time_axis(scope), yaxis=rows)
    mark(layout, data, timeline.marks, scope, theme)
    said = f"{words.count(len(labels), 'series', 'series')} rose beyond the bound; first {labels[0]}."
    note = "A symbol where the share of such rows rose beyond its bound against the reference."
    return Figure(TITLE, said, note, data, layout, _numbers(matrix, labels))


def _label(metric: str, feature: str) -> str:
    return f"{feature}: {words.metric(metric)}" if feature else f"rows {words.metric(metric)}"


def _symbols(matrix: Grid, labels: Sequence[str], by: int) -> list[Trace]:
    found = []
    for verdict, symbol in VERDICT_SYMBOLS.items():
        cells = [
            (words.iso(at + by), label, matrix.effect[row][column])
            for row, label in enumerate(labels)
            for column, at in enumerate(matrix.at)
            if matrix.verdict[row][column] == verdict
        ]
        if cells:
            found.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": verdict,
                    "x": [at for at, _, _ in cells],
                    "y": [label for _, label, _ in cells],
                    "customdata": rounded([size for _, _, size in cells]),
                    "marker": {"symbol": symbol, "size": 9, "color": VERDICT_COLOURS[verdict]},
                    "hovertemplate": "%{y}<br>%{x}: %{customdata:.2%} more<extra></extra>",
                    "showlegend": False,
                }
            )
    return found


def _numbers(matrix: Grid, labels: Sequence[str]) -> Numbers:
    rows = []
    for row, label in enumerate(labels):
        bad = [at for at, verdict in zip(matrix.at, matrix.verdict[row], strict=True) if verdict in VERDICT_SYMBOLS]
        most = max((size or 0 for size in matrix.effect[row]), default=0)
        rows.append([label, words.day(bad[0]), words.day(bad[-1]), str(len(bad)), f"{words.percent(most)} points"])
    return Numbers(["Series", "First", "Last", "Points at severity", "Largest rise"], rows)
