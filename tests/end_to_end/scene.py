"""A running service with models in every state, all posted through HTTP; seeded, with a clock that stands still."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from monitor import clock
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.summarise_hours import summarise
from monitor.api.app import create_app
from monitor.service import Service
from tests.monitor.delivery.receiver import Answer, Received, Receiver, receiving
from tests.ports import free_port
from tests.stores import new_service

NOW = clock.parse("2026-06-30T12:20:00Z")
START = clock.parse("2026-06-01T00:00:00Z")
DAYS = 30
SHIFT = 24  # the day of June on which the world changes
MODEL, ODD = "loan-approval", "fare <mixed> & co/№1"
SECRET = {"OPS_SECRET": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" + "MfKQ9r8GKYqrTwjU"}


@dataclass(frozen=True)
class Scene:
    """``service`` behind ``url``; ``client`` calls it; ``outside`` got the messages; ``alert`` fires."""

    service: Service
    url: str
    client: httpx.Client
    outside: Receiver
    alert: str


def rows(days: int, per_day: int, start: int, *, shift_after: int, seed: int) -> list[dict[str, Any]]:
    """Predictions with their truth, in order of time; from day ``shift_after`` on incomes rise, a channel takes over,
    the model gets worse; in the last two days values go missing."""
    rng = np.random.default_rng(seed)
    n = days * per_day
    seconds = np.sort(rng.integers(0, days * 86_400, n))
    late = seconds >= shift_after * 86_400
    income = rng.normal(50, 12, n) + np.where(late, 14, 0)
    channel = np.where(
        late & (rng.random(n) < 0.5), "partner", rng.choice(["web", "branch", "phone"], n, p=[0.6, 0.25, 0.15])
    )
    score = 1 / (1 + np.exp(-(income - 50) / 10))
    truth = rng.random(n) < np.where(late, 0.5 * score + 0.2, score)
    missing = (seconds >= (shift_after + 4) * 86_400) & (rng.random(n) < 0.2)
    children = rng.poisson(1.2, n)
    return [
        {
            "id": f"{start}-{i}",
            "timestamp": clock.render(start + int(seconds[i]) * clock.SECOND),
            "version": "v2" if late[i] else "v1",
            "features": {
                "income": round(float(income[i]), 2),
                "channel": str(channel[i]),
                "children": None if missing[i] else int(children[i]),
                ODD: round(float(rng.normal(0, 1)), 3),
            },
            "prediction": bool(score[i] > 0.5),
            "probability": round(float(score[i]), 4),
            "latency_ms": round(float(rng.lognormal(3, 0.4)), 2),
            "label": bool(truth[i]),
        }
        for i in range(n)
        if start + int(seconds[i]) * clock.SECOND < NOW
    ]


@contextlib.contextmanager
def running(home: Path, **flags: object) -> Iterator[tuple[Service, str]]:
    """A service on a free port, its clock standing at ``NOW``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    service = new_service(home, port=port, public_url=url, **flags)
    config = uvicorn.Config(create_app(service, lambda: NOW), host="127.0.0.1", port=port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield service, url
    finally:
        server.should_exit = True
        thread.join(20)
        service.database.close()


@contextlib.contextmanager
def playing(home: Path) -> Iterator[Scene]:
    """Everything at once: a model that drifted and was retrained, one that is well, one without a reference, one that
    sleeps, and one that predicts numbers."""
    with receiving() as outside, running(home, links="Runbook=https://example.org/runbook") as (service, url):
        outside.answer = _answer(url)
        with httpx.Client(base_url=url, timeout=60) as client:
            _configure(client, outside.url)
            _drifted(client)
            _others(service, client)
            deliver_due(service, lambda: NOW, environment=SECRET)
            found = client.get("/v1/alerts", params={"model": MODEL, "state": "firing"}).json()["items"]
            alert = next(one["id"] for one in found if one["rule"] == "drift")
            yield Scene(service, url, client, outside, alert)


def _answer(url: str) -> Any:
    def answer(received: Received) -> Answer:
        run = received.json().get("data", {}).get("trigger_run")
        if run is None:
            return Answer()
        for status in ("running", "succeeded"):
            report = {"status": status, "external_id": "job-7", "url": "https://orchestrator.example/job-7"}
            threading.Timer(
                0.3 if status == "running" else 0.6, httpx.post, [run["callback_url"]], {"json": report}
            ).start()
        return Answer(202, body=b'{"id": "job-7"}')

    return answer


def _configure(client: httpx.Client, outside: str) -> None:
    rules = [{"name": "drift", "check": "data_drift", "at": "warning", "notify": ["ops"], "trigger": "retrain"}]
    checks = [
        {"name": "channel-psi", "kind": "data_drift", "features": ["channel"], "method": "psi", "window": "7d",
         "threshold": {"warning": 0.1, "critical": 0.25}}
    ]  # fmt: skip
    models = {MODEL: {"task": "binary", "owner": "#risk", "rules": rules, "checks": checks}}
    document = {
        "models": models,
        "channels": {"ops": {"type": "webhook", "url": f"{outside}/ops", "secret": "${OPS_SECRET}"}},
        "triggers": {"retrain": {"type": "webhook", "url": f"{outside}/train", "secret": "${OPS_SECRET}"}},
    }
    must(client.put("/v1/config", json=document))


def _drifted(client: httpx.Client) -> None:
    reference = rows(70, 70, START - 75 * clock.DAY, shift_after=99, seed=1)
    must(client.put(f"/v1/models/{MODEL}/references/training", json=reference))
    post(client, MODEL, rows(DAYS, 80, START, shift_after=SHIFT, seed=2))
    for day in range(19, DAYS):
        run(client, MODEL, START + day * clock.DAY + 5 * clock.MINUTE)
    for hour in (4, 8, 12):
        run(client, MODEL, START + (DAYS - 1) * clock.DAY + hour * clock.HOUR + 5 * clock.MINUTE)


def _others(service: Service, client: httpx.Client) -> None:
    well = rows(40, 60, START - 10 * clock.DAY, shift_after=99, seed=3)
    must(
        client.put(
            "/v1/models/churn/references/training", json=rows(60, 60, START - 70 * clock.DAY, shift_after=99, seed=4)
        )
    )
    post(client, "churn", well)
    run(client, "churn", START + (DAYS - 1) * clock.DAY + 12 * clock.HOUR + 5 * clock.MINUTE)
    post(client, "no-reference-yet", rows(3, 50, START + 26 * clock.DAY, shift_after=99, seed=5))
    summarise(service, "no-reference-yet", NOW // clock.HOUR, NOW)  # as the scheduler would
    old = START - 60 * clock.DAY
    must(
        client.put(
            "/v1/models/sleeping/references/training", json=rows(20, 50, old - 20 * clock.DAY, shift_after=99, seed=6)
        )
    )
    post(client, "sleeping", rows(10, 50, old, shift_after=99, seed=7))
    run(client, "sleeping", old + 10 * clock.DAY + 5 * clock.MINUTE)
    prices = [_price(one) for one in rows(30, 40, START, shift_after=99, seed=8)]
    post(client, "prices", prices)
    must(client.put("/v1/models/prices/references/all", json={"window": _window(prices[: 20 * 40])}))
    run(client, "prices", START + 29 * clock.DAY + 5 * clock.MINUTE)


def _price(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in ("probability", "latency_ms", "version")}
    value = 100 + 2.5 * (row["features"]["income"] or 50)
    return {**kept, "prediction": round(value, 2), "label": round(value * (1.1 if row["label"] else 0.95), 2)}


def _window(given: list[dict[str, Any]]) -> dict[str, str]:
    return {"start": given[0]["timestamp"], "end": given[-1]["timestamp"]}


def post(client: httpx.Client, model: str, given: list[dict[str, Any]]) -> None:
    """Predictions, and their labels three hours later."""
    predictions = [{name: value for name, value in row.items() if name != "label"} for row in given]
    must(client.post(f"/v1/models/{model}/predictions", json=predictions))
    labels = [
        {"id": row["id"], "label": row["label"], "timestamp": _later(row["timestamp"])}
        for row in given
        if clock.parse(row["timestamp"]) + 3 * clock.HOUR < NOW
    ]
    must(client.post(f"/v1/models/{model}/labels", json=labels))


def _later(timestamp: str) -> str:
    return clock.render(clock.parse(timestamp) + 3 * clock.HOUR)


def run(client: httpx.Client, model: str, as_of: int) -> None:
    """The checks, as of a moment."""
    must(client.post(f"/v1/models/{model}/runs", json={"as_of": clock.render(as_of)}))


def must(answer: httpx.Response) -> None:
    """Fails with the answer's own words."""
    if answer.is_error:
        raise AssertionError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:400]}")
