"""Channel ``apprise``: any service that Apprise knows; one message per model and run, accepted or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from alerting import options, telling
from alerting.outbound import OutboundNotice, OutboundReply, Outcome, Sending, judge_by_status
from alerting.telling import cut

MAX_TITLE = 200
MAX_TEXT = 30_000
KINDS: Mapping[str, Literal["failure", "warning", "success", "info"]] = {
    "critical": "failure",
    "warning": "warning",
    "resolved": "success",
    "test": "info",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is the service's address as Apprise writes them; it holds the service's secrets and is one by itself."""

    url: str | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("url",))
        if find_spec("apprise") is None:
            raise options.BadSetting("type", "apprise needs the extra apprise: pip install 'plimsoll[apprise]'")
        return cls(options.secret(raw, "url"))


def render(body: Mapping[str, Any], settings: Mapping[str, Any], _sending: Sending) -> OutboundNotice:
    """The notice for a neutral body; ``settings`` are resolved."""
    text = telling.plain(body, MAX_TEXT)
    kind = KINDS[telling.worst_mood(body)]
    return OutboundNotice(settings["url"], cut(telling.title(body), MAX_TITLE), text, kind)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """Accepted, or not: then it is tried again, as nobody says why."""
    if reply.status == 400 and reply.error:
        return Outcome("give_up", reply.error)
    return judge_by_status(reply, now)
