"""From judged readings to alerts: steps the rules, writes the timeline, and puts what is to be told into the outbox.

Everything happens in the caller's transaction: no alert without its message, no message without its alert.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from alerting.episode import AlertState, Episode, JudgedWindow, Transition
from alerting.muting import Silence, silencing
from alerting.plan import Change, is_told, plan
from alerting.reading import Reading, to_json
from alerting.registry import channel_of
from alerting.rules import Rule
from alerting.state import headline, step
from monitor.actions.request_retraining import request_retraining
from monitor.store import alerts as store
from monitor.store.alerts import StateKey
from monitor.store.outbox import enqueue
from monitor.store.silences import active_silences
