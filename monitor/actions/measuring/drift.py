"""Data drift of a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alerting.reading import Reading
from detectors.embedding import mean_embedding
from detectors.measurement import MINIMUM_ROWS, NO_COLUMN, NO_COMMON_VALUE, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.pairs import correlations
from detectors.pairs.known import METRIC
from detectors.registry import MULTIVARIATE, TWO_SAMPLE
from detectors.sample import Levels, sample_of
from detectors.shares.auto import measure_drift
from detectors.shares.diagnose import diagnosed
from detectors.summary import WindowCounts
from monitor.actions.counting import kind_of
from monitor.actions.false_alarms import factors_of
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import features_of, is_embedding, is_numeric, judges_pairs, level_of_more
from monitor.actions.measuring.as_reading import no_reference
from monitor.actions.measuring.multivariate import multivariate
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import Part, whole_and_versions

_SHARES = ("ks", "l_infinity")


def drift(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Every feature, judged; and in each version, shown. Or all features at once."""
    if task.check.method in MULTIVARIATE:
        return multivariate(frame, task, window)
    return whole_and_versions(frame, task, window, _measure_drift)


def _measure_drift(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared | None, alpha: float, part: Part
) -> list[Measurement]:
    names = [f"feature.{name}" for name in features_of(frame, task.check)]
    if part == "segment":
        names = [name for name in names if not is_embedding(frame, name)]
    asked = names
    if task.check.method != "auto":
        names = fitting(frame, task.check.method, names)
    if compared is None:
        return _without_reference(frame, task, names, counts, part)
    if task.check.method != "auto":
        if asked and not names and part == "whole":
            return [no_column(task.check.method, counts, compared)]
        return [two_sample(frame, task.check.method, n, counts, compared) for n in names]
    return [
        *_single(frame, task, names, counts, compared, alpha),
        *_together(frame, task, names, counts, compared, part),
    ]


def _without_reference(
    frame: Frame, task: Task, names: Sequence[str], counts: WindowCounts, part: Part
) -> list[Measurement]:
    found = [no_reference(_metric(frame, name), name, counts.rows) for name in names]
    if looks_at_pairs(frame, task, names, part):
        found.append(no_reference(METRIC, None, counts.rows))
    return found


def _metric(frame: Frame, name: str) -> str:
    if is_embedding(frame, name):
        return mean_embedding.METRIC
    return "ks" if is_numeric(frame, name) else "l_infinity"


def _single(
    frame: Frame, task: Task, names: Sequence[str], counts: WindowCounts, compared: Compared, alpha: float
) -> list[Measurement]:
    """Feature by feature, in order."""
    vectors = [name for name in names if is_embedding(frame, name)]
    given: dict[str, Any] = {"length_hours": task.length, "tolerance": frame.settings.tolerance, "alpha": alpha}
    false = factors_of(frame, task.as_of, compared, task.length)
    widened = {f"feature.{feature}": factor for (metric, feature), factor in false.items() if metric in _SHARES}
    plain = [name for name in names if name not in vectors]
    found = measure_drift(frame.binning, plain, counts, compared.profile, **given, widened=widened)
    found = diagnosed(found, frame.binning, counts, compared.profile)
    if not vectors:
        return found
    told = mean_embedding.measure_embeddings(frame.binning, vectors, counts, compared.profile, **given)
    by_name = dict(zip([*plain, *vectors], [*found, *told], strict=True))
    return [by_name[name] for name in names]


def looks_at_pairs(frame: Frame, task: Task, names: Sequence[str], part: Part) -> bool:
    """Whether correlations are measured: of all rows, where nobody has set a bound in another unit."""
    return part != "segment" and judges_pairs(frame, task.check) and correlations.is_measured(frame.binning, names)


def _together(
    frame: Frame, task: Task, names: Sequence[str], counts: WindowCounts, compared: Compared, part: Part
) -> list[Measurement]:
    """The correlations between them."""
    if not looks_at_pairs(frame, task, names, part):
        return []
    alpha = level_of_more(frame, task.check, task.length)
    changed = correlations.measure_correlations(
        frame.binning, names, counts, compared.profile, length_hours=task.length, alpha=alpha
    )
    return [changed]


def fitting(frame: Frame, method: str, names: Sequence[str]) -> list[str]:
    """The columns that a registered test is for."""
    fits = TWO_SAMPLE[method].kinds
    return [name for name in names if kind_of(frame.binning.by_name[name]) in fits]


def no_column(method: str, counts: WindowCounts, compared: Compared) -> Measurement:
    """That a check measures nothing, as its method is for none of the columns."""
    rows = int(compared.profile.total[0])
    kinds = list(TWO_SAMPLE[method].kinds)
    return Measurement(method, None, rows, counts.rows, reason=NO_COLUMN, details={"kinds": kinds})


def two_sample(frame: Frame, method: str, name: str, counts: WindowCounts, compared: Compared) -> Measurement:
    """A registered test on the counts of one column."""
    reference = sample_of(frame.binning, name, compared.profile.total, compared.profile.moments)
    current = sample_of(frame.binning, name, counts.counts, counts.moments)
    feature = name.removeprefix("feature.")
    n_reference, n_current = round(reference.rows), round(current.rows)
    if n_reference == 0 or n_current < MINIMUM_ROWS:
        reason = NO_REFERENCE if n_reference == 0 else TOO_FEW_ROWS
        return Measurement(method, None, n_reference, n_current, feature=feature, reason=reason)
    if isinstance(reference, Levels) and not reference.tells:
        return Measurement(method, None, n_reference, n_current, feature=feature, reason=NO_COMMON_VALUE)
    result = TWO_SAMPLE[method].compare(reference, current)
    value = None if result.reason else result.value
    return Measurement(
        metric=method,
        value=value,
        n_reference=n_reference,
        n_current=n_current,
        feature=feature,
        lower=result.lower,
        upper=result.upper,
        p_value=result.p_value,
        effect=value,
        effect_lower=result.lower,
        effect_upper=result.upper,
        reason=result.reason,
        details=result.details,
    )
