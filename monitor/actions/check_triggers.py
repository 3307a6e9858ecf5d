"""Asks orchestrators, before a trigger is saved, whether its job is there, not paused, and takes the parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from alerting.conversation import Problem
from alerting.registry import trigger_of
from alerting.secrets import masked, references, resolve
from monitor.actions.deliver_messages import policy_of
from monitor.delivery.talk import talk
from monitor.errors import Invalid
from monitor.settings import Settings

AT_ONCE = 8


def check_triggers(
    settings: Settings, triggers: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str], now: int
) -> list[str]:
    """Ask about triggers, given by name as they are written; warnings of those that could not be asked.

    Raises Invalid, whose field names the trigger, in the words of an orchestrator that would not start it.
    """
    if not triggers:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(triggers)), thread_name_prefix="check") as pool:
        found = pool.map(lambda raw: problem_of(settings, raw, environment, now), triggers.values())
        problems = {name: problem for name, problem in zip(triggers, found, strict=True) if problem is not None}
    _refuse(problems.items())
    return [f"triggers.{name}: {problem.message}; it was not checked" for name, problem in problems.items()]


def problem_of(settings: Settings, raw: Mapping[str, Any], environment: Mapping[str, str], now: int) -> Problem | None:
    """What keeps a trigger from working, if anything is known to."""
    trigger = trigger_of(raw)
    if trigger is None:
        return None
    missing = [name for name in references(raw) if not environment.get(name)]
    if missing:
        return Problem("", f"{', '.join(missing)} is not set in the environment of this process", unsure=True)
    if trigger.check is None:
        return None
    try:
        problem = talk(trigger.check(resolve(raw, environment), now), policy_of(settings))
    except Exception as error:  # an answer that nobody foresaw; its text may hold a secret
        return Problem("", f"the orchestrator's answer could not be read ({type(error).__name__})", unsure=True)
    return None if problem is None else replace(problem, message=masked(problem.message, raw, environment))


def _refuse(problems: Iterable[tuple[str, Problem]]) -> None:
    for name, problem in problems:
        if not problem.unsure:
            words = f"trigger {name}: {problem.key}: {problem.message.rstrip('.')}. Nothing was changed."
            raise Invalid(words, field=f"triggers.{name}")
