"""Go, no-go or cannot tell: the verdict on a model, or on one of its versions beside another, for other systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monitor.actions import models as known_models
from monitor.actions.compare_versions import Beside, beside
from monitor.actions.describe import Health, firing, health
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import marks, models
from monitor.store.database import Connection
from monitor.store.models import Model

TOO_FEW_WINDOWS = "too_few_windows"


@dataclass(frozen=True)
class Asked:
    """Of which version; beside which other, in the last ``hours``; after how many measured windows at least."""

    version: str | None = None
    against: str | None = None
    hours: int = 24
    at_least_windows: int = 0


def verdict(service: Service, name: str, asked: Asked, *, as_of: int, now: int) -> tuple[Health, Beside | None]:
    """The health, and what the comparison found where there was one.

    Beside another version, what is judged is the difference and the version's own alerts: those of all rows together
    meet the stable version as well. Raises NotFound for an unknown model, Invalid for what cannot be asked.
    """
    if asked.against is not None and asked.version is None:
        raise Invalid("against needs a version to compare with it", field="version")
    found = None
    if asked.against is not None and asked.version is not None:
        found = beside(service, name, asked.version, asked.against, hours=asked.hours, as_of=as_of, now=now)
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        if asked.at_least_windows and _windows(connection, model, asked.version, as_of) < asked.at_least_windows:
            return Health("unknown", (TOO_FEW_WINDOWS,), None, as_of), found
        if found is None:
            return health(connection, model, as_of, asked.version), None
        return _with_alerts(connection, model, asked.version, as_of, found), found


def _with_alerts(connection: Connection, model: Model, version: str | None, as_of: int, found: Beside) -> Health:
    own = [one for one in firing(connection, model, as_of, version) if one.version == version]
    reasons = (*(one.summary for one in own), *found.reasons)
    if any(one.severity == "critical" for one in own) or found.status == "unhealthy":
        return Health("unhealthy", reasons, None, as_of)
    if found.status == "unknown":
        return Health("unknown", found.reasons, None, as_of)
    return Health("degraded" if own else found.status, reasons, None, as_of)


def _windows(connection: Connection, model: Model, version: str | None, as_of: int) -> int:
    """How many windows were measured that end after the version's first prediction."""
    first = model.oldest_prediction or 0
    if version is not None:
        first = min((one.first_prediction for one in models.list_versions(connection, model.id)
                     if one.version == version), default=as_of)  # fmt: skip
    return marks.windows_since(connection, model.id, first, as_of)


def sentence(name: str, asked: Asked, found: Health) -> str:
    """One line, for the event log of whoever asked."""
    who = name if asked.version is None else f"{name} version {asked.version}"
    who = who if asked.against is None else f"{who} beside version {asked.against}"
    why = "; ".join(found.reasons[:3]) + (f" (and {len(found.reasons) - 3} more)" if len(found.reasons) > 3 else "")
    return f"{who} is {found.status}" + (f": {why}" if why else "")


def to_json(asked: Asked, found: Health, compared: Beside | None) -> dict[str, Any]:
    """The body of a health; the comparison's part only where one was asked for."""
    if compared is None:
        return found.to_json()
    return {**found.to_json(), "version": asked.version, "against": asked.against, **compared.to_json()}
