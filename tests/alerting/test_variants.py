"""What other rules would have fired over the same readings."""

from __future__ import annotations

from alerting.reading import Reading
from alerting.rules import Rule
from alerting.variants import episodes, variants
from alerting.words import DAY
from tests.alerting.make import reading

RULE = Rule("drift", "data_drift")


def days(*verdicts: str, version: str | None = None) -> list[Reading]:
    return [reading(verdict, end=(day + 1) * DAY, version=version) for day, verdict in enumerate(verdicts)]


def test_each_variant_is_stepped_on_its_own() -> None:
    found = days("ok", "warning", "critical", "ok", "ok", "warning", "ok", "ok")
    counted = {(one.rule.at, one.rule.for_, one.rule.among): len(one.fired) for one in variants(RULE, found)}
    assert counted == {
        ("warning", 1, None): 2,
        ("warning", 2, None): 1,
        ("warning", 3, None): 0,
        ("warning", 3, 5): 1,
        ("critical", 1, None): 1,
        ("critical", 2, None): 0,
        ("critical", 3, None): 0,
        ("critical", 3, 5): 0,
    }
    assert [one.current for one in variants(RULE, found)] == [True] + [False] * 7


def test_an_episode_has_its_span_and_its_worst() -> None:
    (one,) = episodes(RULE, reversed(days("warning", "critical", "ok", "ok", "ok")))
    assert (one.severity, one.since, one.until) == ("critical", DAY, 4 * DAY)
    (open_,) = episodes(RULE, days("ok", "warning"))
    assert (open_.severity, open_.since, open_.until) == ("warning", 2 * DAY, None)


def test_versions_are_apart() -> None:
    found = [*days("warning", version="a"), *days("ok", "warning", version="b")]
    assert [(one.version, one.since) for one in episodes(RULE, found)] == [("a", DAY), ("b", 2 * DAY)]
