"""The ingest routes on a real socket."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from monitor.api import labels, predictions, quarantine
from monitor.errors import Full, Overloaded, PlimsollError
from monitor.service import Service
from tests.monitor.posting import NOW


def ingest_app(service: Service) -> FastAPI:
    app = FastAPI()
    app.state.service, app.state.clock = service, lambda: NOW
    for module in (predictions, labels, quarantine):
        app.include_router(module.router)

    @app.exception_handler(PlimsollError)
    async def told(_request: Request, error: PlimsollError) -> JSONResponse:
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Overloaded | Full) else {}
        return JSONResponse(error.body(), error.status, headers)

    return app


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of a server that runs the app until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
