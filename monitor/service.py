"""Everything an action or a route needs of the world, as one argument."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.settings import Settings
from monitor.store.database import Database
from monitor.store.observations.base import Observations


@dataclass(frozen=True)
class Service:
    """Settings of the process, its store, and where its predictions and labels are."""

    settings: Settings
    database: Database
    observations: Observations
