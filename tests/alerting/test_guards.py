"""What keeps a retraining from being asked for, and what it is asked for with."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.backoff import poll_wait
from alerting.guards import parse
from alerting.options import BadSetting
from alerting.parameters import fill, unknown_placeholders
from alerting.registry import check_trigger
from alerting.retraining import EarlierRun, Situation, suppression
from alerting.secrets import MASK, masked, page
from alerting.words import DAY, HOUR, SECOND


def test_one_retraining_at_a_time_and_per_cooldown() -> None:
    running, ended = EarlierRun("running", 0), EarlierRun("failed", 0)
    assert why_not(at=9 * DAY, earlier=[running]) == "another retraining of this model is open"
    assert why_not(at=DAY - 1, earlier=[ended]) is not None
    assert why_not(at=DAY, earlier=[ended]) is None
    assert why_not(at=-HOUR, earlier=[ended]) is None


def why_not(cooldown: int = DAY, *, at: int, earlier: list[EarlierRun], **more: Any) -> str | None:
    guards = {name: more.pop(name) for name in ("at_most", "min_labels") if name in more}
    return suppression("retrain", cooldown, parse(guards), Situation(at, earlier, **more))


@pytest.mark.parametrize(
    ("given", "fits"),
    [({"start_by": "2h", "finish_by": "1h"}, False), ({"start_by": "25h"}, False), ({"finish_by": "30m"}, True),
     ({"start_by": "2h", "finish_by": "2h"}, True), ({"start_by": "3d", "finish_by": "4d"}, True)],
)  # fmt: skip
def test_a_run_starts_before_it_has_to_be_over(given: dict[str, str], fits: bool) -> None:
    settings = {"type": "webhook", "url": "https://o.example", **given}
    if fits:
        check_trigger(settings)
        return
    with pytest.raises(BadSetting, match="longer than finish_by") as caught:
        check_trigger(settings)
    assert caught.value.key == "start_by"


def test_guards_say_why_no_retraining_starts() -> None:
    today = [EarlierRun("succeeded", n * HOUR, "retrain") for n in (0, 5, 10)]
    assert "at_most is 3" in str(why_not(HOUR, at=20 * HOUR, earlier=today, at_most=3))
    assert why_not(HOUR, at=24 * HOUR, earlier=today, at_most=3) is None
    others = [EarlierRun("succeeded", 0, "another")]
    assert why_not(HOUR, at=2 * HOUR, earlier=others, at_most=1) is None
    assert "age is missing" in str(why_not(at=0, earlier=[], broken="age is missing"))
    assert "99 rows have labels" in str(why_not(at=0, earlier=[], labelled=99, min_labels=100))
    assert why_not(at=0, earlier=[], labelled=100, min_labels=100) is None


def test_placeholders_are_filled_in_however_deep() -> None:
    given = {"a": "{model}-{version}", "b": [{"c": "{window_end}"}, 3, True, None], "d": "${SECRET} {{ ds }} {{model}}"}
    told = {"model": "m", "version": "v1", "window_end": "2026-01-01T00:00:00Z"}
    filled = fill(given, told)
    assert filled == {"a": "m-v1", "b": [{"c": "2026-01-01T00:00:00Z"}, 3, True, None], "d": given["d"]}
    assert unknown_placeholders(given) == []
    assert unknown_placeholders({"x": [{"y": "{colour} {model}"}]}) == ["colour"]


def test_what_an_orchestrator_repeats_is_masked() -> None:
    settings = {"token": "${TOKEN}", "parameters": {"a": ["${OTHER}"]}}
    said = masked("token abc-123 and def-456 are wrong", settings, {"TOKEN": "abc-123", "OTHER": "def-456"})
    assert said == f"token {MASK} and {MASK} are wrong"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://there.example/runs/7", "https://there.example/runs/7"),
        ("https://ml:hidden-word@there.example:8080/runs/7?a=b", "https://there.example:8080/runs/7?a=b"),
        ("https://there.example/hidden-path/runs/7", None),
        ("https://there.example/runs/abc-123", None),
        ("javascript:alert(1)//https://there.example", None),
        ("https://there.example/" + "x" * 2000, None),
        ("https://there.example:port/", None),
        ("/runs/7", None),
        (None, None),
    ],
)
def test_a_page_is_kept_without_secrets_or_not_at_all(url: str | None, shown: str | None) -> None:
    settings = {"url": "${ADDRESS}", "token": "${TOKEN}"}
    there = {"ADDRESS": "https://ml:hidden-word@there.example/hidden-path", "TOKEN": "abc-123"}
    assert page(url, settings, there) == shown
    assert masked("no hidden-word and no hidden-path", settings, there) == f"no {MASK} and no {MASK}"


def test_polls_are_quick_then_every_minute() -> None:
    assert [poll_wait(n) // SECOND for n in range(8)] == [2, 4, 8, 16, 32, 60, 60, 60]
    assert poll_wait(10_000) == 60 * SECOND
