"""What a rewritten message shows: the newest evidence, without what broken data hid."""

from __future__ import annotations

from typing import Any

from alerting.channels import discord
from alerting.message import body, entry
from alerting.reading import as_evidence
from alerting.standing import Reply, Standing, as_it_stands, evidence_of
from tests.alerting import notices
from tests.alerting.make import MIDNIGHT, reading

ALERT = notices.alert()


def line(number: int, reason: str, *found: tuple[str, str], **details: Any) -> dict[str, Any]:
    """An entry of a timeline."""
    readings = [as_evidence(reading(verdict, feature)) for feature, verdict in found]
    return {"id": number, "at": MIDNIGHT, "reason": reason, "readings": readings, "details": details}


FIRED = line(1, "it fired", ("temp", "warning"), ("wind", "warning"), series=2)
RAISED = line(4, "from warning to critical", ("temp", "critical"), ("wind", "critical"), series=7)


def features(found: Any) -> list[str]:
    return [one["feature"] for one in found.readings]


def test_the_newest_entry_with_evidence_counts() -> None:
    alert = ALERT
    found = evidence_of(alert, {"firing": FIRED, "raised": RAISED, "resolved": line(9, "by hand")})
    assert found is not None
    assert (found.reason, found.total, found.type) == ("from warning to critical", 7, "alert.firing")
    assert evidence_of(alert, {"resolved": line(9, "by hand")}) is None


def test_what_broken_data_hid_is_left_out() -> None:
    half = {**RAISED, "details": {"series": 7, "told": 1, "hidden": [["ks", "wind"]]}}
    found = evidence_of(ALERT, {"firing": FIRED, "raised": half})
    assert found is not None
    assert (features(found), found.total) == (["temp"], 1)
    whole = {**RAISED, "details": {"series": 7, "told": 0, "hidden": [["ks", "wind"], ["ks", "temp"]]}}
    before = evidence_of(ALERT, {"firing": FIRED, "raised": whole})
    assert before is not None
    assert (features(before), before.reason) == (["temp", "wind"], "it fired")


def test_an_alert_about_missing_data_shows_that_until_it_fires() -> None:
    missing = line(2, "no data of temp", ("temp", "cannot_tell"))
    quiet = evidence_of({**ALERT, "fired_at": None}, {"data_missing": missing})
    assert quiet is not None
    assert quiet.type == "alert.no_data"
    fires = evidence_of(ALERT, {"data_missing": missing, "firing": FIRED})
    assert fires is not None
    assert (fires.type, fires.reason) == ("alert.firing", "it fired")


def test_a_channel_without_buttons_says_what_was_answered_too() -> None:
    asked = [{"action": "plimsoll.approve", "value": "run-1", "text": "Approve"}]
    alert = ALERT
    question = entry("retraining.approval", alert, [], public_url="http://p.test", reason="it waits", buttons=asked)
    told = body("flight-delays", MIDNIGHT, [question])
    assert as_it_stands(told, {}, {"run-2": Reply("denied", "denied by Ada")})["entries"] == [question]
    after = as_it_stands(told, {"alert-1": Standing(alert)}, {"run-1": Reply("denied", "denied by Ada")})
    (embed,) = discord.message(after)["embeds"]
    assert "which was denied" in embed["description"]
    assert "Denied by Ada" in embed["description"]
    assert "it waits" not in embed["description"]
