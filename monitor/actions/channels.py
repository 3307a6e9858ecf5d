"""The channels: what they are, how they do, a test message now, and a message of the log sent again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from alerting.message import test_body
from alerting.outbound import Outcome, Sending
from alerting.registry import Channel, channel_of, title_of
from alerting.secrets import BadSecret, MissingSecret, masked, resolve, shown
from monitor import clock
from monitor.actions.deliver_messages import policy_of
from monitor.actions.tell_alert import new_message_id
from monitor.delivery.carry import carry
from monitor.errors import Conflict, NotFound
from monitor.service import Service
from monitor.store import channel_states, config, deliveries, locks, outbox

MAX_ANSWER = 300
_SAYS = {"delivered": "delivered", "retry": "not delivered", "give_up": "refused"}


def list_channels(service: Service) -> list[dict[str, Any]]:
    """Every channel by name: its type, settings without secrets, newest message and test, and how many wait or were
    given up."""
    with service.database.read() as connection:
        channels = config.objects(connection, "channel")
        disabled, tests = channel_states.all_disabled(connection), channel_states.newest_tests(connection)
        counted, newest = deliveries.counts(connection), deliveries.newest(connection)
    return [
        {
            "name": name,
            "type": raw.get("type"),
            "title": title_of(raw),
            "settings": shown({key: value for key, value in raw.items() if key != "type"}),
            "disabled_at": clock.render(disabled[name][0]) if name in disabled else None,
            "disabled_because": disabled[name][1] if name in disabled else None,
            "last_delivery": newest.get(name),
            "last_test": _shown_test(tests.get(name), newest.get(name)),
            **{state: counted.get((name, state), 0) for state in ("delivered", "waiting", "given_up")},
        }
        for name, raw in channels.items()
    ]


def try_channel(
    service: Service, name: str, now: Callable[[], int], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Send a message that says it is a test, now and past the outbox; what the receiver answered, without secrets.

    A disabled channel whose receiver takes it is sent to again. Raises NotFound.
    """
    names = os.environ if environment is None else environment
    with service.database.read() as connection:
        raw = config.objects(connection, "channel").get(name)
    channel = None if raw is None else channel_of(raw)
    if raw is None or channel is None:
        raise NotFound(f"There is no channel {name!r}")
    outcome, status, answer = _try(service, name, channel, raw, now, names)
    found = {
        "delivered": outcome.kind == "delivered",
        "result": _SAYS[outcome.kind],
        "status": status,
        "reason": outcome.reason or None,
        "answer": answer,
    }
    with service.database.write(locks.OUTBOX) as connection:
        if outcome.kind == "delivered":
            channel_states.enable(connection, name)
        elif outcome.gone:
            channel_states.disable(connection, name, outcome.reason, now())
        if config.objects(connection, "channel").get(name) == raw:  # else it is another channel by now
            channel_states.note_test(connection, name, found, now())
    return {"channel": name, **found}


def _shown_test(tested: tuple[int, Mapping[str, Any]] | None, last: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The newest test; ``newest``: no message was settled or written since."""
    if tested is None:
        return None
    at, found = tested
    since = last is not None and clock.parse(last["settled_at"] or last["created_at"]) > at
    return {"at": clock.render(at), **found, "newest": not since}


def _try(
    service: Service,
    name: str,
    channel: Channel,
    raw: Mapping[str, Any],
    now: Callable[[], int],
    environment: Mapping[str, str],
) -> tuple[Outcome, int | None, str | None]:
    at = now()
    body = test_body(name, service.settings.public_url, at)
    try:
        outbound = channel.render(body, resolve(raw, environment), Sending(new_message_id(), at))
    except (MissingSecret, BadSecret) as error:
        return Outcome("give_up", str(error)), None, None
    except Exception as error:  # what a setting from the environment does to it; its text may hold a secret
        return Outcome("give_up", f"the message could not be written ({type(error).__name__})"), None, None
    reply = carry(outbound, policy_of(service.settings))
    said = masked(reply.body.decode("utf-8", "replace"), raw, environment).strip()
    return channel.judge(reply, now()), reply.status, " ".join(said.split())[:MAX_ANSWER] or None


def replay_delivery(service: Service, webhook_id: str, now: int) -> dict[str, Any]:
    """Let a message that was delivered or given up go out again, with the same id; the message as the log shows it.

    Raises NotFound, and Conflict for one that is waiting, was dropped, or asked for a retraining.
    """
    with service.database.write(locks.OUTBOX) as connection:
        row = outbox.find(connection, webhook_id)
        if row is None:
            raise NotFound(f"There is no message {webhook_id!r}")
        if row["kind"] != "channel":
            raise Conflict("It asks for a retraining; sent again it might start a second one")
        if row["edits"] is not None:
            raise Conflict("It rewrote another message as things stood then; sent again it would say what may not hold")
        if row["state"] not in (outbox.DELIVERED, outbox.GIVEN_UP):
            raise Conflict(f"The message is {row['state']}; only one that was delivered or given up can go out again")
        outbox.send_again(connection, row["id"], row["state"], now)
        again = outbox.find(connection, webhook_id)
        return outbox.delivery(row if again is None else again)
