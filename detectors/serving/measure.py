"""All measurements of how a model is served."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.cuts import Binning
from detectors.measurement import TOO_FEW_ROWS, Measurement
from detectors.serving.errors import error_share
from detectors.serving.latency import latency
from detectors.serving.means import metric_means
from detectors.serving.volume import volume
from detectors.summary import WindowCounts


def measure_serving(
    binning: Binning,
    current: WindowCounts,
    history: Sequence[WindowCounts],
    *,
    minutes_since_newest: float | None,
) -> list[Measurement]:
    """``volume``, ``freshness_minutes``, ``latency_p50``, ``_p95``, ``_p99``, ``error_share`` and each ``metric.NAME``.

    ``history``: the same hours of the week, newest week first, only weeks that exist; under 2 of them the reason is
    ``no_history``, and values are given all the same. ``minutes_since_newest``: age of the newest row at the window's
    end, ``None`` without one. Limits of effects are at 95 %.
    """
    freshness = Measurement(
        "freshness_minutes",
        minutes_since_newest,
        0,
        current.rows,
        reason=TOO_FEW_ROWS if minutes_since_newest is None else None,
    )
    return [
        volume(current, history),
        freshness,
        *latency(binning, current, history),
        error_share(binning, current, history),
        *metric_means(binning, current),
    ]
