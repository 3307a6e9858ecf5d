"""Whom a channel is for, when it wants quiet, and which thread a change belongs into."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.options import BadSetting
from alerting.plan import Change, plan
from alerting.routing import Only, Quiet, Route, heard_by, parse_only, parse_quiet
from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from tests.alerting.notices import alert


def quiet(start: str, end: str, zone: str = "UTC", **more: Any) -> Quiet:
    found = parse_quiet({"quiet": {"from": start, "to": end, "timezone": zone, **more}})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (("22:00", "07:00"), "2026-03-10T21:59:59Z", None),
        (("22:00", "07:00"), "2026-03-10T22:00:00Z", "2026-03-11T07:00:00Z"),
        (("22:00", "07:00"), "2026-03-11T06:59:59Z", "2026-03-11T07:00:00Z"),
        (("22:00", "07:00"), "2026-03-11T07:00:00Z", None),
        (("12:00", "13:30"), "2026-03-10T12:30:00Z", "2026-03-10T13:30:00Z"),
        (("12:00", "13:30"), "2026-03-10T11:30:00Z", None),
        (("22:00", "07:00", "Europe/Berlin"), "2026-01-10T21:30:00Z", "2026-01-11T06:00:00Z"),
        (("22:00", "07:00", "Europe/Berlin"), "2026-07-10T20:30:00Z", "2026-07-11T05:00:00Z"),
        (
            ("22:00", "07:00", "Europe/Berlin"),
            "2026-03-28T22:00:00Z",
            "2026-03-29T05:00:00Z",
        ),  # an hour less that night
        (("22:00", "07:00", "Europe/Berlin"), "2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"),  # an hour more
        (("22:00", "07:00", "Asia/Kolkata"), "2026-03-10T16:30:00Z", "2026-03-11T01:30:00Z"),
    ],
)
def test_quiet_goes_by_the_clocks_of_its_zone(hours: tuple[str, ...], now: str, until: str | None) -> None:
    found = quiet(*hours).until(clock.parse(now))
    assert (None if found is None else clock.render(found)) == until


@given(
    st.integers(0, 86_399),
    st.integers(0, 86_399),
    st.integers(0, 365 * 86_400),
    st.sampled_from(["UTC", "Europe/Berlin"]),
)
def test_when_the_quiet_ends_none_holds(start: int, end: int, at: int, zone: str) -> None:
    if start == end:
        return

    def written(second: int) -> str:
        return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"

    found, now = quiet(written(start), written(end), zone), clock.parse("2026-01-01T00:00:00Z") + at * SECOND
    until = found.until(now)
    if until is not None:
        assert now < until <= now + DAY + HOUR
        assert found.until(until) is None
        assert found.until(until - SECOND) == until or until - SECOND < now


def test_what_is_worse_than_the_quiet_does_not_wait() -> None:
    night = clock.parse("2026-03-10T23:00:00Z")
    route = Route(False, quiet=quiet("22:00", "07:00"))
    assert route.not_before(["warning"], night) == clock.parse("2026-03-11T07:00:00Z")
    assert route.not_before(["warning", "critical"], night) is None
    assert Route(False, quiet=quiet("22:00", "07:00", severity="critical")).not_before(["critical"], night) is not None
    assert Route(False).not_before(["warning"], night) is None


def test_a_channel_hears_what_fits_all_that_it_asks_for() -> None:
    routes = {"all": Route(False), "some": Route(False, only=parse_only({"only": {"models": ["m"], "owners": ["o"]}}))}
    names = ("some", "all", "gone")
    assert heard_by(names, routes, alert(model="m", owner="o")) == ("some", "all")
    assert heard_by(names, routes, alert(model="m", owner=None)) == ("all",)
    assert Only(segments=("origin",)).takes(alert(segment=None)) is False
    assert Only(segments=("a=b",)).takes(alert(segment="a=b=c"))  # a column may be named so


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"only": {"severity": "bad"}}, "only.severity"),
        ({"only": {"severity": ["warning"]}}, "only.severity"),
        ({"only": {"segments": ["=JFK"]}}, "only.segments"),
        ({"only": {"models": [""]}}, "only.models"),
        ({"quiet": {"from": "22:00", "to": "07:00", "severity": "ok"}}, "quiet.severity"),
    ],
)
def test_what_no_alert_can_have_is_refused_by_name(raw: dict[str, Any], key: str) -> None:
    parse = parse_only if "only" in raw else parse_quiet
    with pytest.raises(BadSetting) as caught:
        parse(raw)
    assert caught.value.key == key


def messages(route: Route, *changes: Change, **roots: int) -> list[tuple[list[str], int | None]]:
    known = {("it", name): key for name, key in roots.items()}
    made = plan(changes, model="m", at=0, public_url="", routes={"it": route}, model_lane="model 1", roots=known)
    assert len({message.lane for message in made}) <= 1 or route.one_by_one
    return [([one["alert"]["id"] for one in message.body["entries"]], message.thread_of) for message in made]


def change(name: str, kind: str = "raised") -> Change:
    return Change(kind, alert(id=name), ("it",), told=True)


def test_changes_go_into_the_threads_they_belong_to() -> None:
    changes = (change("a"), change("b"), change("c"), change("new", "firing"))
    known = {"a": 1, "b": 2, "c": 1}
    assert messages(Route(False, "split"), *changes, **known) == [(["a", "c"], 1), (["b"], 2), (["new"], None)]
    assert messages(Route(False, "whole"), *changes, **known) == [(["a", "b", "c", "new"], None)]
    assert messages(Route(False, "whole"), *changes[:3], **known) == [(["a", "b", "c"], 1)]
    assert messages(Route(False, "none"), *changes[:2], **known) == [(["a", "b"], None)]
    assert messages(Route(True, "split"), *changes[:2], **known) == [(["a"], 1), (["b"], 2)]
