"""Questions to the store, from the event loop, that are not waited for without end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

from monitor.errors import StoreUnavailable

PATIENCE = 2.0  # seconds
T = TypeVar("T")


async def asked(question: Callable[[], T]) -> T:
    """What a question that blocks answers; raises StoreUnavailable when it does not shortly (its thread goes on)."""
    task = asyncio.ensure_future(run_in_threadpool(question))
    await asyncio.wait({task}, timeout=PATIENCE)
    if not task.done():
        task.add_done_callback(lambda done: done.exception())  # nobody asks for it any more
        raise StoreUnavailable("The store does not answer just now. Try again.")
    return task.result()
