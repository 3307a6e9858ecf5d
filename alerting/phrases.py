"""Parts of sentences: what a reading is about, its bounds, how far a number moved."""

from __future__ import annotations

from alerting.reading import Reading
from alerting.words import number, percent


def subject(reading: Reading) -> str:
    """What a measurement is about: the feature, else the predictions or scores, else the metric's name for people."""
    if reading.feature is not None:
        return reading.feature
    if reading.kind == "data_quality" and reading.details.get("feature"):  # of a segment: its worst one
        return str(reading.details["feature"])
    if reading.kind == "fairness":
        return (reading.segment or "").rpartition("=")[0]
    if reading.metric in ("estimated_base_rate", "estimated_base_rate_bbse"):
        if reading.details.get("positive"):
            return f"base rate of {reading.details['positive']}"
        return "mix of classes" if reading.details.get("classes") else "base rate"
    if reading.kind == "prediction_drift":
        return {"score_ks": "scores", "margin_ks": "margins between classes"}.get(reading.metric, "predictions")
    return NAMES.get(reading.metric, reading.metric.removeprefix("metric.").replace("_", " "))


NAMES = {
    "label_pause": "labels",
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
    "unusable_output_share": "predictions without use",
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
    "correlation": "correlations",
    "mean_embedding": "maximum mean discrepancy",
    "shiryaev_roberts": "Shiryaev–Roberts",
    "page_hinkley": "Page–Hinkley",
    "adwin": "ADWIN",
    "ddm": "DDM",
    "eddm": "EDDM",
    "hddm_a": "HDDM_A",
    "hddm_w": "HDDM_W",
    "kswin": "KSWIN",
}


def effect_of(reading: Reading, which: str = "effect") -> float | None:
    """One of the judged numbers among a reading's details."""
    found = reading.details.get(which)
    return None if found is None else float(found)


def between(lower: float | None, upper: float | None) -> str:
    """Bounds of a share, in percent."""
    return "" if lower is None or upper is None else f" (between {percent(lower)} and {percent(upper)})"


def interval(reading: Reading) -> str:
    """A reading's interval in its own unit."""
    if reading.lower is None or reading.upper is None:
        return ""
    return f" ({number(reading.lower)} to {number(reading.upper)})"


def chance(reading: Reading) -> str:
    """The p-value."""
    if reading.p_value is None:
        return ""
    return " (p < 1e-12)" if reading.p_value < 1e-12 else f" (p = {reading.p_value:.2g})"


def in_points(change: float | None, more: str, fewer: str, than: str) -> str:
    """A change of a share in percentage points."""
    if change is None:
        return ""
    if abs(change) < 0.00005:
        return ", as in the reference" if than == "the reference" else ", as usual"
    points = percent(abs(change))
    place = "in the reference" if than == "the reference" else than
    return f", {points} {plural(points)} {more if change > 0 else fewer} than {place}"


def plural(points: str) -> str:
    """``point`` or ``points``."""
    return "point" if points == "1" else "points"


def relative(ratio: float, more: str, less: str, than: str) -> str:
    """A ratio as a percentage more or less."""
    if abs(ratio - 1) < 0.005:
        return "as in the reference" if than == "the reference" else f"as {than}"
    joint = "" if more == "above" else "than "
    return f"{percent(abs(ratio - 1))} % {more if ratio > 1 else less} {joint}{than}"


def plain(reading: Reading) -> str:
    """The number, with its interval."""
    name = subject(reading)
    average = " on average" if reading.metric.startswith("metric.") else ""
    return f"{name} {number(reading.value or 0.0)}{interval(reading)}{average}{chance(reading)}{against(reading)}"


def against(reading: Reading) -> str:
    """The bound that a verdict is beyond."""
    critical = reading.details.get("critical")
    if reading.verdict == "critical" and critical is not None:
        return f", above {number(critical)}"
    if reading.verdict == "warning" and reading.threshold is not None:
        return f", beyond {number(reading.threshold)}"
    return ""


def stated(reading: Reading) -> str:
    """The bound on the value itself that a check states, where the verdict is for that: without it nobody sees what is
    wrong with a number."""
    judged, critical = reading.details.get("judged"), reading.details.get("critical")
    if reading.verdict not in ("warning", "critical") or judged not in ("value", "floor"):
        return ""
    bound = critical if reading.verdict == "critical" and critical is not None else reading.threshold
    if bound is None or bound == reading.details.get("limit"):  # the model's own, which its sentence tells
        return ""
    side = "below" if judged == "floor" else "above"
    in_points = reading.kind == "fairness"
    return f", {side} {percent(bound)} {plural(percent(bound))}" if in_points else f", {side} {number(bound)}"
