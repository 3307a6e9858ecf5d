"""Mistakes that the shape of a document does not show: what does not go together, each at its own key."""

from __future__ import annotations

from collections.abc import Iterator

from alerting.bounds import ESTIMATES, FALLING
from alerting.registry import check_channel, check_trigger
from detectors.estimation.concept import CONCEPT
from detectors.fairness import METRICS as FAIRNESS
from detectors.performance.label_pause import NAME as LABEL_PAUSE
from detectors.performance.measure import TESTED
from detectors.registry import MULTIVARIATE, PERFORMANCE, QUALITY, SEQUENTIAL, TWO_SAMPLE
from detectors.streams import has_river
from monitor import clock
from monitor.config.document import KINDS, MODEL_NAME, NAME, Check, Document, Model, Rule, Trailing

Mistake = tuple[tuple[str, ...], str]  # the key's path, and what is wrong

_CONCEPT = frozenset(metric for names in CONCEPT.values() for metric in names)
_DRIFT = {
    "data_drift": ("ks", "l_infinity"),
    "prediction_drift": (
        "class_share",
        "score_ks",
        "margin_ks",
        "prediction_ks",
        "estimated_base_rate",
        "estimated_base_rate_bbse",
    ),
}
_SERVING = ("volume", "freshness_minutes", "latency_p50", "latency_p95", "latency_p99", "error_share")


def mistakes(document: Document) -> list[Mistake]:
    """Every mistake in a document, in its order."""
    found = [
        (("models", name, *place), words)
        for name, model in document.models.items()
        for place, words in mistakes_in_model(model)
    ]
    return [*_names(document), *found, *_endpoints(document)]


def _names(document: Document) -> Iterator[Mistake]:
    for name in document.models:
        if not MODEL_NAME.fullmatch(name):
            yield ("models", name), f"{name!r} is no model name: letters, digits, . _ - and at most 100 of them"
    for part in ("channels", "triggers"):
        for name in getattr(document, part):
            if not NAME.fullmatch(name):
                yield (part, name), f"{name!r} is no name: letters, digits, space, . _ - and at most 100 of them"


def mistakes_in_model(model: Model) -> list[Mistake]:
    """Every mistake in one model's part."""
    return [*_segments(model), *_retention(model), *_checks(model), *_rules(model)]


def _retention(model: Model) -> Iterator[Mistake]:
    rows, longer = model.retention, model.summary_retention
    if longer is not None and (rows is None or clock.parse_duration(longer) < clock.parse_duration(rows)):
        yield ("summary_retention",), "summaries are kept as long as rows or longer: give retention, and no longer one"


def _segments(model: Model) -> Iterator[Mistake]:
    for index, name in enumerate(model.segments):
        if name in model.segments[:index]:
            yield ("segments", str(index)), f"{name!r} is named twice"


def _checks(model: Model) -> Iterator[Mistake]:
    names: set[str] = set()
    for index, check in enumerate(model.checks):
        place = ("checks", str(index))
        if check.name in names:
            yield (*place, "name"), f"another check is named {check.name!r}"
        names.add(check.name)
        if check.features == []:
            yield (*place, "features"), "no feature is named; leave features out to look at all of them"
        found = (
            *_method(check, model.task),
            *_metric(check, model.task),
            *_threshold(check, model.task),
            *_reference(check),
        )
        for key, words in (*found, *_groups(check, model)):
            yield (*place, key), words


def _method(check: Check, task: str | None) -> Iterator[tuple[str, str]]:
    if check.method == "auto":
        return
    known = (*TWO_SAMPLE, *MULTIVARIATE, *SEQUENTIAL)
    if check.method in SEQUENTIAL:
        yield from _sequential(check, task)
    elif check.method in MULTIVARIATE and check.kind != "data_drift":
        yield "method", f"{check.method} looks at features; a {check.kind} check does not"
    elif check.method not in known:
        yield "method", f"{check.method!r} is no method; there are auto, {', '.join(known)}"
    elif check.kind not in _DRIFT:
        yield "method", f"{check.method} compares distributions; a {check.kind} check takes no method"
    elif check.threshold is None:
        yield "method", f"{check.method} needs a threshold; only auto brings its own"


def _sequential(check: Check, task: str | None) -> Iterator[tuple[str, str]]:
    name, given = check.method, check.threshold
    guaranteed = SEQUENTIAL[name].guaranteed
    if check.kind != "performance":
        yield "method", f"{name} looks at the errors of labelled rows; only a performance check can"
    elif task == "regression":
        yield "method", f"{name} looks at rows that are right or wrong; a regression has none"
    elif not (guaranteed or has_river()):
        yield "method", f"{name} needs the extra river: pip install 'plimsoll[river]'"
    elif given is None or given.drop is not None:
        needed = (
            "p_value, or warning on the logarithm of its statistic" if guaranteed else "warning, a number of alarms"
        )
        yield "threshold" if given else "method", f"{name} needs a threshold: {needed}"
    elif guaranteed and given.critical is not None:
        yield "threshold", f"{name} starts again when it reaches its bound; it has one alone"


def metrics_of(kind: str, task: str | None) -> tuple[str, ...]:
    """The metrics that a check of a kind can have; of all tasks while the task is not known."""
    if kind == "performance":
        known = [names for part in (PERFORMANCE, CONCEPT) for name, names in part.items() if task in (None, name)]
        return (*dict.fromkeys(metric for names in known for metric in names), "label_coverage", LABEL_PAUSE)
    others = {"data_quality": tuple(QUALITY), "serving": _SERVING, "fairness": tuple(FAIRNESS)}
    return {**_DRIFT, **others}[kind]


def _metric(check: Check, task: str | None) -> Iterator[tuple[str, str]]:
    if check.metric is None or (check.kind == "serving" and check.metric.startswith("metric.")):
        return
    known = metrics_of(check.kind, task)
    if check.method != "auto":
        yield "metric", f"a check with a method measures that alone; leave metric {check.metric!r} out"
    elif check.metric not in known:
        yield "metric", f"{check.metric!r} is no metric of a {check.kind} check; there are {', '.join(known)}"


def _threshold(check: Check, task: str | None) -> Iterator[tuple[str, str]]:
    given = check.threshold
    if check.kind == "performance" and check.metric in _CONCEPT:
        if given is None or given.p_value is None:
            yield "threshold", f"{check.metric} is judged by its p-value alone: give p_value"
        return
    if given is None:
        return
    if given.drop is not None and check.kind not in ("performance", "fairness"):
        yield "threshold", f"drop is a loss of performance; a {check.kind} check has none"
    if check.kind == "performance" and check.method == "auto" and not _has_test(check, task):
        form = "drop" if given.drop is not None else "p_value"
        others = ", ".join(_tested(task))
        yield "threshold", f"{check.metric} has no test of a loss, so no {form}; give warning, or take one of {others}"
    if given.p_value is not None and not _has_p_value(check):
        what = f"method {check.method}" if check.method != "auto" else f"a {check.kind} check"
        yield "threshold", f"{what} has no p-value; give warning and critical"
    if given.warning is not None and check.method in TWO_SAMPLE and not TWO_SAMPLE[check.method].rises:
        yield "threshold", f"a difference makes the value of {check.method} rise or fall; give p_value"
    if given.warning is not None and given.critical is not None:
        falling = check.metric in FALLING or (
            check.kind == "performance" and check.metric is None and check.method == "auto"
        )
        if (given.critical > given.warning) if falling else (given.critical < given.warning):
            yield "threshold", "critical lies on the better side of warning"


def _tested(task: str | None) -> tuple[str, ...]:
    """Metrics of performance that are tested against the reference; of all tasks while the task is not known."""
    return tuple(dict.fromkeys(one for name, each in TESTED.items() if task in (None, name) for one in each))


def _has_test(check: Check, task: str | None) -> bool:
    """Whether a performance check can be judged by its threshold."""
    on_value = check.threshold is None or check.threshold.warning is not None
    return on_value or check.metric is None or check.metric in _tested(task)


def _groups(check: Check, model: Model) -> Iterator[tuple[str, str]]:
    if check.kind != "fairness":
        if check.segment is not None:
            yield "segment", f"segment is for fairness checks; a {check.kind} check looks at every segment by itself"
        return
    if check.segment is not None and check.segment not in model.segments:
        there = ", ".join(model.segments) or "none"
        yield "segment", f"{check.segment!r} is none of the model's segments (there are: {there})"
    if check.threshold is not None and (check.segment is None or check.metric is None):
        yield "threshold", "a bound is on one metric of one segment: name both"
    if model.task not in (None, "binary"):
        yield "kind", f"fairness is of binary models; this one is {model.task}"


def _reference(check: Check) -> Iterator[tuple[str, str]]:
    if not isinstance(check.reference, Trailing):
        return
    longest = check.window or ("24h" if check.kind == "serving" else "7d")
    if clock.parse_duration(check.reference.trailing) < 2 * clock.parse_duration(longest):
        yield "reference", f"trailing must be at least twice as long as the check's longest window, {longest}"


def _has_p_value(check: Check) -> bool:
    if check.kind in ("serving", "fairness") or check.metric in ESTIMATES:
        return False
    if check.method in SEQUENTIAL:
        return SEQUENTIAL[check.method].guaranteed
    return check.method not in TWO_SAMPLE or TWO_SAMPLE[check.method].has_p_value


def _rules(model: Model) -> Iterator[Mistake]:
    known = {*KINDS, LABEL_PAUSE, *(check.name for check in model.checks)}
    spoken_of = {rule.check for rule in model.rules}
    names: set[str] = set()
    for index, rule in enumerate(model.rules):
        place = ("rules", str(index))
        if rule.name in names:
            yield (*place, "name"), f"another rule is named {rule.name!r}"
        names.add(rule.name)
        if rule.check not in known:
            yield (*place, "check"), f"there is no check {rule.check!r} (there are: {', '.join(sorted(known))})"
        elif _takes_a_default_name(rule, known, spoken_of):
            yield (*place, "name"), f"the default rule on check {rule.name!r} has this name"


def _takes_a_default_name(rule: Rule, known: set[str], spoken_of: set[str]) -> bool:
    return rule.name != rule.check and rule.name in known and rule.name not in spoken_of


def _endpoints(document: Document) -> Iterator[Mistake]:
    for part, checker in (("channels", check_channel), ("triggers", check_trigger)):
        for name, settings in getattr(document, part).items():
            try:
                checker(settings)
            except ValueError as error:
                key = getattr(error, "key", None)
                yield (part, name, *(key.split(".") if key else ())), str(error)
