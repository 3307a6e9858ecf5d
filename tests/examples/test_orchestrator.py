"""The example of an orchestrator does what the page on retraining says."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from alerting.conversation import Asked
from alerting.outbound import OutboundRequest
from alerting.registry import TRIGGERS
from examples.integration.orchestrator import Job, make_server, retrain
from monitor import clock
from tests import served
from tests.alerting.notices import notice, one

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@contextmanager
def callbacks() -> Iterator[tuple[str, queue.Queue[dict[str, Any]]]]:
    """Where reports go, and the reports."""
    reports: queue.Queue[dict[str, Any]] = queue.Queue()

    class Handler(served.Quiet):
        def do_POST(self) -> None:
            reports.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    with served.http(Handler) as url:
        yield f"{url}/v1/trigger-runs/run-1?token=t", reports


def asked(url: str, callback: str, secret: str = SECRET) -> OutboundRequest:
    run = {"id": "run-1", "idempotency_key": "retrain-1", "callback_url": callback}
    settings = {"url": url, "secret": secret}
    body = notice(one("retraining.requested"))
    return next(TRIGGERS["webhook"].start(Asked("retrain-1", "msg_1", clock.now(), 1, body, run, {}), settings))


def post(request: OutboundRequest) -> int:
    return httpx.post(request.url, content=request.body, headers=dict(request.headers), timeout=10).status_code


def reported(job: Job = retrain, times: int = 1) -> list[dict[str, Any]]:
    """What is reported when the same request comes so often."""
    with callbacks() as (callback, reports), served.http(make_server(SECRET, 0, job)) as url:
        assert [post(asked(url, callback)) for _ in range(times)] == [202] * times
        found = [reports.get(timeout=10), reports.get(timeout=10)]
        assert reports.empty()
        return found


def test_a_request_starts_one_run_that_reports_however_often_it_comes() -> None:
    begun, ended = reported(times=3)
    assert begun == {"status": "running", "external_id": "run-17"}
    assert ended["status"] == "succeeded"
    assert "flight-delays" in ended["message"]


def test_work_that_fails_is_reported_as_failed() -> None:
    def fails(data: dict[str, Any]) -> str:
        raise RuntimeError(f"no data for {data['alert']['model']}")

    assert reported(fails)[1] == {"status": "failed", "message": "no data for flight-delays"}


def test_a_wrong_signature_starts_nothing() -> None:
    with callbacks() as (callback, reports), served.http(make_server(SECRET, 0)) as url:
        assert post(asked(url, callback, OTHER)) == 401
        assert reports.empty()
