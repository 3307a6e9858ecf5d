"""Every channel and every trigger, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting import chat_webhook, guards
from alerting.channels import alertmanager, apprise, discord, email, mattermost, pagerduty, slack, teams
from alerting.channels import webhook as webhook_channel
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, Started
from alerting.options import BadSetting
from alerting.outbound import Outbound, OutboundReply, Outcome, Sending
from alerting.routing import COMMON, Route, Threading, parse_only, parse_quiet
from alerting.triggers import airflow, argo, dagster, databricks, github, kubeflow, kubernetes, prefect
from alerting.triggers import webhook as webhook_trigger


@dataclass(frozen=True, slots=True)
class Repeats:
    """``every`` and ``ended_for`` in microseconds."""

    every: int
    ended_for: int


@dataclass(frozen=True, slots=True)
class Channel:
    """``one_by_one``: each transition is a message of its own; else one message per model and run lists them all.

    ``threading``, by settings: how later changes of an alert answer the message that told of it (``routing.Route``).
    ``edits``, by settings: one with ``Sending.edits`` rewrites that message so that it shows how things stand. For both
    ``judge`` gives a receipt to keep. ``acknowledges``: it takes word that somebody looks after an alert.
    ``repeats``: how often it has to hear that an alert still fires, and for how long that it is over; None for never.
    ``besides``: what else is sent for a message, in order, once its receiver took what ``render`` made.
    """

    title: str
    parse: Callable[[Mapping[str, Any]], object]
    render: Callable[[Mapping[str, Any], Mapping[str, Any], Sending], Outbound]
    judge: Callable[[OutboundReply, int], Outcome]
    one_by_one: bool
    threading: Callable[[Mapping[str, Any]], Threading] = lambda _settings: "none"
    edits: Callable[[Mapping[str, Any]], bool] = lambda _settings: False
    acknowledges: bool = False
    repeats: Repeats | None = None
    besides: Callable[[Mapping[str, Any], Mapping[str, Any], Sending], Sequence[Outbound]] = lambda *_given: ()


@dataclass(frozen=True, slots=True)
class Trigger:
    """``start`` asks for a run; ``follow`` asks how far it is (None: it only reports by itself); ``check`` asks, when
    the trigger is saved, whether its job exists, is not paused and takes the parameters (None: nothing to ask)."""

    title: str
    parse: Callable[[Mapping[str, Any]], object]
    start: Callable[[Asked, Mapping[str, Any]], Conversation[Answer]]
    follow: Callable[[Started, Mapping[str, Any], int], Conversation[Progress]] | None = None
    check: Callable[[Mapping[str, Any], int], Conversation[Problem | None]] | None = None


CHANNELS: Mapping[str, Channel] = {
    "slack": Channel(
        "Slack",
        slack.Settings.parse,
        slack.render,
        slack.judge,
        one_by_one=False,
        threading=slack.threading,
        edits=slack.edits,
    ),
    "discord": Channel(
        "Discord", chat_webhook.Settings.parse, discord.render, discord.judge, one_by_one=False, edits=discord.edits
    ),
    "mattermost": Channel(
        "Mattermost", chat_webhook.Settings.parse, mattermost.render, mattermost.judge, one_by_one=False
    ),
    "teams": Channel("Microsoft Teams", chat_webhook.Settings.parse, teams.render, teams.judge, one_by_one=False),
    "email": Channel(
        "E-mail", email.Settings.parse, email.render, email.judge, one_by_one=False, threading=email.threading
    ),
    "pagerduty": Channel(
        "PagerDuty",
        pagerduty.Settings.parse,
        pagerduty.render,
        pagerduty.judge,
        one_by_one=True,
        acknowledges=True,
        besides=pagerduty.besides,
    ),
    "alertmanager": Channel(
        "Alertmanager",
        alertmanager.Settings.parse,
        alertmanager.render,
        alertmanager.judge,
        one_by_one=True,
        repeats=Repeats(alertmanager.EVERY, alertmanager.ENDED_FOR),
    ),
    "webhook": Channel(
        "Webhook", webhook_channel.Settings.parse, webhook_channel.render, webhook_channel.judge, one_by_one=True
    ),
    "apprise": Channel("Apprise", apprise.Settings.parse, apprise.render, apprise.judge, one_by_one=False),
}

TRIGGERS: Mapping[str, Trigger] = {
    "airflow": Trigger("Apache Airflow", airflow.Settings.parse, airflow.start, airflow.follow, airflow.check),
    "argo": Trigger("Argo Workflows", argo.Settings.parse, argo.start, argo.follow, argo.check),
    "dagster": Trigger("Dagster", dagster.Settings.parse, dagster.start, dagster.follow, dagster.check),
    "databricks": Trigger(
        "Databricks", databricks.Settings.parse, databricks.start, databricks.follow, databricks.check
    ),
    "github": Trigger("GitHub Actions", github.Settings.parse, github.start, github.follow, github.check),
    "kubeflow": Trigger("Kubeflow Pipelines", kubeflow.Settings.parse, kubeflow.start, kubeflow.follow, kubeflow.check),
    "kubernetes": Trigger(
        "Kubernetes Job", kubernetes.Settings.parse, kubernetes.start, kubernetes.follow, kubernetes.check
    ),
    "prefect": Trigger("Prefect", prefect.Settings.parse, prefect.start, prefect.follow, prefect.check),
    "webhook": Trigger("Webhook", webhook_trigger.Settings.parse, webhook_trigger.start, webhook_trigger.follow),
}


def check_channel(raw: Mapping[str, Any]) -> None:
    """Raise BadSetting, whose ``key`` names the setting, unless the settings make a channel."""
    own = {key: value for key, value in raw.items() if key not in COMMON}
    _check(own, {key: channel.parse for key, channel in CHANNELS.items()})
    parse_only(raw)
    parse_quiet(raw)


def check_trigger(raw: Mapping[str, Any]) -> None:
    """Raise BadSetting, whose ``key`` names the setting, unless the settings make a trigger."""
    _check(raw, {key: _guarded(trigger.parse) for key, trigger in TRIGGERS.items()})


def channel_of(raw: Mapping[str, Any]) -> Channel | None:
    """The channel that settings are for, or None."""
    return CHANNELS.get(str(raw.get("type")))


def title_of(raw: Mapping[str, Any]) -> str | None:
    """What people call the channel that settings are for, or None; a webhook with a secret is a signed one."""
    channel = channel_of(raw)
    signed = "Signed webhook" if raw.get("type") == "webhook" and raw.get("secret") else None
    return None if channel is None else signed or channel.title


def trigger_of(raw: Mapping[str, Any]) -> Trigger | None:
    """The trigger that settings are for, or None."""
    return TRIGGERS.get(str(raw.get("type")))


def _guarded(parse: Callable[[Mapping[str, Any]], object]) -> Callable[[Mapping[str, Any]], object]:
    """A trigger's own settings are read without those that all have."""

    def read(raw: Mapping[str, Any]) -> object:
        guards.check(raw)
        return parse(guards.without(raw))

    return read


def route_of(raw: Mapping[str, Any]) -> Route | None:
    """What the plan has to know of the channel that settings are for, None where they are for none."""
    channel = channel_of(raw)
    if channel is None:
        return None
    threading, edits = channel.threading(raw), channel.edits(raw)
    return Route(channel.one_by_one, threading, edits, parse_only(raw), parse_quiet(raw))


def _check(raw: Mapping[str, Any], types: Mapping[str, Callable[[Mapping[str, Any]], object]]) -> None:
    parse = types.get(str(raw.get("type")))
    if parse is None:
        raise BadSetting("type", f"type is {raw.get('type')!r}; there are {', '.join(types)}")
    parse(raw)
