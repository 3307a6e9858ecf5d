"""What programs are told of one alert: PagerDuty's incidents, and webhooks within their size."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from alerting.channels import pagerduty
from alerting.channels import webhook as channel
from alerting.conversation import Asked
from alerting.outbound import OutboundRequest, Sending
from alerting.triggers import webhook as trigger
from tests.alerting.notices import alert, notice, one

SENDING = Sending("msg_1", 0)
SETTINGS = {"url": "https://receiver.example/hook"}
RUN = {"id": "run-1", "idempotency_key": "retrain-1", "callback_url": "http://plimsoll.test/v1/trigger-runs/run-1"}
GOLDEN = Path(__file__).parents[2] / "golden" / "channels" / "pagerduty-raised.json"


def told(kind: str, entry: dict[str, Any]) -> OutboundRequest:
    if kind == "channel":
        return channel.render(notice(entry), SETTINGS, SENDING)
    return next(trigger.start(Asked("retrain-1", "msg_1", 0, 1, notice(entry), RUN, {}), SETTINGS))


@pytest.mark.parametrize("kind", ["channel", "trigger"])
def test_a_webhook_with_500_features_is_small_and_counts_what_it_leaves_out(kind: str) -> None:
    """Names as long as they may be, of letters that take three bytes each; the worst readings come first."""
    entry = one(features=20, total=500)
    for i, item in enumerate(entry["readings"]):
        item["feature"] = f"{i:03}{'価' * 190}"
        item["details"] = {"summary": f"{item['feature']}: 12 % of rows moved", "value": float("nan")}
    entry["alert"]["reasons"] = [item["details"]["summary"] for item in entry["readings"]]
    body = told(kind, entry).body
    assert 17_000 < len(body) <= 20_000
    data = json.loads(body)["data"]
    assert data["total"] == 500
    assert 4 < len(data["readings"]) == len(data["alert"]["reasons"]) < 20
    assert [item["feature"][:3] for item in data["readings"]] == [f"{i:03}" for i in range(len(data["readings"]))]


def test_golden_events_of_an_incident_that_was_raised() -> None:
    """``GOLDEN=write`` in the environment writes them anew; look at the difference before committing it."""
    raised = alert(severity="critical", details={"raised": True})
    events: list[Any] = []
    for entry in (
        one(alert=raised, raised=True),
        one("alert.reminder", alert=raised),
        one("alert.acknowledged", alert=raised),
        one("alert.resolved", alert=raised),
    ):
        given = notice(entry), {"routing_key": "a-key"}, SENDING
        events += [json.loads(each.body) for each in (pagerduty.render(*given), *pagerduty.besides(*given))]
    text = json.dumps(events, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")
