"""One plain sentence per reading, the same on pages, in chat and on the command line.

Details that are read where a detector gives them: ``cut, share_reference, share_current`` (numeric), ``category,
share_reference, share_current`` (categorical), ``classes: {class: {reference, window, change}}``, ``reference_value,
labelled, coverage``, ``per_sd``, ``error``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from alerting.phrases import (
    NAMES,
    against,
    between,
    chance,
    effect_of,
    in_points,
    interval,
    plain,
    plural,
    relative,
    stated,
    subject,
)
from alerting.reading import Reading
from alerting.sentence_of_labels import (
    apart,
    calibration_gap,
    calibration_slope,
    coverage_known,
    error_gap,
    estimated,
    label_delay,
    label_pause,
    mean_error,
    performance,
    so_far,
    stream,
    uncorrected,
)
from alerting.why_not import why_not
from alerting.words import WRITTEN, number, percent, to_datetime


def sentence(reading: Reading) -> str:
    """What a reading says, for a person; never raises for a detail that is missing."""
    if reading.verdict == "cannot_tell" or reading.value is None:
        return _within(reading, f"{subject(reading)}: cannot tell: {why_not(reading)}")
    if reading.reason == "immature_labels":  # shown: the number is there, and no fact yet
        return _within(reading, f"{subject(reading)}: {so_far(reading)}")
    if reading.metric in _WRITERS:
        text = _WRITERS[reading.metric](reading)
    elif reading.metric.startswith("estimated_"):
        text = estimated(reading)
    elif "guarantee" in reading.details:
        text = stream(reading)
    else:
        text = _BY_KIND.get(reading.kind, plain)(reading)
    beyond = against(reading)
    return _within(reading, text if beyond and text.endswith(beyond) else text + stated(reading))


def _within(reading: Reading, text: str) -> str:
    """The sentence with its segment named: ``temp in origin=EWR: ...``, ``origin=EWR: accuracy ...``; where it alarms,
    with what its reference does not know."""
    learned = _learning(reading)
    if text.endswith("?"):  # a sentence of its own
        learned = learned.replace("; ", " ", 1).replace(" the ", " The ", 1).replace(" how ", " How ", 1)
    text += learned
    if reading.segment is None or reading.kind == "fairness":
        return text
    lead = f"{subject(reading)}:"
    if text.startswith(lead):
        return f"{lead[:-1]} in {reading.segment}:{text.removeprefix(lead)}"
    return f"{reading.segment}: {text}"


def _learning(reading: Reading) -> str:
    """That the verdict rests on a reference that is too short to know what is usual, or on what the log has taught."""
    if reading.verdict not in ("warning", "critical"):
        return ""
    details = reading.details
    if not details.get("short_reference"):
        return "; how much it varies was learned from earlier weeks" if details.get("learned") else ""
    tolerance = details.get("tolerance")
    if tolerance is None:
        return "; the reference is short"
    said = number(tolerance) if reading.metric == "correlation" else f"{percent(tolerance)} %"
    return f"; the reference is short: tolerance {said}"


_QUALITY = {
    "missing_share": "missing",
    "type_mismatch_share": "of the wrong type",
    "unseen_category_share": "in categories that the reference does not know",
    "out_of_range_share": "outside the range of the reference",
    "duplicate_share": "of the rows sent again with other content",
    "rejected_share": "of the rows rejected",
    "unusable_output_share": "missing, no number or of the wrong type",
}


def _moved(reading: Reading) -> str:
    share = reading.value if effect_of(reading) is None else effect_of(reading)
    lower = reading.lower if effect_of(reading, "effect_lower") is None else effect_of(reading, "effect_lower")
    upper = reading.upper if effect_of(reading, "effect_upper") is None else effect_of(reading, "effect_upper")
    hours = reading.details.get("last_hours")
    when = f" in the last {hours} hours" if hours else ""
    text = f"{subject(reading)}: {percent(share or 0.0)} % of rows moved{when}{between(lower, upper)}"
    if lower is None:
        text += chance(reading)
    if reading.verdict == "ok":
        return text
    diagnosis = reading.details.get("diagnosis")
    return text + _direction(reading.details) + (f": {diagnosis}" if diagnosis else "")


def _base_rate(reading: Reading) -> str:
    text = f"{subject(reading)}: about {percent(reading.value or 0.0)} %{between(reading.lower, reading.upper)}"
    details = reading.details
    before, classes = details.get("reference_value"), details.get("classes") or {}
    by = "predicted classes and their scores" if classes else "scores"
    by = "predicted classes" if reading.metric.endswith("_bbse") else by
    text += f" by the {by}" + ("" if before is None else f", {percent(before)} % in the reference")
    if classes:
        moved = "of {} classes it moved most" if details.get("moved", True) else "none of {} classes has surely moved"
        text += f"; {moved.format(len(classes))}"
    text += "; supposes that rows of a class look as they did"
    untested = "gate_p_value" in details and details["gate_p_value"] is None
    return text + ("; the scores are too few or too alike to test it" if untested else "")


def _fairness(reading: Reading) -> str:
    """Who is farthest apart, in what, by how much."""
    details = reading.details
    of = {name: one.get("value") or 0.0 for name, one in (details.get("groups") or {}).items()}
    most, least = details.get("highest"), details.get("lowest")
    text = f"{subject(reading)}: {_BETWEEN_GROUPS.get(reading.metric, reading.metric)}".format(
        positive=details.get("positive", "positive")
    )
    if most in of and least in of:
        text += f" {_of_group(reading, of[most])} in {most}, {_of_group(reading, of[least])} in {least}"
    text += f", {apart(reading.value or 0.0, reading.lower, reading.upper)}"
    if "unweighted" in details and percent(details["unweighted"]["value"]) != percent(reading.value or 0.0):
        text += f", corrected for labels that are still to come ({percent(details['unweighted']['value'])} without)"
    text += uncorrected(reading)
    change = effect_of(reading)
    return text if change is None else text + _wider(change)


def _of_group(reading: Reading, value: float) -> str:
    """A group's own number: a share, or what is a difference itself."""
    said = percent(value)
    return f"{said} {plural(said.removeprefix('-'))}" if reading.metric == "calibration_difference" else f"{said} %"


def _told_apart(reading: Reading) -> str:
    """The area itself; what the reference's own days give; and what counts, the one beyond the other."""
    d, text = reading.details, "rows of window and reference told apart: AUC "
    if d.get("replayed_auc") is None:
        text += f"{number(reading.value or 0.0)}{interval(reading)}"
        text += ", with nothing known of what days without drift give" if d.get("replayed") is False else ""
    else:
        text += f"{number(d.get('auc') or 0.0)}, of which days without drift give {number(d['replayed_auc'])}: "
        text += f"counts as {number(reading.value or 0.0)}{interval(reading)}"
    return text + chance(reading) + _by_features(reading) + against(reading)


def _by_features(reading: Reading) -> str:
    """What gives the rows away, where something surely does: not what trees use beside it, or for want of it."""
    lost = dict(reading.details.get("features") or {})
    if (reading.lower or 0.0) <= _CHANCE or not lost:
        return ""
    most = max(lost.values())
    named = [name for name, loss in lost.items() if loss >= _TELLING * most]
    return f", most by {', '.join(named[:3])}" if named else ""


def _together(reading: Reading) -> str:
    """Which features go together otherwise than before; of a pair, where there is one."""
    pair = next(iter(reading.details.get("pairs") or []), None)
    if pair is None:
        return f"{subject(reading)}: changed by {number(reading.value or 0.0)}"
    names = " and ".join(pair["features"])
    text = f"{names}: correlation {pair['reference']:.2f} -> {pair['current']:.2f}"
    if pair["effect_lower"] > 0:
        return f"{text} (change at least {pair['effect_lower']:.2f})"
    return f"{text} (change at most {pair['effect_upper']:.2f})"


def _vectors_moved(reading: Reading) -> str:
    """At least so many rows moved: a distance of means says no more."""
    lower, distance = effect_of(reading, "effect_lower") or 0.0, number(reading.value or 0.0)
    if lower <= 0:
        return f"{subject(reading)}: vectors as in the reference, as far as can be told (MMD {distance})"
    return f"{subject(reading)}: at least {percent(lower)} % of rows moved (MMD {distance})"


_CHANCE = 0.5  # the area where rows cannot be told apart
_TELLING = 0.2  # of what the most telling feature gives

_BETWEEN_GROUPS = {
    "demographic_parity_difference": "predicted {positive}:",
    "equal_opportunity_difference": "true {positive} that were found:",
    "false_positive_difference": "predicted {positive} where it was not:",
    "calibration_difference": "share of {positive} less mean score:",
}


def _wider(change: float) -> str:
    points = percent(abs(change))
    if points == "0" or abs(change) < 0.00005:
        return ", as in the reference"
    return f", {points} {plural(points)} {'more' if change > 0 else 'less'} than in the reference"


_POOLED = {"__unseen__": "values unseen in the reference", "__other__": "rare and new values"}


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
    text = f"{subject(reading)}: {NAMES.get(reading.metric, reading.metric.replace('_', ' '))} "
    text += number(reading.value or 0.0)
    per_sd = reading.details.get("per_sd")
    if per_sd is not None:
        text += f" ({number(per_sd)} standard deviations)"
    return text + chance(reading) + against(reading)


def _quality(reading: Reading) -> str:
    lead = f"{subject(reading)}: " if reading.feature or reading.details.get("feature") else ""
    column = reading.details.get("column")
    lead = {"prediction": "predictions: ", "score": "probabilities: "}.get(str(column), lead)
    text = f"{lead}{percent(reading.value or 0.0)} % {_QUALITY.get(reading.metric, reading.metric)}"
    text += between(reading.lower, reading.upper) + _more_than(reading)
    if reading.verdict not in ("warning", "critical"):
        return text
    said, diagnosis = _schema(reading), reading.details.get("diagnosis")
    return text + said + (f"{';' if said else ':'} {diagnosis}" if diagnosis else "")


def _more_than(reading: Reading) -> str:
    """Than in the reference; of new values, some of which always come where many are rare, than expected."""
    if not reading.details.get("expected_share"):
        return in_points(effect_of(reading), "more", "fewer", "the reference")
    lower, upper = effect_of(reading, "effect_lower"), effect_of(reading, "effect_upper")
    if reading.value and (lower or 0.0) <= 0 <= (upper or 0.0):
        return ", as expected of a column with such rare values"
    return in_points(effect_of(reading), "more", "fewer", "expected")


def _new_feature(reading: Reading) -> str:
    """Where it is sent, and what cannot be said of it."""
    since, share = reading.details.get("since"), reading.details.get("since_share", reading.value or 0.0)
    text = f"{subject(reading)}: "
    if since:
        text += f"new since {_moment(reading, since)}, in {percent(share)} % of the rows since then"
    else:
        text += f"sent in {percent(share)} % of the rows"
    return f"{text}; the reference does not have it, so it cannot be tested for drift until a reference has it"


_ALL = 0.999
_WHOLLY = {
    "missing_share": ": it is not sent any more",
    "type_mismatch_share": ": its type has changed",
    "unseen_category_share": ": is it spelled or coded in another way now?",
}
_SINCE = {
    "missing_share": ": it has not been sent since {}",
    "type_mismatch_share": ": its type changed at {}",
    "unseen_category_share": ": all of them since {}: is it spelled or coded in another way now?",
}


def _schema(reading: Reading) -> str:
    """What it means where every row is bad: of the whole window, or since an hour of it."""
    since = reading.details.get("since")
    if (reading.value or 0.0) >= _ALL:
        said = _WHOLLY.get(reading.metric, "")
    elif since and reading.metric in _SINCE:
        said = _SINCE[reading.metric].format(_moment(reading, since))
    else:
        return ""
    expected = reading.details.get("expected")
    if str(expected).startswith("vectors"):  # which of the two is not counted
        said = said.replace("its type", "its type or its length")
    return said + (f", {expected} are expected" if said and expected else "")


def _moment(reading: Reading, since: Any) -> str:
    """An hour, with its day where it is more than one before the window's end."""
    at = datetime.fromisoformat(str(since))
    recent = to_datetime(reading.end) - at <= timedelta(days=1)
    return at.strftime("%H:%M UTC" if recent else WRITTEN)


def _volume(reading: Reading) -> str:
    if not reading.value:
        return "no predictions at all at hours that usually have some"
    text = f"{reading.value:,.0f} predictions"
    ratio = effect_of(reading)
    return text if ratio is None else f"{text}, {relative(ratio, 'more', 'fewer', 'usual')}"


def _latency(reading: Reading) -> str:
    text = f"{subject(reading)} {number(reading.value or 0.0)} ms"
    ratio = effect_of(reading)
    return text if ratio is None else f"{text}, {relative(ratio, 'more', 'less', 'usual')}"


def _errors(reading: Reading) -> str:
    return f"{percent(reading.value or 0.0)} % errors{in_points(effect_of(reading), 'more', 'fewer', 'usual')}"


def _freshness(reading: Reading) -> str:
    return f"newest prediction {number(reading.value or 0.0)} minutes before the window's end"


Writer = Callable[[Reading], str]

_WRITERS: Mapping[str, Writer] = {
    "ks": _moved,
    "l_infinity": _moved,
    "total_variation": _moved,
    "class_share": _moved,
    "score_ks": _moved,
    "margin_ks": _moved,
    "prediction_ks": _moved,
    "estimated_base_rate": _base_rate,
    "estimated_base_rate_bbse": _base_rate,
    "domain_classifier": _told_apart,
    "correlation": _together,
    "mean_embedding": _vectors_moved,
    "mae": mean_error,
    "rmse": mean_error,
    "label_coverage": coverage_known,
    "calibration_gap": calibration_gap,
    "calibration_slope": calibration_slope,
    "error_gap": error_gap,
    "label_delay": label_delay,
    "label_pause": label_pause,
    "volume": _volume,
    "latency_p50": _latency,
    "latency_p95": _latency,
    "latency_p99": _latency,
    "error_share": _errors,
    "freshness_minutes": _freshness,
    "new_feature_share": _new_feature,
}

_BY_KIND: Mapping[str, Writer] = {
    "data_drift": _distance,
    "prediction_drift": _distance,
    "data_quality": _quality,
    "performance": performance,
    "fairness": _fairness,
}
