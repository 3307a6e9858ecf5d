"""What is said of labels: metrics of performance, estimates without labels, and what is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerting.phrases import NAMES, between, effect_of, interval, plain, plural, relative, subject
from alerting.reading import Reading
from alerting.words import WRITTEN, number, percent

STOPPED = 0.1  # of the labels that are usually there


def still_coming(reading: Reading) -> str:
    """How many labels are known, and what they point to if those to come are weighed in."""
    coverage, weighted = reading.details.get("coverage"), reading.details.get("weighted")
    text = "labels are still coming" + ("" if coverage is None else f", {percent(coverage)} % are known")
    text = "no label is known yet" if coverage == 0 else text
    text = (_overdue(reading.details.get("overdue") or {}) or text) + _too_late(reading)
    if weighted is None:
        return text
    if reading.kind == "fairness":
        return f"{text}; so far they point to {apart(weighted['value'], weighted['lower'], weighted['upper'])}"
    limits = f"{number(weighted['lower'])} to {number(weighted['upper'])}"
    return f"{text}; so far they point to {number(weighted['value'])} ({limits})"


def _overdue(found: Mapping[str, Any]) -> str:
    """That labels have stopped, or come slower than they used to."""
    came, due = found.get("came"), found.get("due")
    if came is None or not due or came >= due:
        return ""
    some = f"of {due:,.0f} that are usually there by now {'none has come' if came == 0 else f'{came:,.0f} have come'}"
    return f"labels {'have stopped coming' if came < STOPPED * due else 'come late'}: {some}"


def waits_for_labels(awaited: Mapping[str, Any]) -> str:
    """Why there is no reference yet, and when there will be."""
    known = f"{awaited['labelled']:,} of {awaited['rows']:,} are known"
    by = datetime.fromisoformat(awaited["by"]).strftime(WRITTEN)
    return f"the reference waits for its labels: {known}, enough are expected by {by}"


def apart(value: float, lower: float | None, upper: float | None) -> str:
    """A gap between groups."""
    points = percent(value)
    return f"{points} {plural(points)} apart{between(lower, upper)}"


def so_far(reading: Reading) -> str:
    """Of a number that is shown: that of the labels that are there is said where there is no better one."""
    text = still_coming(reading)
    if reading.details.get("weighted") is not None:
        return text
    if reading.kind == "fairness":
        return f"{text}; by those {apart(reading.value or 0.0, reading.lower, reading.upper)}, which may change"
    return f"{text}; of those {number(reading.value or 0.0)}{interval(reading)}, which the others may change"


def performance(reading: Reading) -> str:
    """A metric, its interval and what it was in the reference."""
    text = f"{subject(reading)} {number(reading.value or 0.0)}{interval(reading)}"
    plain = reading.details.get("unweighted")
    if plain is not None:
        text += f", corrected for labels that are still to come ({number(plain['value'])} without)"
    text += uncorrected(reading)
    loss = effect_of(reading)
    if loss is not None and reading.metric in _LOSSES:
        said = _new_labels(reading) if reading.verdict in ("warning", "critical") else ""
        return text + _loss(loss, _compared(reading)) + said
    usual, before = reading.details.get("usual_value"), reading.details.get("reference_value")
    if usual is not None:
        return f"{text}, {number(usual)} is usual at these hours"
    return text if before is None else f"{text}, {number(before)} in the reference"


def _compared(reading: Reading) -> str:
    """What a loss is counted from."""
    return "the reference" if reading.details.get("usual_value") is None else "what is usual at these hours"


def uncorrected(reading: Reading) -> str:
    """That labels are missing which may be unlike those that are there."""
    return ", not corrected for labels that are still missing" if reading.details.get("uncorrected") else ""


_ESTIMATORS = {
    "cbpe": "by CBPE ",
    "pape": "by PAPE ",
    "dle": "by DLE ",
    "dle_of_prediction": "by DLE from the prediction alone, ",
}


def estimated(reading: Reading) -> str:
    """What is to be expected without labels."""
    name = reading.metric.removeprefix("estimated_")
    before = reading.details.get("reference_value")
    text = f"estimated {NAMES.get(name, name.replace('_', ' '))} {number(reading.value or 0.0)}{interval(reading)}"
    text += "" if before is None else f", {number(before)} in the reference"
    by = _ESTIMATORS.get(reading.details.get("estimator", ""), "")
    text += f"; {by}without labels, so it {reading.details.get('blind', 'is no measurement')}"
    other = reading.details.get("if_base_rate_moved")
    if other is None:
        return text
    rate = f"about {percent(other['base_rate'])} %"
    return f"{text}; {number(other['value'])} if only the base rate changed, to {rate}"


def calibration_gap(reading: Reading) -> str:
    """Where scores no longer mean what they did."""
    d = reading.details
    if reading.value is None or d.get("observed") is None or d.get("expected") is None:
        return plain(reading)
    gap = ""
    if reading.lower is not None and reading.upper is not None:
        gap = f" (a gap between {percent(reading.lower)} and {percent(reading.upper)} points)"
    if reading.verdict in ("warning", "critical"):
        text = "rows of the same score turn out otherwise than in the reference (concept drift): of those scored "
        text += f"{number(d['from'])} to {number(d['to'])}, {percent(d['observed'])} % were "
        text += f"{d.get('positive', 'positive')} "
        return f"{text}where {percent(d['expected'])} % were expected{gap}{_cohort(reading)}{_new_labels(reading)}"
    text = f"scores {number(d['from'])} to {number(d['to'])}: {percent(d['expected'])} % expected, "
    text += f"{percent(d['observed'])} % came{gap}"
    if (d.get("label_shift") or {}).get("explains"):
        other = "mix of classes" if d["label_shift"].get("classes") else "base rate"
        return f"{text}, which another {other} may explain"
    if not d.get("concept_drift"):
        return f"{text}, which may be chance or is tolerated"
    if d.get("uncorrected") and reading.verdict is None:
        return f"{text}: concept drift, or what the missing labels are unlike (not judged while they are missing)"
    return f"{text}: {'concept drift' if reading.verdict is None else 'perhaps concept drift'}"


def error_gap(reading: Reading) -> str:
    """Whether predictions are farther off than such predictions were."""
    d = reading.details
    if reading.value is None or d.get("realised") is None or d.get("expected") is None:
        return plain(reading)
    text = f"mean absolute error {number(d['realised'])} where {number(d['expected'])} was expected of such rows, "
    text += relative(1 + reading.value, "above", "below", "expected")
    if reading.lower is not None and reading.upper is not None:
        text += f" (between {percent(reading.lower)} and {percent(reading.upper)} %)"
    if reading.verdict in ("warning", "critical"):
        return f"rows are farther off than such rows were in the reference (concept drift): {text}"
    return text


def _new_labels(reading: Reading) -> str:
    """Labels that no prediction can meet, where fewer are right than should be."""
    share, d = reading.details.get("new_labels"), reading.details
    if share is None or d.get("observed", 0.0) > d.get("expected", 1.0):
        return ""
    return f"; {percent(share)} % of the labels are none of the model's classes"


def _cohort(reading: Reading) -> str:
    """The estimate of these rows beside what came."""
    d = reading.details.get("cohort") or {}
    if d.get("expected") is None or d.get("realised") is None:
        return ""
    name = NAMES.get(d["metric"], d["metric"])
    return f"; {name} {number(d['realised'])} where {number(d['expected'])} was estimated"


def calibration_slope(reading: Reading) -> str:
    """Whether labels follow the scores as they did."""
    interval_ = ""
    if reading.lower is not None and reading.upper is not None:
        interval_ = f" ({number(reading.lower)} to {number(reading.upper)})"
    text = f"labels follow the scores {number(reading.value or 0.0)} times as strongly as in the reference{interval_}"
    return f"{text}: concept drift" if reading.details.get("concept_drift") else text


_PACES = {"slower": "slower than", "faster": "faster than", "same": "as fast as"}


def label_delay(reading: Reading) -> str:
    """Whether labels come as fast as they did."""
    pace = _PACES.get(str(reading.details.get("pace")), "as fast as")
    text = (
        f"labels arrive {pace} in the mature cohorts: {number(reading.value or 0.0)} times as many as expected by now"
    )
    return text + interval(reading)


def stream(reading: Reading) -> str:
    """Of a detector that looks at labelled rows one after the other."""
    d = reading.details
    alarms = d.get("alarms") or 0
    counted = "no alarm" if alarms == 0 else "1 alarm" if alarms == 1 else f"{alarms} alarms"
    text = f"{subject(reading)}: {counted} in {reading.n_current:,} labels"
    rate, usual = d.get("error_rate"), d.get("usual")
    text += "" if rate is None else f", {percent(rate)} % of them predicted wrong"
    text += "" if usual is None else f" ({percent(usual)} % in the reference)"
    return f"{text}; {d['guarantee']}"


def _loss(loss: float, before: str) -> str:
    if abs(loss) < 0.0005:
        return ", as in the reference" if before == "the reference" else ", as is usual at these hours"
    points = percent(abs(loss))
    return f", {points} {plural(points)} {'below' if loss > 0 else 'above'} {before}"


_LOSSES = ("accuracy", "precision", "recall", "f1", "roc_auc")


def mean_error(reading: Reading) -> str:
    """The error of a regression."""
    rise = effect_of(reading)
    if rise is None:
        return performance(reading)
    text = f"{subject(reading)} {number(reading.value or 0.0)}{interval(reading)}"
    return f"{text}{uncorrected(reading)}, {relative(1 + rise, 'above', 'below', _compared(reading))}"


def coverage_known(reading: Reading) -> str:
    """How many labels are there, when enough will be, and whether they come too late."""
    text = f"labels known for {percent(reading.value or 0.0)} % of predictions"
    return text + _awaited(reading) + _too_late(reading)


def _awaited(reading: Reading) -> str:
    expected = reading.details.get("expected") or {}
    wanted, after = expected.get("coverage"), expected.get("after_hours")
    if wanted is None or (reading.value or 0.0) >= wanted:
        return ""
    if after is None:
        return f"; they usually come for {percent(expected.get('plateau') or 0.0)} % in all"
    return f"; for {percent(wanted)} % usually after {_hours(after)}"


def _too_late(reading: Reading) -> str:
    """That labels come after nobody waits for them any more."""
    found = reading.details.get("too_late") or {}
    if not found:
        return ""
    days = number(found["horizon_days"])
    return (
        f"; {percent(found['share'])} % of the labels of the last {days} days came more than {days} days "
        "(label_horizon) after their rows and were never judged: a longer label_horizon would wait for them"
    )


def label_pause(reading: Reading) -> str:
    """How long no label has become known, and how long that was before."""
    pause, before = round(reading.value or 0.0), reading.details.get("longest_before")
    at = datetime.fromisoformat(reading.details["since"]).strftime(WRITTEN) if "since" in reading.details else "then"
    usual = "" if before is None else f"; the longest pause before was {_hours(before)}"
    if reading.verdict in ("warning", "critical"):
        return f"no label has become known since {at} ({_hours(pause)}{usual})"
    return f"the newest label became known at {at} ({_hours(pause)} before the window's end{usual})"


def _hours(count: int) -> str:
    if count >= 48:
        return f"{round(count / 24)} days"
    return "1 hour" if count == 1 else f"{count} hours"
