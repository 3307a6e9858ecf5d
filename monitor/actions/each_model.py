"""Work on one model of several."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from monitor.errors import StoreUnavailable
from monitor.service import Service

log = logging.getLogger(__name__)


@contextlib.contextmanager
def by_itself(service: Service, model: str, what: str) -> Iterator[None]:
    """What one model runs into is logged and does not keep the others waiting. Raises StoreUnavailable where the store
    is away from all."""
    with service.database.gone_on():
        try:
            yield
        except StoreUnavailable:
            raise
        except Exception as error:
            log.exception("%s failed", what, extra={"model": model, "error": str(error)})
