"""Did the retraining help? The new version's windows beside the evidence of the alert that asked for it.

A pure function of readings: the same check, series and length, judged by the bounds that the evidence was judged by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from alerting.bounds import ALL, SERVING, Bounds
from alerting.judge import judge
from alerting.looking import CLEAN_P_VALUE, UNTESTED
from alerting.reading import Reading, Series
from alerting.words import rank, rfc3339

Result = Literal["recovered", "not_recovered", "not_yet_known"]


@dataclass(frozen=True, slots=True)
class Closing:
    """``result`` with its ``version`` (None: no new one has come), and, in the window that decided or
    the newest one, each series of the evidence: {metric, feature, before, after, verdict}."""

    result: Result
    version: str | None
    window: tuple[int, int] | None
    series: Sequence[Mapping[str, Any]]
    reason: str

    def to_json(self, as_of: int) -> dict[str, Any]:
        """As it is kept with the run; ``as_of`` is when it was worked out."""
        window = None
        if self.window is not None:
            window = {"start": rfc3339(self.window[0]), "end": rfc3339(self.window[1])}
        return {
            "result": self.result,
            "version": self.version,
            "window": window,
            "series": [dict(one) for one in self.series],
            "reason": self.reason,
            "as_of": rfc3339(as_of),
        }


def close(
    evidence: Sequence[Mapping[str, Any]],
    version: str | None,
    readings: Sequence[Reading],
    awaited: str | None = None,
) -> Closing:
    """What the new version's readings say. ``evidence`` are the readings, as JSON, of one window that the alert fired
    on; ``readings`` those of ``version`` alone in windows of the same check and length. ``awaited`` is the version that
    the run made, where it said so.

    The first window decides that tells of every series: recovered when each is clean, not recovered when one is at
    severity again. One that is neither leaves it to the next window.
    """
    if version is None:
        nothing = "no new version has" if awaited is None else f"{awaited}, which the run made, has not"
        return Closing("not_yet_known", None, None, (), f"{nothing} sent predictions yet")
    wanted = {(str(one["metric"]), one["feature"]): one for one in evidence}
    newest: Closing | None = None
    for window in sorted({(one.start, one.end) for one in readings}, key=lambda span: (span[1], span[0])):
        found = {one.series: one for one in readings if (one.start, one.end) == window}
        newest = _of_window(wanted, version, window, found)
        if newest.result != "not_yet_known":
            return newest
    return newest or Closing("not_yet_known", version, None, (), f"no window of {version} has been measured yet")


def _of_window(
    wanted: Mapping[Series, Mapping[str, Any]], version: str, window: tuple[int, int], found: Mapping[Series, Reading]
) -> Closing:
    judged = [(series, one, found.get(series)) for series, one in wanted.items()]
    said = [_said(series, one, after) for series, one, after in judged]
    verdicts = {str(one["verdict"]) for one in said}
    if "at_severity" in verdicts:
        worst = next(after for (_, _, after), one in zip(judged, said, strict=True) if one["verdict"] == "at_severity")
        return Closing("not_recovered", version, window, said, worst.summary if worst is not None else "")
    if verdicts == {"clean"}:
        now = next((after.summary for _, _, after in judged if after is not None and after.summary), "")
        reason = f"{_counted(len(said))} back within bounds in {version}"
        return Closing("recovered", version, window, said, f"{reason}: {now}" if now else reason)
    unclear = next(one for one in said if one["verdict"] != "clean")
    name = unclear["feature"] or unclear["metric"]
    why = "cannot be told yet" if unclear["verdict"] == "cannot_tell" else "is neither clean nor at severity"
    return Closing("not_yet_known", version, window, said, f"{name} {why} in {version}")


def _said(series: Series, evidence: Mapping[str, Any], after: Reading | None) -> dict[str, Any]:
    metric, feature = series
    return {
        "metric": metric,
        "feature": feature,
        "before": _size(evidence["details"].get("effect"), evidence["value"]),
        "after": None if after is None else _size(after.details.get("effect"), after.value),
        "verdict": "cannot_tell" if after is None else _verdict(evidence, after),
    }


def _verdict(evidence: Mapping[str, Any], after: Reading) -> str:
    judged = judge(_Measured(after), _bounds(evidence)).verdict if after.verdict is None else after.verdict
    if judged is None or judged == "cannot_tell":
        return "cannot_tell"
    if rank(judged):
        return "at_severity"
    tested = after.p_value is not None and evidence["details"].get("judged") not in UNTESTED
    return "unclear" if tested and (after.p_value or 0.0) < CLEAN_P_VALUE else "clean"


def _bounds(evidence: Mapping[str, Any]) -> Bounds | None:
    """What the evidence was judged by: readings of single versions are often shown and not judged."""
    quantity, warning = evidence["details"].get("judged"), evidence["threshold"]
    if quantity is None or warning is None:
        return None
    known = SERVING.get(str(evidence["metric"]))
    blind = ALL if evidence["kind"] in ("data_drift", "prediction_drift") else None
    below = known.below if known else None
    return Bounds(quantity, warning, evidence["details"].get("critical"), below=below, blind=blind)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A stored reading as a measurement, to be judged."""

    reading: Reading

    @property
    def metric(self) -> str:
        return self.reading.metric

    @property
    def feature(self) -> str | None:
        return self.reading.feature

    @property
    def value(self) -> float | None:
        return self.reading.value

    @property
    def lower(self) -> float | None:
        return self.reading.lower

    @property
    def upper(self) -> float | None:
        return self.reading.upper

    @property
    def p_value(self) -> float | None:
        return self.reading.p_value

    @property
    def effect(self) -> float | None:
        return self.reading.details.get("effect")

    @property
    def effect_lower(self) -> float | None:
        return self.reading.details.get("effect_lower")

    @property
    def effect_upper(self) -> float | None:
        return self.reading.details.get("effect_upper")

    @property
    def reason(self) -> str | None:
        return self.reading.reason

    @property
    def n_reference(self) -> int:
        return self.reading.n_reference

    @property
    def n_current(self) -> int:
        return self.reading.n_current

    @property
    def details(self) -> Mapping[str, Any]:
        return self.reading.details


def _size(effect: float | None, value: float | None) -> float | None:
    return value if effect is None else effect


def _counted(series: int) -> str:
    return "what moved is" if series == 1 else f"all {series} that moved are"
