"""Every panel, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dashboards.figure import Figure
from dashboards.panels import (
    base_rate,
    categories,
    causes,
    correlations,
    distribution,
    drift_heatmap,
    fairness,
    feature_drift,
    missing,
    performance,
    prediction_drift,
    quality,
    quantiles,
    serving,
    slices,
    streams,
    told_apart,
    volume,
)
from dashboards.queries import Answer, Query, Scope
from dashboards.theme import Theme


@dataclass(frozen=True)
class Panel:
    """``ask`` names the queries; ``draw`` makes the figure of their answers, None where the panel has no meaning."""

    ask: Callable[[Scope], Sequence[Query]]
    draw: Callable[[Scope, Mapping[Query, Answer], Theme], Figure | None]


PANELS: Mapping[str, Panel] = {
    "drift_heatmap": Panel(drift_heatmap.ask, drift_heatmap.draw),
    "correlations": Panel(correlations.ask, correlations.draw),
    "told_apart": Panel(told_apart.ask, told_apart.draw),
    "base_rate": Panel(base_rate.ask, base_rate.draw),
    "prediction_drift": Panel(prediction_drift.ask, prediction_drift.draw),
    "performance": Panel(performance.ask, performance.draw),
    "streams": Panel(streams.ask, streams.draw),
    "fairness": Panel(fairness.ask, fairness.draw),
    "volume": Panel(volume.ask, volume.draw),
    "quality": Panel(quality.ask, quality.draw),
    "serving": Panel(serving.ask, serving.draw),
    "feature_drift": Panel(feature_drift.ask, feature_drift.draw),
    "distribution": Panel(distribution.ask, distribution.draw),
    "quantiles": Panel(quantiles.ask, quantiles.draw),
    "categories": Panel(categories.ask, categories.draw),
    "missing": Panel(missing.ask, missing.draw),
    "causes": Panel(causes.ask, causes.draw),
    "slices": Panel(slices.ask, slices.draw),
}

MODEL_PAGE = (
    "drift_heatmap",
    "correlations",
    "told_apart",
    "performance",
    "streams",
    "fairness",
    "prediction_drift",
    "base_rate",
    "quality",
    "volume",
    "serving",
)
SEGMENT_PAGE = ("drift_heatmap", "performance", "prediction_drift", "base_rate", "volume")
FEATURE_PAGE = ("distribution", "feature_drift", "quantiles", "categories", "missing")
ALERT_PAGE = ("causes", "slices")
