"""Room for bodies: what is refused leaves nothing."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest
from starlette.types import Message, Receive

from monitor.api import bodies
from monitor.api.posting import take_in
from monitor.errors import Full
from monitor.service import Service
from tests.monitor.api.serving import ingest_app

SIZE, PART, TIMES = 1 << 20, 1 << 16, 20


@pytest.mark.one_engine
def test_a_body_that_found_no_place_of_work_is_not_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LONGEST", 0.01)
    asyncio.run(refuse(service))


async def refuse(service: Service) -> None:
    app = ingest_app(service)
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "app": app,
    }

    def sent() -> Receive:
        parts = iter([True] * (SIZE // PART - 1) + [False])

        async def receive() -> Message:
            return {"type": "http.request", "body": b" " * PART, "more_body": next(parts)}

        return receive

    gc.collect()
    gc.disable()  # it seldom comes in a service
    tracemalloc.start()
    try:
        async with bodies.room_of(app.state).desk("other", "c", 2 * app.state.service.settings.max_body):
            for _ in range(TIMES):
                with pytest.raises(Full):
                    await take_in(scope, sent(), "m", "predictions")
        assert tracemalloc.get_traced_memory()[0] < TIMES * SIZE / 2
    finally:
        tracemalloc.stop()
        gc.enable()
