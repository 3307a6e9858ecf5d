"""Make a configuration document so once the orchestrators of its new triggers have been asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.actions import apply_config
from monitor.actions.apply_config import Change
from monitor.actions.check_triggers import check_triggers
from monitor.config.document import Document
from monitor.errors import Invalid
from monitor.service import Service

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Applied:
    """The configuration's ``version`` (None: it was only a plan), what changed, and what could not be checked."""

    version: int | None
    changes: Sequence[Change]
    warnings: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        changes = [change.to_json() for change in self.changes]
        return {"version": self.version, "changes": changes, "warnings": list(self.warnings)}


def apply_checked(service: Service, document: Document, now: int, environment: Mapping[str, str]) -> Applied:
    """``apply_config.apply`` after ``check_triggers`` on the triggers that are new or changed; raises as they do.

    ``environment`` is where ``${NAME}`` is looked up.
    """
    planned = plan_checked(service, document, now, environment)
    version, changes = apply_config.apply(service.database, document, now)
    return Applied(version, changes, planned.warnings)


def plan_checked(service: Service, document: Document, now: int, environment: Mapping[str, str]) -> Applied:
    """What ``apply_checked`` would change; raises as it does."""
    changes = apply_config.plan(service.database, document)
    return Applied(None, changes, check_triggers(service.settings, _fresh(document, changes), environment, now))


def warn_of_triggers(service: Service, document: Document, now: int, environment: Mapping[str, str]) -> None:
    """Say in the log what keeps the document's triggers from working: a service starts all the same."""
    for name, raw in document.triggers.items():
        try:
            warnings = check_triggers(service.settings, {name: raw}, environment, now)
        except Invalid as error:
            warnings = [error.message.removesuffix(" Nothing was changed.")]
        for words in warnings:
            log.warning("trigger", extra={"trigger": name, "problem": words})


def _fresh(document: Document, changes: Sequence[Change]) -> dict[str, Mapping[str, Any]]:
    names = [one.name for one in changes if one.kind == "trigger" and one.what != "unchanged"]
    return {name: document.triggers[name] for name in names}
