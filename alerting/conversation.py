"""What is said to an orchestrator, as data: each side of a talk is a generator that yields requests and takes replies.

A connector writes what it would say; ``monitor.delivery.talk`` says it. So the whole of a connector is a pure function
of settings and replies, and a repeat of a talk is harmless because its ``key`` is the same.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from alerting.outbound import OutboundReply, OutboundRequest

T = TypeVar("T")
Conversation = Generator[OutboundRequest, OutboundReply, T]

AnswerKind = Literal["accepted", "duplicate", "refused", "retry", "unknown"]
RunState = Literal["accepted", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A retraining as it is asked for, the same on every attempt but for ``now`` (wall time, microseconds).

    ``key`` is 32 to 63 characters of ``[a-z0-9-]``. ``body`` is the neutral message with one entry; ``fields`` fills in
    the placeholders of parameters: model, version, alert, window_start, window_end, data_url, summary. ``trigger_run``
    is {id, idempotency_key, callback_url}. ``doubts`` counts the earlier attempts that may have arrived though no
    answer came.
    """

    key: str
    webhook_id: str
    now: int
    doubts: int
    body: Mapping[str, Any]
    trigger_run: Mapping[str, Any]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an orchestrator's answer means.

    ``accepted``: it will run, as ``external_id`` where it says so. ``duplicate``: the run of this key was there before.
    ``refused``: asking again would not help; ``reason`` in the orchestrator's own words. ``retry``: ask again, not
    before ``after`` microseconds; ``doubt``: this attempt may have arrived all the same. ``unknown``: it may have
    started one, and asking again might start another.
    """

    kind: AnswerKind
    reason: str = ""
    external_id: str | None = None
    url: str | None = None
    after: int | None = None
    status: int | None = None
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A run that is to be followed: its key and what the orchestrator calls it."""

    key: str
    external_id: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. ``state`` None: it cannot be told now, and ``reason`` says why; the next poll asks again.
    Neither: there is nobody to ask, and no poll comes any more. ``version`` that the run makes, where it says so."""

    state: RunState | None
    reason: str = ""
    url: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a trigger cannot work, found before it is saved. ``key`` names the setting at fault.

    ``unsure``: the orchestrator could not be asked, which is said and refuses nothing.
    """

    key: str
    message: str
    unsure: bool = False
