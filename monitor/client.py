"""Log predictions and labels from a serving process: in the background, in batches, without ever failing it.

    from monitor.client import Client

    plimsoll = Client("http://127.0.0.1:8000", "flight-delays")
    plimsoll.predict(features={"temp": 71.6, "carrier": "UA"}, prediction=1, probability=0.83, id="ua-1545")
    plimsoll.label("ua-1545", 1)

Needs the standard library and httpx, nothing else of this distribution.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import httpx

log = logging.getLogger(__name__)

_Kind = Literal["predictions", "labels"]
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Client:
    """Sends records of one model. Calls put them into a bounded queue and return at once; a thread of its own sends
    them in batches and tries again with the same ids, so that nothing is stored twice. What cannot be queued or is
    refused is dropped, counted in ``dropped`` and logged: nothing here raises into the process that serves.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        *,
        batch_size: int = 500,
        interval: float = 1.0,
        max_queue: int = 50_000,
        max_attempts: int = 8,
        timeout: float = 15.0,
    ) -> None:
        """``interval`` in seconds is how long a record waits for others, ``max_attempts`` how often one batch is sent
        before it is dropped."""
        self.dropped = 0
        self._base = f"{url.rstrip('/')}/v1/models/{model}"
        self._headers = {"Content-Type": "application/x-ndjson"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._batch_size, self._interval = batch_size, interval
        self._max_attempts, self._timeout = max_attempts, timeout
        self._queue: queue.Queue[tuple[_Kind, dict[str, Any]] | threading.Event] = queue.Queue(max_queue)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._process, self._thread = 0, threading.current_thread()
        atexit.register(self.close)

    def predict(
        self,
        *,
        features: Mapping[str, Any],
        prediction: Any = None,
        id: str | None = None,
        timestamp: datetime | str | None = None,
        probability: float | Mapping[str, float] | None = None,
        version: str | None = None,
        segments: Mapping[str, str] | None = None,
        latency_ms: float | None = None,
        error: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> str:
        """Log one prediction; its id, made if none is given, to be kept for the label. The time is now if not given."""
        record_id = id if id is not None else uuid.uuid4().hex
        record = {
            "id": record_id,
            "timestamp": timestamp,
            "version": version,
            "features": dict(features),
            "prediction": prediction,
            "probability": probability,
            "segments": segments,
            "latency_ms": latency_ms,
            "error": error,
            "metrics": metrics,
        }
        self.log(**{name: value for name, value in record.items() if value is not None})
        return record_id

    def log(self, **record: Any) -> None:
        """Log one prediction given as the record that the service takes."""
        record.setdefault("timestamp", datetime.now(UTC))  # noqa: TID251  runs in the user's process, where now is now
        self._put("predictions", record)

    def label(self, id: str, label: Any, timestamp: datetime | str | None = None) -> None:
        """Log the truth of a prediction; without a time it is known from its arrival on."""
        record = {"id": id, "label": label}
        self._put("labels", record if timestamp is None else {**record, "timestamp": timestamp})

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until everything logged so far is sent or dropped; False if that took longer."""
        if self._process != os.getpid():
            return True
        done = threading.Event()
        try:
            self._queue.put(done, timeout=timeout)
        except queue.Full:
            return False
        return done.wait(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Send what is left, for at most ``timeout`` seconds, and end the thread."""
        if self._closing.is_set():
            return
        self.flush(timeout)
        self._closing.set()
        atexit.unregister(self.close)
        if self._process == os.getpid():
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(threading.Event())  # wakes the thread
            self._thread.join(timeout)
        left = sum(not isinstance(entry, threading.Event) for entry in tuple(self._queue.queue))
        if left:
            self._drop(left, "the client was closed before they could be sent")

    def _put(self, kind: _Kind, record: dict[str, Any]) -> None:
        if self._closing.is_set():
            self._drop(1, "the client is closed")
            return
        self._start_once()
        try:
            self._queue.put_nowait((kind, record))
        except queue.Full:
            self._drop(1, "the queue is full")

    def _start_once(self) -> None:
        """Start the thread with the first record, and again in a process that was forked off: threads stay behind."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid():
                self._process, self._queue = os.getpid(), queue.Queue(self._queue.maxsize)
                self._thread = threading.Thread(target=self._run, name="plimsoll-client", daemon=True)
                self._thread.start()

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        log.warning("plimsoll: dropped %d records: %s (%d in all)", count, why, self.dropped)

    def _run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=self._timeout) as http:
            while not self._closing.is_set():
                records, waiters = self._collect()
                for kind in ("predictions", "labels"):
                    batch = [record for its_kind, record in records if its_kind == kind]
                    if batch:
                        self._send_safely(http, kind, batch)
                for waiter in waiters:
                    waiter.set()

    def _collect(self) -> tuple[list[tuple[_Kind, dict[str, Any]]], list[threading.Event]]:
        """Records for one round: as many as a batch holds, or as come within the interval."""
        records: list[tuple[_Kind, dict[str, Any]]] = []
        deadline = time.monotonic() + self._interval
        while len(records) < self._batch_size:
            try:
                entry = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return records, []
            if isinstance(entry, threading.Event):
                return records, [entry]
            records.append(entry)
        return records, []

    def _send_safely(self, http: httpx.Client, kind: str, batch: list[dict[str, Any]]) -> None:
        try:
            self._send(http, f"{self._base}/{kind}", batch)
        except Exception:  # whatever it is, the process that serves shall not notice
            log.exception("plimsoll: a batch could not be sent")
            self._drop(len(batch), "an unexpected error")

    def _send(self, http: httpx.Client, url: str, batch: list[dict[str, Any]]) -> None:
        lines = [line for line in map(_line, batch) if line is not None]
        if len(lines) < len(batch):
            self._drop(len(batch) - len(lines), "no JSON can be made of them")
        body = "\n".join(lines).encode()
        wait = _FIRST_WAIT
        for attempt in range(1, self._max_attempts + 1):
            reply = _post(http, url, body)
            if reply is not None and reply.status_code not in _AGAIN:
                self._settle(reply, len(lines))
                return
            if attempt < self._max_attempts and self._closing.wait(max(wait, _asked_to_wait(reply))):
                break
            wait = min(2 * wait, _LONGEST_WAIT)
        self._drop(len(lines), "the service could not be reached" if reply is None else f"status {reply.status_code}")

    def _settle(self, reply: httpx.Response, count: int) -> None:
        try:
            told = reply.json()
        except ValueError:
            told = {}
        if reply.status_code == 200:
            count = int(told.get("rejected", 0))
        if count:
            reason = told.get("error", {}).get("message") or told.get("errors", [])[:1] or f"status {reply.status_code}"
            self._drop(count, f"refused: {reason}")


def _post(http: httpx.Client, url: str, body: bytes) -> httpx.Response | None:
    try:
        return http.post(url, content=body)
    except httpx.HTTPError as error:
        log.info("plimsoll: %s", error)
        return None


def _asked_to_wait(reply: httpx.Response | None) -> float:
    after = "" if reply is None else reply.headers.get("retry-after", "")
    return min(float(after), _LONGEST_WAIT) if after.isdigit() else 0.0


def _line(record: dict[str, Any]) -> str | None:
    try:
        return json.dumps(record, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    """What JSON has no form for: times, and numbers of array libraries."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    plain = getattr(value, "tolist", None)  # arrays are lists, their numbers numbers
    return plain() if callable(plain) else str(value)
