"""A running service at PLIMSOLL_URL, for commands that would rather not touch its store."""

from __future__ import annotations

import os
from typing import Any

import httpx

from monitor.errors import Invalid, PlimsollError, StoreUnavailable

TIMEOUT = 600.0


def service_url() -> str | None:
    """Where the service is, if the environment names one."""
    return os.environ.get("PLIMSOLL_URL", "").rstrip("/") or None


def call(method: str, path: str, **request: Any) -> Any:
    """The service's answer.

    Raises PlimsollError in the service's own words when it refuses, StoreUnavailable when it cannot be reached.
    """
    url = service_url()
    assert url is not None
    key = os.environ.get("PLIMSOLL_KEY")
    headers = {**request.pop("headers", {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        answer = httpx.request(method, f"{url}{path}", headers=headers, **{"timeout": TIMEOUT, **request})
    except httpx.HTTPError as error:
        raise StoreUnavailable(f"No answer from {url}: {error}") from error
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if answer.status_code == 422 and "rejected" in body:
        return body  # rows were looked at, one by one
    if answer.status_code >= 400 and "error" in body:
        raise Invalid(body["error"]["message"], field=body["error"].get("field"), code=body["error"]["code"])
    if answer.status_code >= 400:
        raise PlimsollError(f"{url} answered {answer.status_code}")
    return body
