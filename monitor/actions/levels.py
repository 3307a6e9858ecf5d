"""The false-alarm ledger of a model: which level each judged number gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.cuts import EmbeddingColumn, NumericColumn
from detectors.estimation.concept import gap_of
from detectors.multiplicity import DEFAULT_WEIGHTS, ledger_alpha
from detectors.pairs.correlations import is_measured
from detectors.quality.measure import OF_FEATURES
from detectors.segments import budget_shares
from monitor.actions.frame import Frame
from monitor.config.inventory import Check, runs_per_month

OUTSIDE = 0.05  # the level of intervals of checks that stand outside the ledger
SEGMENTS = "segments"
SLICED = ("data_quality", "data_drift", "prediction_drift", "performance")  # the kinds that look at segments
SHORTEST, WEEK = 24, 168  # hours


def level(frame: Frame, check: Check, length: int, versions: int) -> float:
    """α of one judged number of a check at a window length (hours); ``versions`` in the window, for performance."""
    if not check.in_ledger:
        given = None if check.threshold is None else check.threshold.p_value
        return OUTSIDE if given is None else given
    return _of_budget(frame, check.kind, check, length, max(versions, 1) if check.kind == "performance" else 1)


def level_of_more(frame: Frame, check: Check, length: int, versions: int = 1) -> float:
    """α of what a check judges beyond the numbers that every model has: correlations (together), margins, concept
    drift (of each of the ``versions`` in the window). Each is paid for by the share of data quality, as one number more
    of it, so that the others keep their level; without such a check by the share of its own kind."""
    times = max(versions, 1) if check.kind == "performance" else 1
    return _of_budget(frame, _payer(frame, check.kind), check, length, times) if check.in_ledger else OUTSIDE


def _of_budget(frame: Frame, kind: str, check: Check, length: int, times: int) -> float:
    """One number's part of what a kind has."""
    mine = [one for one in frame.checks if one.in_ledger and one.kind == kind]
    pairs = sum(judged_pairs(frame, one) for one in mine)
    more = sum(judges_more(frame, one) for one in frame.checks if one.in_ledger and _payer(frame, one.kind) == kind)
    return ledger_alpha(
        frame.settings.false_alarms_per_month,
        DEFAULT_WEIGHTS[kind],
        _weights_present(frame, bool(segments_of(frame))),
        max(pairs + more, 1) * times,
        len(check.lengths),
        runs_per_month(length),
    )


def _payer(frame: Frame, kind: str) -> str:
    """The kind whose share pays for what a check of this kind judges beyond."""
    quality = "data_quality"
    return quality if any(one.in_ledger and one.kind == quality for one in frame.checks) else kind


def judges_more(frame: Frame, check: Check) -> bool:
    """Whether a check judges such a number."""
    if check.kind == "prediction_drift":
        return check.in_ledger and frame.meaning.task == "multiclass" and "margin" in frame.binning.by_name
    return judges_pairs(frame, check) or judges_concept(frame, check)


def judges_concept(frame: Frame, check: Check) -> bool:
    """Whether a check judges that labels keep to what scores or predictions let expect: of performance, where it names
    no metric and nobody has set a bound."""
    return (
        check.kind == "performance" and check.in_ledger and check.metric is None and gap_of(frame.binning) is not None
    )


def judges_pairs(frame: Frame, check: Check) -> bool:
    """Whether a check looks at correlations: of data drift, where nobody has set a bound in another unit."""
    names = [f"feature.{name}" for name in features_of(frame, check)]
    return check.kind == "data_drift" and check.in_ledger and is_measured(frame.binning, names)


def segment_level(frame: Frame, check: Check, length: int, versions: int, segment: str) -> float:
    """α of one judged number of a check within a segment: the segment's share of what all segments have."""
    whole = _level_of_segments(frame, len(segment_lengths(check)), length)
    return whole * segments_of(frame)[segment] / (max(versions, 1) if check.kind == "performance" else 1)


def segments_of(frame: Frame) -> Mapping[str, float]:
    """The segments that are judged, in order of their names, each with its share of the segments' budget.

    They follow from the references and the configuration alone: every window is judged alike.
    """
    if SEGMENTS not in frame.derived:
        sliced = [check for check in frame.checks if segment_lengths(check)]
        sizes = frame.segment_sizes() if sliced else {}
        lengths = max((len(segment_lengths(check)) for check in sliced), default=1)
        weekly = _level_of_segments(frame, lengths, WEEK) if sizes else 0.0
        frame.derived[SEGMENTS] = budget_shares(sizes, tolerance=frame.settings.tolerance, weekly_alpha=weekly)
    found: Mapping[str, float] = frame.derived[SEGMENTS]
    return found


def segment_lengths(check: Check) -> tuple[int, ...]:
    """The window lengths (hours) at which a check looks at segments: those of a day and more, or all it has where they
    are shorter; none of a check that stands outside the ledger."""
    if check.kind not in SLICED or not check.in_ledger:
        return ()
    return tuple(length for length in check.lengths if length >= SHORTEST) or check.lengths


def _level_of_segments(frame: Frame, lengths: int, length: int) -> float:
    """The level that a number would have if its segment had all of the segments' budget."""
    pairs = sum(segment_pairs(frame, check) for check in frame.checks if segment_lengths(check))
    return ledger_alpha(
        frame.settings.false_alarms_per_month,
        DEFAULT_WEIGHTS[SEGMENTS],
        _weights_present(frame, segments=True),
        max(pairs, 1),
        lengths,
        runs_per_month(length),
    )


def _weights_present(frame: Frame, segments: bool) -> float:
    """Sum of the weights of the kinds in the ledger; in one order: to the bit."""
    kinds = {one.kind for one in frame.checks if one.in_ledger and not _only_shows(frame, one)}
    kinds |= {SEGMENTS} if segments else set()
    return sum(weight for kind, weight in DEFAULT_WEIGHTS.items() if kind in kinds)


def _only_shows(frame: Frame, check: Check) -> bool:
    """Whether a check is of a performance metric that is not judged: it needs no part of the budget."""
    return check.kind == "performance" and judged_pairs(frame, check) == 0


def judged_pairs(frame: Frame, check: Check, *, in_segment: bool = False) -> int:
    """How many (metric, feature) pairs a check judges in a window, but for correlations; within segments vectors are
    not looked at."""
    names = features_of(frame, check)
    if check.kind == "data_drift":
        vectors = sum(is_embedding(frame, f"feature.{name}") for name in names) if in_segment else 0
        return len(names) - vectors
    if check.kind == "data_quality":
        return 3 * len(names) + 3
    has_score = "score" in frame.binning.by_name
    if check.kind == "prediction_drift":
        margin = in_segment and "margin" in frame.binning.by_name
        return 1 if frame.meaning.task == "regression" or not has_score else 2 + margin
    if check.kind == "performance":
        metrics: Sequence[str] = judged_metrics(frame)
        return int(check.metric in metrics) if check.metric else len(metrics)
    return 0


def segment_pairs(frame: Frame, check: Check) -> int:
    """How many numbers a check judges in each segment of a window: of data quality one a metric, of the worst
    feature."""
    return len(OF_FEATURES) if check.kind == "data_quality" else judged_pairs(frame, check, in_segment=True)


def judged_metrics(frame: Frame) -> tuple[str, ...]:
    """The performance metrics that are judged unless a check names another."""
    if frame.meaning.task == "regression":
        return ("mae",)
    scored = frame.meaning.task == "binary" and len(frame.binning.scores.score_cuts) > 0
    return ("accuracy", "roc_auc") if scored else ("accuracy",)


def features_of(frame: Frame, check: Check) -> list[str]:
    """The features a check looks at, in the order of the cuts."""
    names = frame.features()
    return names if check.features is None else [name for name in names if name in check.features]


def is_embedding(frame: Frame, name: str) -> bool:
    """Whether a column of the cuts is of vectors."""
    return isinstance(frame.binning.by_name[name], EmbeddingColumn)


def is_numeric(frame: Frame, name: str) -> bool:
    """Whether a column of the cuts is numeric."""
    return isinstance(frame.binning.by_name[name], NumericColumn)


def expected_checks(frame: Frame) -> int:
    """How many judged numbers the ledger pays for in 30 days."""
    whole = sum(
        (judged_pairs(frame, check) + judges_more(frame, check)) * runs_per_month(length)
        for check in frame.checks
        if check.in_ledger
        for length in check.lengths
    )
    each = sum(
        segment_pairs(frame, check) * runs_per_month(length)
        for check in frame.checks
        for length in segment_lengths(check)
    )
    return whole + each * len(segments_of(frame))
