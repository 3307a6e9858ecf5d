"""Slack messages: what they say, and that they stay within Block Kit's limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from alerting.channels import slack
from alerting.outbound import OutboundReply
from tests.alerting.notices import alert, notice, one

GOLDEN = Path(__file__).parents[2] / "golden" / "slack_firing.json"


def check_limits(message: dict[str, Any]) -> None:
    """Slack's own limits, those its library knows and those it does not."""
    assert len(message["blocks"]) <= 50
    assert 0 < len(message["text"]) <= 3000
    parsed = [Block.parse(block) for block in message["blocks"]]
    assert [block.to_dict() for block in parsed if block is not None] == message["blocks"]
    for block in message["blocks"]:
        if block["type"] == "actions":
            assert 1 <= len(block["elements"]) <= 25
            assert all(0 < len(one["text"]["text"]) <= 75 and len(one["value"]) <= 2000 for one in block["elements"])
            continue
        texts = [block["text"], *block.get("fields", [])] if "text" in block else block["elements"]
        limit = {"header": 150, "section": 3000, "context": 2000}[block["type"]]
        assert all(0 < len(text["text"]) <= limit for text in texts)


def test_golden_message() -> None:
    both = notice(
        one(features=2, triggered="retrain was asked for"),
        one("alert.resolved", alert=alert(id="alert-2", rule="worse")),
    )
    assert slack.message(both) == json.loads(GOLDEN.read_text())


def test_two_hundred_features_fit_and_the_rest_is_counted_with_a_link() -> None:
    message = slack.message(notice(one(features=20, total=200)))
    check_limits(message)
    text = message["blocks"][1]["text"]["text"]
    assert text.index("f0:") < text.index("f9:")
    assert "<http://plimsoll.test/alerts/alert-1|and 190 more>" in text


def test_a_hundred_changes_fit() -> None:
    message = slack.message(notice(*[one(features=20, alert=alert(id=f"a{i}")) for i in range(100)]))
    check_limits(message)
    assert "and 80 more changes" in json.dumps(message)


def test_what_people_write_cannot_format_the_message() -> None:
    message = slack.message(notice(one(alert=alert(rule="<!channel> & co", owner="<@U1>"))))
    text = json.dumps([message["text"], *message["blocks"][1:]])  # a header is plain text, which formats nothing
    assert "<!channel>" not in text
    assert "<@U1>" not in text
    assert "&lt;!channel&gt; &amp; co" in text


TEXT = st.text(max_size=300)


@settings(max_examples=30, deadline=None)
@given(TEXT, TEXT, TEXT.filter(bool), st.integers(0, 20), st.integers(1, 30))
def test_whatever_is_in_it_it_is_valid(rule: str, reason: str, model: str, features: int, entries: int) -> None:
    many = [
        one(features=features, reason=reason * 10, alert=alert(rule=rule), triggered=reason) for _ in range(entries)
    ]
    for buttons in ("none", "given", "all"):
        check_limits(slack.message({**notice(*many), "model": model}, buttons=buttons))


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (200, b"ok", "delivered", ""),
        (404, b"no_service", "give_up", "the receiver answered 404: no_service"),
        (400, b"<html>https://secret</html>", "give_up", "the receiver answered 400"),
        (429, b"", "retry", "the receiver answered 429"),
        (503, b"", "retry", "the receiver answered 503"),
    ],
)
def test_replies(status: int, body: bytes, kind: str, reason: str) -> None:
    outcome = slack.judge(OutboundReply(status, {}, body), 0)
    assert (outcome.kind, outcome.reason) == (kind, reason)
