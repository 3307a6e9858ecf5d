"""Starting a retraining: whether one may start, its key, and the states of its run."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from alerting.words import duration

OPEN_STATES = ("requested", "sent", "accepted", "running")
END_STATES = ("succeeded", "failed", "cancelled", "stuck", "refused", "unknown")
WENT_WRONG = ("failed", "stuck", "refused", "unknown")
REPORTABLE = ("running", "succeeded", "failed")


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A retraining run of the same model; ``as_of`` is the time of the run that asked for it."""

    state: str
    as_of: int


def suppression(cooldown: int, at: int, earlier: Sequence[EarlierRun]) -> str | None:
    """Why no run of a model may be started now, or None: never two at once, at most one per cooldown, whoever asks."""
    if any(run.state in OPEN_STATES for run in earlier):
        return "another retraining of this model is open"
    recent = [run.as_of for run in earlier if 0 <= at - run.as_of < cooldown]
    if recent:
        return f"the last one was asked for less than the cooldown of {duration(cooldown)} ago"
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
