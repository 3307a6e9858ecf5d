"""A receiver for the trigger ``webhook``: verifies the signature, starts a run, reports back at the callback address.

    RETRAIN_SECRET=whsec_... python -m examples.integration.orchestrator 8070

Replace ``retrain`` by a call of your orchestrator.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

Job = Callable[[dict[str, Any]], str]


def retrain(data: dict[str, Any]) -> str:
    """Stand-in for the real work: ``data`` has ``alert``, ``readings``, ``links`` and ``trigger_run``."""
    return f"{data['alert']['model']} was trained again because: {data['alert']['summary']}"


def make_server(secret: str, port: int, job: Job = retrain) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 that runs ``job`` once for each idempotency key."""
    webhook, seen, lock = Webhook(secret), set[str](), threading.Lock()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
            except WebhookVerificationError:
                self._answer(401)
                return
            message = json.loads(body)
            if message["type"] == "retraining.requested":
                key = message["data"]["trigger_run"]["idempotency_key"]
                with lock:
                    known = key in seen
                    seen.add(key)
                if not known:
                    threading.Thread(target=run, args=(message["data"], job), daemon=True).start()
            self._answer(202)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Receiver)


def run(data: dict[str, Any], job: Job) -> None:
    """Do the work and say how it went."""
    callback = data["trigger_run"]["callback_url"]
    report(callback, status="running", external_id="run-17")
    try:
        message = job(data)
    except Exception as error:  # whatever goes wrong, the model must not stay blocked
        report(callback, status="failed", message=str(error))
    else:
        report(callback, status="succeeded", message=message)


def report(callback: str, **fields: str) -> None:
    """Tell Plimsoll; the address carries the run's own token."""
    httpx.post(callback, json=fields, timeout=15).raise_for_status()


if __name__ == "__main__":
    make_server(os.environ["RETRAIN_SECRET"], int(sys.argv[1])).serve_forever()
