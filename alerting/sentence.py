"""One plain sentence per reading, the same on pages, in chat and on the command line.

Details that are read where a detector gives them: ``cut, share_reference, share_current`` (numeric), ``category,
share_reference, share_current`` (categorical), ``classes: {class: {reference, window, change}}``, ``reference_value,
labelled, coverage``, ``per_sd``, ``error``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alerting.reading import Reading
from alerting.words import number, percent

MINIMUM_ROWS = 30


def sentence(reading: Reading) -> str:
    """What a reading says, for a person; never raises for a detail that is missing."""
    if reading.verdict == "cannot_tell" or reading.value is None:
        return _within(reading, f"{subject(reading)}: cannot tell: {_why_not(reading)}")
    writer = _WRITERS.get(reading.metric) or _BY_KIND.get(reading.kind, _plain)
    return _within(reading, writer(reading))


def _within(reading: Reading, text: str) -> str:
    """The sentence with its segment named: ``temp in origin=EWR: ...``, ``origin=EWR: accuracy ...``."""
    if reading.segment is None or reading.kind == "fairness":
        return text
    lead = f"{subject(reading)}:"
    if text.startswith(lead):
        return f"{lead[:-1]} in {reading.segment}:{text.removeprefix(lead)}"
    return f"{reading.segment}: {text}"


def subject(reading: Reading) -> str:
    """What a measurement is about: the feature, else the predictions or scores, else the metric's name for people."""
    if reading.feature is not None:
        return reading.feature
    if reading.kind == "fairness":
        return (reading.segment or "").split("=")[0]
    if reading.metric == "estimated_base_rate":
        return f"base rate of {reading.details['positive']}" if reading.details.get("positive") else "base rate"
    if reading.kind == "prediction_drift":
        return "scores" if reading.metric.startswith("score") else "predictions"
    return _NAMES.get(reading.metric, reading.metric.removeprefix("metric.").replace("_", " "))


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
    "energy": "energy distance",
    "g_test": "G-test",
    "fisher_exact": "Fisher's exact test, odds ratio",
    "z_test": "z-test",
    "t_test": "Welch's t-test",
    "mann_whitney": "Mann–Whitney U",
    "cramer_von_mises": "Cramér–von Mises",
    "anderson_darling": "Anderson–Darling",
    "epps_singleton": "Epps–Singleton",
    "domain_classifier": "rows of window and reference",
}

_QUALITY = {
    "missing_share": "missing",
    "type_mismatch_share": "of the wrong type",
    "unseen_category_share": "in categories that the reference does not know",
    "out_of_range_share": "outside the range of the reference",
    "duplicate_share": "of the rows sent again with other content",
    "rejected_share": "of the rows rejected",
}


def _why_not(reading: Reading) -> str:
    details, reason = reading.details, reading.reason
    if reason == "too_few_rows":
        labelled = details.get("labelled")
        rows = f"{reading.n_current} rows" if labelled is None else f"{labelled} labelled rows"
        return f"{rows}, {details.get('needed', MINIMUM_ROWS)} are needed"
    if reason == "immature_labels":
        coverage = details.get("coverage")
        return "labels are still coming" + ("" if coverage is None else f", {percent(coverage)} % are known")
    fixed = {
        "no_reference": "no reference to compare with",
        "no_history": "less than 2 weeks of history at these hours",
        "not_measured": "no number could be had",
        "no_variation": "the values do not vary enough for this test",
        "not_two_levels": "this test is for columns of exactly two categories",
        "label_shift_rejected": "the scores changed in a way that another base rate does not explain",
        "error": f"the check failed ({details.get('error', 'no message')})",
    }
    return fixed.get(reason or "", (reason or "no reason is known").replace("_", " "))


def _moved(reading: Reading) -> str:
    share = reading.value if _effect(reading) is None else _effect(reading)
    lower = reading.lower if _effect(reading, "effect_lower") is None else _effect(reading, "effect_lower")
    upper = reading.upper if _effect(reading, "effect_upper") is None else _effect(reading, "effect_upper")
    text = f"{subject(reading)}: {percent(share or 0.0)} % of rows moved{_between(lower, upper)}"
    if lower is None:
        text += _chance(reading)
    return text if reading.verdict == "ok" else text + _direction(reading.details)


def _base_rate(reading: Reading) -> str:
    text = f"{subject(reading)}: about {percent(reading.value or 0.0)} %{_between(reading.lower, reading.upper)}"
    before = reading.details.get("reference_value")
    return text + " by the scores" + ("" if before is None else f", {percent(before)} % in the reference")


def _fairness(reading: Reading) -> str:
    """Who is farthest apart, in what, by how much."""
    details = reading.details
    of = {name: one.get("value") or 0.0 for name, one in (details.get("groups") or {}).items()}
    most, least = details.get("highest"), details.get("lowest")
    points = percent(reading.value or 0.0)
    text = f"{subject(reading)}: {_BETWEEN_GROUPS.get(reading.metric, reading.metric)}".format(
        positive=details.get("positive", "positive")
    )
    if most in of and least in of:
        text += f" {percent(of[most])} % in {most}, {percent(of[least])} % in {least}"
    text += f", {points} {_plural(points)} apart{_between(reading.lower, reading.upper)}"
    change = _effect(reading)
    return text if change is None else text + _wider(change)


def _told_apart(reading: Reading) -> str:
    text = f"rows of window and reference told apart: AUC {number(reading.value or 0.0)}{_range(reading)}"
    features = list(reading.details.get("features") or {})[:3]
    return text + _chance(reading) + (f", most by {', '.join(features)}" if features else "") + _against(reading)


_BETWEEN_GROUPS = {
    "demographic_parity_difference": "predicted {positive}:",
    "equal_opportunity_difference": "true {positive} that were found:",
    "calibration_difference": "share of {positive} less mean score:",
}


def _wider(change: float) -> str:
    points = percent(abs(change))
    if points == "0" or abs(change) < 0.00005:
        return ", as in the reference"
    return f", {points} {_plural(points)} {'more' if change > 0 else 'less'} than in the reference"


_POOLED = {"__unseen__": "values unseen in the reference", "__other__": "rare values"}


def _direction(details: Mapping[str, Any]) -> str:
    before, now = details.get("share_reference", details.get("from")), details.get("share_current", details.get("to"))
    if details.get("category") is not None and before is not None and now is not None:
        category = _POOLED.get(details["category"], details["category"])
        return f", {category} from {percent(before)} % to {percent(now)} %"
    if isinstance(details.get("cut"), int | float) and before is not None and now is not None:
        return f", {'more' if now > before else 'fewer'} below {number(details['cut'])} than in the reference"
    classes = details.get("classes") or {}
    if classes:
        name, shares = max(classes.items(), key=lambda item: abs(item[1].get("change") or 0.0))
        return f", {name} from {percent(shares.get('reference') or 0.0)} % to {percent(shares.get('window') or 0.0)} %"
    return ""


def _distance(reading: Reading) -> str:
    text = f"{subject(reading)}: {_NAMES.get(reading.metric, reading.metric.replace('_', ' '))} "
    text += number(reading.value or 0.0)
    per_sd = reading.details.get("per_sd")
    if per_sd is not None:
        text += f" ({number(per_sd)} standard deviations)"
    return text + _chance(reading) + _against(reading)


def _against(reading: Reading) -> str:
    critical = reading.details.get("critical")
    if reading.verdict == "critical" and critical is not None:
        return f", above {number(critical)}"
    if reading.verdict == "warning" and reading.threshold is not None:
        return f", beyond {number(reading.threshold)}"
    return ""


def _quality(reading: Reading) -> str:
    lead = "" if reading.feature is None else f"{reading.feature}: "
    text = f"{lead}{percent(reading.value or 0.0)} % {_QUALITY.get(reading.metric, reading.metric)}"
    return text + _between(reading.lower, reading.upper) + _points(_effect(reading), "more", "fewer", "the reference")


def _performance(reading: Reading) -> str:
    text = f"{subject(reading)} {number(reading.value or 0.0)}{_range(reading)}"
    loss = _effect(reading)
    if loss is not None and reading.metric in _LOSSES:
        return text + _loss(loss)
    before = reading.details.get("reference_value")
    return text if before is None else f"{text}, {number(before)} in the reference"


def _loss(loss: float) -> str:
    if abs(loss) < 0.0005:
        return ", as in the reference"
    points = percent(abs(loss))
    return f", {points} {_plural(points)} {'below' if loss > 0 else 'above'} the reference"


_LOSSES = ("accuracy", "roc_auc")


def _mean_absolute_error(reading: Reading) -> str:
    rise = _effect(reading)
    if rise is None:
        return _performance(reading)
    text = f"{subject(reading)} {number(reading.value or 0.0)}{_range(reading)}"
    return f"{text}, {_relative(1 + rise, 'above', 'below', 'the reference')}"


def _coverage(reading: Reading) -> str:
    return f"labels known for {percent(reading.value or 0.0)} % of predictions"


def _volume(reading: Reading) -> str:
    if not reading.value:
        return "no predictions at all at hours that usually have some"
    text = f"{reading.value:,.0f} predictions"
    ratio = _effect(reading)
    return text if ratio is None else f"{text}, {_relative(ratio, 'more', 'fewer', 'usual')}"


def _latency(reading: Reading) -> str:
    text = f"{subject(reading)} {number(reading.value or 0.0)} ms"
    ratio = _effect(reading)
    return text if ratio is None else f"{text}, {_relative(ratio, 'more', 'less', 'usual')}"


def _errors(reading: Reading) -> str:
    return f"{percent(reading.value or 0.0)} % errors{_points(_effect(reading), 'more', 'fewer', 'usual')}"


def _freshness(reading: Reading) -> str:
    return f"newest prediction {number(reading.value or 0.0)} minutes before the window's end"


def _plain(reading: Reading) -> str:
    name = subject(reading)
    average = " on average" if reading.metric.startswith("metric.") else ""
    return f"{name} {number(reading.value or 0.0)}{_range(reading)}{average}{_chance(reading)}{_against(reading)}"


def _effect(reading: Reading, which: str = "effect") -> float | None:
    found = reading.details.get(which)
    return None if found is None else float(found)


def _between(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f" (between {percent(lower)} and {percent(upper)})"


def _range(reading: Reading) -> str:
    if reading.lower is None or reading.upper is None:
        return ""
    return f" ({number(reading.lower)} to {number(reading.upper)})"


def _chance(reading: Reading) -> str:
    if reading.p_value is None:
        return ""
    return " (p < 1e-12)" if reading.p_value < 1e-12 else f" (p = {reading.p_value:.2g})"


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


Writer = Callable[[Reading], str]

_WRITERS: Mapping[str, Writer] = {
    "ks": _moved,
    "l_infinity": _moved,
    "total_variation": _moved,
    "class_share": _moved,
    "score_ks": _moved,
    "prediction_ks": _moved,
    "estimated_base_rate": _base_rate,
    "domain_classifier": _told_apart,
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
    "fairness": _fairness,
}
