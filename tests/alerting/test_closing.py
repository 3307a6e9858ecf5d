"""Whether a retraining helped, from readings alone."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.closing import Closing, close
from alerting.reading import Reading, as_evidence
from alerting.words import DAY, HOUR
from tests.alerting.make import MIDNIGHT, reading

JUDGED = {"judged": "effect_lower", "effect": 0.3, "effect_lower": 0.2, "effect_upper": 0.4, "critical": 0.15}
EVIDENCE = [
    as_evidence(reading("critical", name, details=JUDGED)) for name in ("temp", "wind")
]  # what an alert fired on


def shown(name: str, lower: float, p_value: float | None, day: int = 1, **given: Any) -> Reading:
    """A reading of the new version, which is shown and not judged."""
    details = {"effect": lower + 0.02, "effect_lower": lower, "effect_upper": lower + 0.1}
    more = {"p_value": p_value, "threshold": None, "version": "v2", "details": details, **given}
    return reading(None, name, end=MIDNIGHT + day * DAY, **more)


def of_v2(*readings: Reading) -> Closing:
    return close(EVIDENCE, "v2", readings)


def test_without_a_new_version_or_its_windows_nothing_is_known() -> None:
    assert close(EVIDENCE, None, []).result == "not_yet_known"
    assert of_v2().result == "not_yet_known"
    assert "no window of v2" in of_v2().reason


def test_recovered_when_every_series_is_clean() -> None:
    found = of_v2(shown("temp", 0.0, 0.4), shown("wind", 0.0, 0.06))
    assert (found.result, found.version) == ("recovered", "v2")
    assert found.window == (MIDNIGHT, MIDNIGHT + DAY)
    assert [(one["feature"], one["before"], one["after"]) for one in found.series] == [
        ("temp", 0.3, 0.02),
        ("wind", 0.3, 0.02),
    ]


def test_not_recovered_when_one_is_at_severity_by_the_bounds_of_the_evidence() -> None:
    found = of_v2(shown("temp", 0.0, 0.4), shown("wind", 0.03, 1e-9))
    assert (found.result, [one["verdict"] for one in found.series]) == ("not_recovered", ["clean", "at_severity"])
    assert of_v2(shown("temp", 0.0, 0.4), shown("wind", 0.019, 1e-9)).result == "not_yet_known"


@pytest.mark.parametrize(
    ("wind", "words"),
    [
        (None, "wind cannot be told yet"),
        (shown("wind", 0.0, None, reason="too_few_rows"), "wind cannot be told yet"),
        (shown("wind", 0.0, 0.01), "wind is neither clean nor at severity"),
        (shown("wind", 0.0, 0.9, details={"effect": 0.3, "effect_lower": 0.0, "effect_upper": 1.0}),
         "wind cannot be told yet"),
    ],
)  # fmt: skip
def test_one_that_cannot_be_told_or_is_neither_leaves_it_to_the_next_window(wind: Reading | None, words: str) -> None:
    first = [shown("temp", 0.0, 0.4), *([wind] if wind else [])]
    assert of_v2(*first).result == "not_yet_known"
    assert words in of_v2(*first).reason
    later = [shown("temp", 0.0, 0.4, 2), shown("wind", 0.0, 0.5, 2)]
    assert of_v2(*first, *later).result == "recovered"
    assert of_v2(*later, *first).window == (MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)


def test_the_first_window_that_tells_decides() -> None:
    bad = [shown("temp", 0.2, 1e-9), shown("wind", 0.0, 0.5)]
    good = [shown("temp", 0.0, 0.4, 2), shown("wind", 0.0, 0.5, 2)]
    assert of_v2(*good, *bad).result == "not_recovered"


def test_a_judged_reading_keeps_its_verdict_and_what_has_no_test_its_bound() -> None:
    accuracy = {"metric": "accuracy", "kind": "performance", "check": "performance", "p_value": None}
    before = [as_evidence(reading("warning", None, **accuracy, details=JUDGED))]
    after = {**accuracy, "version": "v2", "end": MIDNIGHT + DAY}
    assert close(before, "v2", [reading("ok", None, **after)]).result == "recovered"
    assert close(before, "v2", [reading("warning", None, **after)]).result == "not_recovered"
    waiting = reading("cannot_tell", None, **{**after, "reason": "immature_labels"})
    assert close(before, "v2", [waiting]).result == "not_yet_known"


def test_traffic_that_is_too_low_is_judged_on_both_sides() -> None:
    volume = {"metric": "volume", "kind": "serving", "check": "serving", "p_value": 0.5}
    ratio = {"judged": "ratio", "effect": 0.5, "effect_lower": 0.4, "effect_upper": 0.6}
    before = [as_evidence(reading("warning", None, **volume, threshold=1.2, details=ratio))]
    low = reading(None, None, **volume, end=MIDNIGHT + DAY, details=ratio, threshold=None)
    fine = reading(None, None, **volume, end=MIDNIGHT + DAY, threshold=None, details={**ratio, "effect_upper": 1.0})
    assert close(before, "v2", [low]).result == "not_recovered"
    assert close(before, "v2", [fine]).result == "recovered"


def test_it_is_kept_as_plain_json() -> None:
    told = of_v2(shown("temp", 0.0, 0.4), shown("wind", 0.0, 0.5)).to_json(MIDNIGHT + DAY + HOUR)
    assert told["window"]["end"] == "2013-10-23T00:00:00Z"
    assert set(told) == {"result", "version", "window", "series", "reason", "as_of"}
