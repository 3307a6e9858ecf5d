"""Answers as a store would give them, made up and seeded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboards.queries import (
    DAY,
    Answer,
    Cause,
    Causes,
    Effect,
    Grid,
    Histogram,
    Line,
    Lines,
    Mark,
    Marks,
    Matrix,
    Query,
    Rows,
    Scope,
    Series,
    SideBySide,
    Timeline,
)

START = 20_600 * DAY
DAYS = 12
SCOPE = Scope("m", START, START + DAYS * DAY, feature="x", in_ledger=("data_drift",), judged=("accuracy", "roc_auc"))
VERDICTS = ("ok",) * 8 + ("warning", "critical", "cannot_tell", None)


def line(
    name: str, *, version: str = "*", length_hours: int = 24, feature: str = "", check: str = "data_drift"
) -> Line:
    rng = np.random.default_rng(len(name) + length_hours)
    value = [None if i == 4 else round(float(one), 4) for i, one in enumerate(rng.random(DAYS))]
    at = tuple(START + i * DAY for i in range(DAYS))
    lower = [None if one is None else one - 0.1 for one in value]
    upper = [None if one is None else one + 0.1 for one in value]
    return Line(name, at, value, version, length_hours, feature, check, value, lower, upper, VERDICTS)


def lines(query: Series) -> Lines:
    if query.source == "rows":
        return Lines(
            tuple(line(part, version=version) for version in ("v1", "v2") for part in ("labelled", "unlabelled"))
        )
    if query.source == "column":
        names = ("p5", "p25", "p50", "p75", "p95", "=red", "=<b>blue</b>", "missing", "mismatch", "outside")
        return Lines(tuple(line(name) for name in names))
    named = {
        "data_drift": ("correlation", "domain_classifier") if query.feature == "" else ("ks",),
        "prediction_drift": ("class_share", "score_ks", "estimated_base_rate"),
        "performance": ("accuracy", "roc_auc", "label_coverage", "estimated_accuracy", "shiryaev_roberts", "adwin"),
        "fairness": ("demographic_parity_difference", "equal_opportunity_difference"),
        "serving": ("volume", "latency_p50", "latency_p95"),
    }[query.kind or ""]
    versions = ("v1", "v2") if query.kind == "performance" else ("*",)
    return Lines(
        tuple(line(name, version=version, length_hours=h) for name in named for version in versions for h in (24, 168))
    )


def grid(query: Matrix, features: int = 3) -> Grid:
    rng = np.random.default_rng(7)
    size = rng.random((features, DAYS)).round(3)
    names = tuple(
        (query.kind, "missing_share" if query.kind == "data_quality" else "ks", f"f{i}") for i in range(features)
    )
    at = tuple(START + i * DAY for i in range(DAYS))
    return Grid(names, at, size.tolist(), (size / 2).tolist(), [VERDICTS] * features, features)


def sides() -> SideBySide:
    rng = np.random.default_rng(3)
    edges = np.quantile(rng.normal(size=5000), np.arange(1, 64) / 64)
    counts = {"reference": [100.0] * 64, "current": rng.integers(0, 200, 64).astype(float).tolist()}
    extras = {"current": {"below_min": 3.0, "above_max": 0.0}}
    return SideBySide(
        "x", "numeric", SCOPE.start, SCOPE.end, "training 1", edges.tolist(), -4.0, 4.0, (), counts, extras
    )


def happened() -> Marks:
    return Marks(
        (
            Mark("version", START + 3 * DAY, "v2"),
            Mark("warning", START + 5 * DAY, "x: 12 % of rows moved <&>", START + 6 * DAY, "/alerts/a"),
            Mark("critical", START + 7 * DAY, "y: 30 % of rows moved", None, "/alerts/b"),
            Mark("retraining", START + 8 * DAY, "retrain: succeeded"),
        )
    )


def causes() -> Causes:
    rise, gain = Effect("the whole rise", 0.08, 0.05, 0.11), Effect("gain by retraining", 0.05, None, None)
    parts = (Effect("same inputs, other outcome", 0.07, 0.04, 0.10), Effect("other inputs", 0.01, -0.02, 0.04))
    slices = (
        Effect("plant = <b>B</b>", 0.4, 0.3, 0.5, 0.15, 0.06),
        Effect("x above 1.5", 0.2, 0.1, 0.3, 0.05, 0.01),
    )
    return Causes("The share of wrong predictions", True, rise, parts, slices, gain)


def answers_for(asked: Sequence[Query]) -> dict[Query, Answer]:
    found: dict[Query, Answer] = {}
    for query in asked:
        if isinstance(query, Series):
            found[query] = lines(query)
        elif isinstance(query, Matrix):
            found[query] = grid(query)
        elif isinstance(query, Timeline):
            found[query] = happened()
        elif isinstance(query, Cause):
            found[query] = causes()
        else:
            found[query] = sides() if isinstance(query, Histogram) else Rows(())
    return found
