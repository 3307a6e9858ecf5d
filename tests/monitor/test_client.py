from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI, Request, Response

from monitor.client import Client
from monitor.service import Service
from tests.monitor.api.serving import ingest_app, serving
from tests.monitor.posting import Poster


@pytest.fixture
def url(engine_of_rows: None, service: Service) -> Iterator[str]:
    with serving(ingest_app(service)) as address:
        yield address


def test_predictions_and_labels_arrive(url: str, poster: Poster) -> None:
    client = Client(url, "m", interval=0.05)
    made = client.predict(
        features={"x": np.float64(1.5), "n": np.int64(3), "e": np.array([0.5, 2], "f4")},
        prediction=1,
        timestamp="2026-01-01T00:00Z",
    )
    client.predict(id="b", features={}, prediction=0, timestamp="2026-01-01", probability={"0": 0.9, "1": 0.1})
    client.label(made, 1)
    assert client.flush()
    client.close()
    stored = poster.get(made)
    assert stored is not None
    assert (stored["features"], stored["prediction"], stored["labels"][0]["label"]) == (
        {"x": 1.5, "n": 3, "e": [0.5, 2]},
        1,
        1,
    )
    assert client.dropped == 0


def test_refused_records_are_counted_not_raised(url: str) -> None:
    client = Client(url, "m", interval=0.05)
    client.log(id="", prediction=1, timestamp="2026-01-01")
    client.log(id="a", features={"self": {1, 2}}, timestamp="2026-01-01")  # a set becomes text
    loop: dict[str, object] = {}
    loop["loop"] = loop
    client.log(id="b", features=loop, timestamp="2026-01-01")
    client.close()
    client.predict(features={}, prediction=1)
    assert client.dropped == 3


def test_a_full_queue_drops() -> None:
    client = Client("http://127.0.0.1:9", "m", max_queue=3, interval=0.05, max_attempts=1, timeout=0.2)
    for _ in range(50):
        client.predict(features={}, prediction=1)
    client.close(timeout=3)
    assert client.dropped == 50


def test_a_busy_service_gets_the_same_ids_again() -> None:
    seen: list[bytes] = []
    app = FastAPI()

    @app.post("/v1/models/m/predictions")
    async def busy(request: Request) -> Response:
        seen.append(await request.body())
        return Response(status_code=503 if len(seen) < 2 else 200, content=b'{"accepted": 1, "rejected": 0}')

    with serving(app) as address:
        client = Client(address, "m", interval=0.05)
        client.predict(features={}, prediction=1)
        assert client.flush()
        client.close()
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert client.dropped == 0


def test_logging_from_many_threads(url: str, service: Service) -> None:
    client = Client(url, "m", interval=0.05, batch_size=50)

    def log(worker: int) -> None:
        for number in range(50):
            client.predict(id=f"{worker}-{number}", features={}, prediction=1, timestamp="2026-01-01")

    workers = [threading.Thread(target=log, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    client.close()
    with service.database.read() as connection:
        assert Poster(service).found(connection).n_predictions == 200


def test_what_is_left_is_sent_at_exit(url: str, poster: Poster) -> None:
    program = (
        "from monitor.client import Client\n"
        f"Client({url!r}, 'm', interval=60).predict(id='last', features={{}}, prediction=1, timestamp='2026-01-01')"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, cwd=Path(__file__).parents[2])
    assert poster.get("last") is not None


def test_it_needs_httpx_alone() -> None:
    program = (
        "import sys, monitor.client\n"
        "heavy = {'numpy', 'pyarrow', 'pandas', 'sqlalchemy', 'fastapi', 'msgspec'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, cwd=Path(__file__).parents[2])
    assert httpx.__name__ in sys.modules
