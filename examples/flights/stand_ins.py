"""The world outside the demo: a chat that shows Slack messages, an orchestrator that retrains and reports back."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from examples.flights.slack_text import blocks

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1.5rem }
header { border-bottom: 1px solid var(--line); margin-bottom: 1rem }
h1 { font-size: 1.2rem }
article { display: grid; grid-template-columns: 2.4rem 1fr; gap: .8rem; padding: .8rem 0 }
article { border-bottom: 1px solid var(--soft) }
.face { width: 2.4rem; height: 2.4rem; border-radius: .4rem; display: grid; place-items: center }
.face { background: #14506e; color: #fff }
h3 { margin: .2rem 0; font-size: 1.05rem }
p { margin: .35rem 0; overflow-wrap: anywhere }
.context, time { color: #888; font-size: .85em }
.fields { columns: 2; padding-left: 1.1rem }
.button { border: 1px solid var(--line); border-radius: .3rem; padding: .2rem .7rem; margin-right: .5rem }
.button { text-decoration: none }
"""
HEAD = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    f"<title>#ml-flights</title><style>{STYLE}</style>"
)


@dataclass
class Outside:
    """What has come in so far."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    retrainings: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    """POST /chat takes Slack messages, GET /chat shows them; POST /orchestrator starts a retraining."""

    outside: Outside

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/chat":
            with self.outside.lock:
                self.outside.messages.append({**body, "_at": time.strftime("%H:%M:%S")})
            self._answer(200, "ok", "text/plain")
        elif self.path == "/orchestrator":
            self._retrain(body)
        else:
            self._answer(404, "no such thing", "text/plain")

    def do_GET(self) -> None:
        if self.path != "/chat":
            self._answer(404, "no such thing", "text/plain")
            return
        with self.outside.lock:
            shown = [_message(message) for message in self.outside.messages]
        head = f"<header><h1># ml-flights</h1><p class=context>a stand-in for Slack: {len(shown)} messages</p></header>"
        self._answer(200, HEAD + head + ("".join(shown) or "<p>Nothing yet."), "text/html; charset=utf-8")

    def _retrain(self, body: dict[str, Any]) -> None:
        run = body.get("data", {}).get("trigger_run") or {}
        with self.outside.lock:
            known = [one["key"] for one in self.outside.retrainings]
            new = run.get("idempotency_key") not in known
            if new:
                self.outside.retrainings.append({"key": run.get("idempotency_key"), "body": body})
            number = len(self.outside.retrainings)
        self._answer(202, json.dumps({"id": f"retrain-{number}"}), "application/json")
        if new and run.get("callback_url"):
            threading.Thread(target=_report, args=(run["callback_url"], number), daemon=True).start()

    def _answer(self, status: int, body: str, kind: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _report(callback: str, number: int) -> None:
    """An orchestrator's own pace: the job starts, runs a moment, and is done."""
    for pause, status in ((0.2, "running"), (0.5, "succeeded")):
        time.sleep(pause)
        httpx.post(callback, json={"status": status, "external_id": f"retrain-{number}"}, timeout=10)


def _message(message: dict[str, Any]) -> str:
    head = f"<b>Plimsoll</b> <time>{message['_at']}</time>"
    return f"<article><div class=face aria-hidden=true>P</div><div>{head}{blocks(message)}</div></article>"


def start(port: int) -> tuple[ThreadingHTTPServer, Outside]:
    """Serve on loopback in a thread."""
    outside = Outside()
    handler = type("DemoHandler", (Handler,), {"outside": outside})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, outside
