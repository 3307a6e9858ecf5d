"""The whole application, called in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from monitor.api.app import create_app
from monitor.service import Service


@dataclass
class Api:
    """``now`` is the time that the application sees; ``key`` goes with every call."""

    service: Service
    now: int
    key: str | None = None
    host: str = "127.0.0.1:8000"
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.service, lambda: self.now)

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **given: Any) -> httpx.Response:
        own = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{self.host}") as client:
                return await client.request(method, path, headers={**own, **(headers or {})}, **given)

        return asyncio.run(send())

    def get(self, path: str, **params: str) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()
