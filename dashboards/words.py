"""How pages write times, numbers and the names of things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dashboards.queries import DAY, HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

ESTIMATED = "estimated_"  # what a metric is called that was had without labels
METRICS = {
    "ks": "rows moved",
    "l_infinity": "rows moved",
    "class_share": "predicted classes",
    "score_ks": "scores",
    "margin_ks": "margins between classes",
    "prediction_ks": "predictions",
    "base_rate_bbse": "base rate by predicted classes",
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "log_loss": "log loss",
    "brier": "Brier score",
    "psi": "PSI",
    "domain_classifier": "window told from reference",
    "correlation": "correlations",
    "mean_embedding": "mean embedding (MMD)",
    "missing_share": "missing",
    "type_mismatch_share": "wrong type",
    "unseen_category_share": "unseen categories",
    "out_of_range_share": "out of range",
    "duplicate_share": "resent with other content",
    "rejected_share": "rejected",
    "unusable_output_share": "missing, no number or wrong type",
    "new_feature_share": "not in the reference",
    "label_coverage": "label coverage",
    "label_pause": "pause of labels",
    "shiryaev_roberts": "Shiryaev–Roberts",
    "page_hinkley": "Page–Hinkley",
    "adwin": "ADWIN",
    "ddm": "DDM",
    "eddm": "EDDM",
    "hddm_a": "HDDM_A",
    "hddm_w": "HDDM_W",
    "kswin": "KSWIN",
    "freshness_minutes": "freshness",
    "error_share": "errors",
    "latency_p50": "latency, median",
    "latency_p95": "latency, 95th percentile",
    "latency_p99": "latency, 99th percentile",
}
KINDS = {
    "data_drift": "Data drift",
    "prediction_drift": "Prediction drift",
    "data_quality": "Data quality",
    "performance": "Performance",
    "serving": "Serving",
    "fairness": "Fairness",
}
VERDICTS = {"ok": "ok", "warning": "warning", "critical": "critical", "cannot_tell": "cannot tell", None: "shown"}


def metric(name: str) -> str:
    """A metric's name for people."""
    if name.startswith(ESTIMATED):
        return f"estimated {metric(name.removeprefix(ESTIMATED))}"
    return METRICS.get(name, name.removeprefix("metric.").replace("_", " "))


def to_datetime(moment: int) -> datetime:
    """Microseconds since 1970 to an aware datetime."""
    return _EPOCH + timedelta(microseconds=moment)


def iso(moment: int) -> str:
    """For plots and ``<time>``: a date where it is midnight, else to the minute."""
    text = to_datetime(moment).strftime("%Y-%m-%dT%H:%M")
    return text[:10] if moment % DAY == 0 else text


def day(moment: int) -> str:
    """``3 Jul 2013``."""
    at = to_datetime(moment)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def short_day(moment: int) -> str:
    """``3 Jul``."""
    at = to_datetime(moment)
    return f"{at.day} {MONTHS[at.month - 1]}"


def moment(at: int) -> str:
    """``3 Jul 2013, 14:05``."""
    return f"{day(at)}, {to_datetime(at):%H:%M}"


def ago(at: int, now: int) -> str:
    """``2 hours ago``; the day itself beyond two months."""
    length = now - at
    if length < 2 * HOUR:
        minutes = max(length, 0) // (60_000_000)
        return "just now" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'} ago"
    if length < 2 * DAY:
        return f"{length // HOUR} hours ago"
    return f"{length // DAY} days ago" if length < 60 * DAY else day(at)


def span(length: int) -> str:
    """A length in words: ``24 hours``, ``7 days``."""
    if length >= 2 * DAY and length % DAY == 0:
        return f"{length // DAY} days"
    hours = max(round(length / HOUR), 1)
    return f"{hours} hour{'' if hours == 1 else 's'}" if hours < 72 else f"{round(length / DAY)} days"


def window(start: int, end: int) -> str:
    """A stretch in words, as short as it can be said: days where it is whole days."""
    if start % DAY == 0 and end % DAY == 0:
        return day(start) if end - start == DAY else f"{short_day(start)} to {day(end - DAY)}"
    return f"{moment(start)} to {moment(end)}"


def percent(share: float) -> str:
    """A share as a percentage with as many digits as it deserves: ``12``, ``1.4``, ``0.03``."""
    scaled = 100 * share
    size = abs(scaled)
    digits = 0 if size >= 10 or size == 0 else 1 if size >= 0.95 else 2 if size >= 0.095 else 3
    text = f"{scaled:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: float | None) -> str:
    """Three significant digits, large ones in full: ``0.845``, ``12,300``, beyond 10^15 as ``2.1e+16``; a dash for
    nothing."""
    if value is None:
        return "–"
    if 1000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def count(value: float, one: str, many: str | None = None) -> str:
    """``1 alert``, ``2 alerts``, ``12,300 rows``."""
    return f"{value:,.0f} {one if value == 1 else many or one + 's'}"


def size(count: int) -> str:
    """Bytes in the unit that suits them: ``1.2 MB``, decimal."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.2g} {unit}"
