"""Starting a retraining: whether one may start, its key, and the states of its run."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from alerting.guards import Guards
from alerting.words import DAY, duration

OPEN_STATES = ("requested", "sent", "accepted", "running")
FOLLOWED_STATES = ("accepted", "running")  # an orchestrator has them, and can be asked
END_STATES = ("succeeded", "failed", "cancelled", "stuck", "refused", "unknown")
WENT_WRONG = ("failed", "cancelled", "stuck", "refused", "unknown")
DRY_RUN = "dry run: nobody was asked"
REPORTABLE = ("running", "succeeded", "failed")


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A retraining run of the same model; ``as_of`` is the time of the run that asked for it."""

    state: str
    as_of: int
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a model when a retraining is asked for at ``at``: the runs before; ``labelled`` rows within the
    label horizon (None: not counted); ``broken``, what an open alert says of its data."""

    at: int
    earlier: Sequence[EarlierRun]
    labelled: int | None = None
    broken: str | None = None


def suppression(trigger: str, cooldown: int, guards: Guards, now: Situation) -> str | None:
    """Why no run of a model may be started now, or None: never two at once, at most one per cooldown, whoever asks, and
    what the trigger's guards want."""
    if any(run.state in OPEN_STATES for run in now.earlier):
        return "another retraining of this model is open"
    if any(0 <= now.at - run.as_of < cooldown for run in now.earlier):
        return f"the last one was asked for less than the cooldown of {duration(cooldown)} ago"
    today = sum(run.trigger == trigger and 0 <= now.at - run.as_of < DAY for run in now.earlier)
    if guards.at_most is not None and today >= guards.at_most:
        return f"it was asked for {today} times within a day, and at_most is {guards.at_most}"
    if now.broken is not None:
        return f"the data are broken, and a model trained on them would be too: {now.broken}"
    if now.labelled is not None and now.labelled < guards.min_labels:
        return f"{now.labelled:,} rows have labels, and min_labels is {guards.min_labels:,}"
    return None


def idempotency_key(model: str, rule: str, alert_id: str, attempt: int = 1) -> str:
    """The same for the same episode and attempt; ``[a-z0-9-]``, 49 characters, which fits every orchestrator."""
    digest = hashlib.sha256(f"{model}\0{rule}\0{alert_id}\0{attempt}".encode()).hexdigest()
    return f"retrain-{digest[:40]}"


def callback_token(secret: bytes, run_id: str) -> str:
    """The run's own token, derived so that it need not be stored in clear."""
    return hmac.new(secret, f"trigger-run {run_id}".encode(), hashlib.sha256).hexdigest()


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
