"""One plain sentence per reading, the same on pages, in chat and on the command line.

Details that are read where a detector gives them: ``cut, share_reference, share_window`` (numeric), ``category,
share_reference, share_window`` (categorical), ``classes: {class: {reference, window, change}}``, ``reference_value,
labelled, coverage``, ``per_sd``, ``error``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alerting.judge import Judged, Measured
from alerting.words import number, percent

MINIMUM_ROWS = 30


def sentence(kind: str, measured: Measured, judged: Judged) -> str:
    """What a measurement says, for a person; never raises for a detail that is missing."""
    if judged.verdict == "cannot_tell" or measured.value is None:
        return f"{subject(kind, measured)}: cannot tell: {_why_not(measured, judged.reason or measured.reason)}"
    writer = _WRITERS.get(measured.metric) or _BY_KIND.get(kind, _plain)
    return writer(kind, measured, judged)


def subject(kind: str, measured: Measured) -> str:
    """What a measurement is about: the feature, else the predictions or scores, else the metric's name for people."""
    if measured.feature is not None:
        return measured.feature
    if kind == "prediction_drift":
        return "scores" if measured.metric.startswith("score") else "predictions"
    return _NAMES.get(measured.metric, measured.metric.removeprefix("metric.").replace("_", " "))


_NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "latency_p50": "median latency",
    "latency_p95": "95th percentile of latency",
    "latency_p99": "99th percentile of latency",
    "error_share": "errors",
    "duplicate_share": "resent rows",
    "rejected_share": "rejected rows",
    "freshness_minutes": "freshness",
    "psi": "PSI",
    "chi_square": "chi-square",
    "jensen_shannon": "Jensen–Shannon distance",
    "wasserstein": "Wasserstein distance",
}

_QUALITY = {
    "missing_share": "missing",
    "type_mismatch_share": "of the wrong type",
    "unseen_category_share": "in categories that the reference does not know",
    "out_of_range_share": "outside the range of the reference",
    "duplicate_share": "of the rows sent again with other content",
    "rejected_share": "of the rows rejected",
}


def _why_not(measured: Measured, reason: str | None) -> str:
    details = measured.details
    if reason == "too_few_rows":
        labelled = details.get("labelled")
        rows = f"{measured.n_current} rows" if labelled is None else f"{labelled} labelled rows"
        return f"{rows}, {MINIMUM_ROWS} are needed"
    if reason == "immature_labels":
        coverage = details.get("coverage")
        return "labels are still coming" + ("" if coverage is None else f", {percent(coverage)} % are known")
    fixed = {
        "no_reference": "no reference to compare with",
        "no_history": "less than 2 weeks of history at these hours",
        "not_measured": "no number could be had",
        "error": f"the check failed ({details.get('error', 'no message')})",
    }
    return fixed.get(reason or "", (reason or "no reason is known").replace("_", " "))


def _moved(kind: str, measured: Measured, judged: Judged) -> str:
    share = measured.value if measured.effect is None else measured.effect
    lower = measured.lower if measured.effect_lower is None else measured.effect_lower
    upper = measured.upper if measured.effect_upper is None else measured.effect_upper
    text = f"{subject(kind, measured)}: {percent(share or 0.0)} % of rows moved{_between(lower, upper)}"
    if lower is None:
        text += _chance(measured)
    return text if judged.verdict == "ok" else text + _direction(measured.details)


def _direction(details: Mapping[str, Any]) -> str:
    before, now = details.get("share_reference"), details.get("share_window")
    if details.get("category") is not None and before is not None and now is not None:
        return f", {details['category']} from {percent(before)} % to {percent(now)} %"
    if isinstance(details.get("cut"), int | float) and before is not None and now is not None:
        return f", {'more' if now > before else 'fewer'} below {number(details['cut'])} than in the reference"
    classes = details.get("classes") or {}
    if classes:
        name, shares = max(classes.items(), key=lambda item: abs(item[1].get("change") or 0.0))
        return f", {name} from {percent(shares.get('reference') or 0.0)} % to {percent(shares.get('window') or 0.0)} %"
    return ""


def _distance(kind: str, measured: Measured, judged: Judged) -> str:
    text = f"{subject(kind, measured)}: {_NAMES.get(measured.metric, measured.metric.replace('_', ' '))} "
    text += number(measured.value or 0.0)
    per_sd = measured.details.get("per_sd")
    if per_sd is not None:
        text += f" ({number(per_sd)} standard deviations)"
    return text + _chance(measured) + _against(judged)


def _against(judged: Judged) -> str:
    if judged.verdict == "critical" and judged.critical is not None:
        return f", above {number(judged.critical)}"
    if judged.verdict == "warning" and judged.threshold is not None:
        return f", beyond {number(judged.threshold)}"
    return ""


def _quality(kind: str, measured: Measured, judged: Judged) -> str:
    del judged
    lead = "" if measured.feature is None else f"{measured.feature}: "
    text = f"{lead}{percent(measured.value or 0.0)} % {_QUALITY.get(measured.metric, measured.metric)}"
    return text + _between(measured.lower, measured.upper) + _points(measured.effect, "more", "fewer", "the reference")


def _performance(kind: str, measured: Measured, judged: Judged) -> str:
    del judged
    text = f"{subject(kind, measured)} {number(measured.value or 0.0)}{_range(measured)}"
    if measured.effect is not None and measured.metric != "mae":
        return text + _loss(measured.effect)
    before = measured.details.get("reference_value")
    return text if before is None else f"{text}, {number(before)} in the reference"


def _loss(loss: float) -> str:
    if abs(loss) < 0.0005:
        return ", as in the reference"
    points = percent(abs(loss))
    return f", {points} {_plural(points)} {'below' if loss > 0 else 'above'} the reference"


def _mean_absolute_error(kind: str, measured: Measured, judged: Judged) -> str:
    if measured.effect is None:
        return _performance(kind, measured, judged)
    text = f"{subject(kind, measured)} {number(measured.value or 0.0)}{_range(measured)}"
    return f"{text}, {_relative(1 + measured.effect, 'above', 'below', 'the reference')}"


def _coverage(kind: str, measured: Measured, judged: Judged) -> str:
    del kind, judged
    return f"labels known for {percent(measured.value or 0.0)} % of predictions"


def _volume(kind: str, measured: Measured, judged: Judged) -> str:
    del kind, judged
    if not measured.value:
        return "no predictions at all at hours that usually have some"
    text = f"{measured.value:,.0f} predictions"
    return text if measured.effect is None else f"{text}, {_relative(measured.effect, 'more', 'fewer', 'usual')}"


def _latency(kind: str, measured: Measured, judged: Judged) -> str:
    del judged
    text = f"{subject(kind, measured)} {number(measured.value or 0.0)} ms"
    return text if measured.effect is None else f"{text}, {_relative(measured.effect, 'more', 'less', 'usual')}"


def _errors(kind: str, measured: Measured, judged: Judged) -> str:
    del kind, judged
    return f"{percent(measured.value or 0.0)} % errors{_points(measured.effect, 'more', 'fewer', 'usual')}"


def _freshness(kind: str, measured: Measured, judged: Judged) -> str:
    del kind, judged
    return f"newest prediction {number(measured.value or 0.0)} minutes before the window's end"


def _plain(kind: str, measured: Measured, judged: Judged) -> str:
    name = subject(kind, measured)
    average = " on average" if measured.metric.startswith("metric.") else ""
    return f"{name} {number(measured.value or 0.0)}{_range(measured)}{average}{_chance(measured)}{_against(judged)}"


def _between(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f" (between {percent(lower)} and {percent(upper)})"


def _range(measured: Measured) -> str:
    if measured.lower is None or measured.upper is None:
        return ""
    return f" ({number(measured.lower)} to {number(measured.upper)})"


def _chance(measured: Measured) -> str:
    if measured.p_value is None:
        return ""
    return " (p < 1e-12)" if measured.p_value < 1e-12 else f" (p = {measured.p_value:.2g})"


def _points(change: float | None, more: str, fewer: str, than: str) -> str:
    if change is None:
        return ""
    if abs(change) < 0.00005:
        return ", as in the reference" if than == "the reference" else ", as usual"
    points = percent(abs(change))
    place = "in the reference" if than == "the reference" else than
    return f", {points} {_plural(points)} {more if change > 0 else fewer} than {place}"


def _plural(points: str) -> str:
    return "point" if points == "1" else "points"


def _relative(ratio: float, more: str, less: str, than: str) -> str:
    if abs(ratio - 1) < 0.005:
        return "as in the reference" if than == "the reference" else f"as {than}"
    joint = "" if more == "above" else "than "
    return f"{percent(abs(ratio - 1))} % {more if ratio > 1 else less} {joint}{than}"


Writer = Callable[[str, Measured, Judged], str]

_WRITERS: Mapping[str, Writer] = {
    "ks": _moved,
    "l_infinity": _moved,
    "total_variation": _moved,
    "class_share": _moved,
    "score_ks": _moved,
    "prediction_ks": _moved,
    "mae": _mean_absolute_error,
    "label_coverage": _coverage,
    "volume": _volume,
    "latency_p50": _latency,
    "latency_p95": _latency,
    "latency_p99": _latency,
    "error_share": _errors,
    "freshness_minutes": _freshness,
}

_BY_KIND: Mapping[str, Writer] = {
    "data_drift": _distance,
    "prediction_drift": _distance,
    "data_quality": _quality,
    "performance": _performance,
}
