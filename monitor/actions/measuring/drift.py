"""Data drift of a window."""

from __future__ import annotations

from collections.abc import Sequence

from alerting.reading import Reading
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.pairs import correlations
from detectors.registry import MULTIVARIATE, TWO_SAMPLE
from detectors.sample import sample_of
from detectors.shares.auto import measure_drift
from detectors.shares.diagnose import diagnosed
from detectors.summary import WindowCounts
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import features_of, is_numeric
from monitor.actions.measuring.as_reading import no_reference
from monitor.actions.measuring.multivariate import multivariate
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import Part, whole_and_versions


def drift(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Every feature, judged; and in each version, shown. Or all features at once."""
    if task.check.method in MULTIVARIATE:
        return multivariate(frame, task, window)
    return whole_and_versions(frame, task, window, _measure_drift)


def _measure_drift(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared | None, alpha: float, part: Part
) -> list[Measurement]:
    names = [f"feature.{name}" for name in features_of(frame, task.check)]
    together = part != "segment" and task.check.in_ledger and correlations.is_measured(frame.binning, names)
    if compared is None:
        found = [no_reference("ks" if is_numeric(frame, n) else "l_infinity", n, counts.rows) for n in names]
        return [*found, no_reference(correlations.METRIC, None, counts.rows)] if together else found
    if task.check.method != "auto":
        names = fitting(frame, task.check.method, names)
        return [two_sample(frame, task.check.method, n, counts, compared) for n in names]
    found = measure_drift(
        frame.binning,
        names,
        counts,
        compared.profile,
        length_hours=task.length,
        tolerance=frame.settings.tolerance,
        alpha=alpha,
    )
    found = diagnosed(found, frame.binning, counts, compared.profile)
    if not together:
        return found
    changed = correlations.measure_correlations(
        frame.binning, names, counts, compared.profile, length_hours=task.length, alpha=alpha
    )
    return [*found, changed]


def fitting(frame: Frame, method: str, names: Sequence[str]) -> list[str]:
    """The columns that a registered test is for."""
    fits = TWO_SAMPLE[method].kinds
    return [name for name in names if ("numeric" if is_numeric(frame, name) else "categorical") in fits]


def two_sample(frame: Frame, method: str, name: str, counts: WindowCounts, compared: Compared) -> Measurement:
    """A registered test on the counts of one column."""
    reference = sample_of(frame.binning, name, compared.profile.total, compared.profile.moments)
    current = sample_of(frame.binning, name, counts.counts, counts.moments)
    feature = name.removeprefix("feature.")
    n_reference, n_current = round(reference.rows), round(current.rows)
    if n_reference == 0 or n_current < MINIMUM_ROWS:
        reason = NO_REFERENCE if n_reference == 0 else TOO_FEW_ROWS
        return Measurement(method, None, n_reference, n_current, feature=feature, reason=reason)
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
