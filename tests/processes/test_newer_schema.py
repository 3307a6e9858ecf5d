"""A process of today goes on while the store is migrated under it to a schema of the future that only adds."""

from __future__ import annotations

import contextlib
from pathlib import Path

import httpx

from monitor import clock
from monitor.store import config, schema, tables
from monitor.store.database import Database
from tests.monitor.world import bare, labels_of, traffic
from tests.ports import free_port
from tests.postgres import Databases
from tests.processes.test_roles import started
from tests.processes.test_version_before import answers, lived

H, D = clock.HOUR, clock.DAY
OFTEN = 7  # times: the driver prepares what it is asked for the sixth time


def migrate_on(url: str) -> None:
    """As a newer program would: columns of which today's knows nothing on every table, and a table."""
    with contextlib.closing(Database(url)) as database, database.write() as connection:
        for name in tables.metadata.tables:
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN of_the_future TEXT")
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN future_count INTEGER NOT NULL DEFAULT 7")
        connection.exec_driver_sql(
            "CREATE TABLE of_the_future (model_id BIGINT REFERENCES models (id) ON DELETE CASCADE, said TEXT)"
        )
        connection.exec_driver_sql("INSERT INTO of_the_future SELECT id, 'more' FROM models")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        config.put(connection, "schema", "runs_with", [schema.newest()])


def work(http: httpx.Client, now: int, name: str, alert: str) -> None:
    """What people and programs do: rows, labels, a run, an answer to an alert, a silence, configuration."""
    rows = traffic(now - D, 24, 1, seed=5, shift=3.0, prefix=name)
    told = http.post("/v1/models/m/predictions", json=bare(rows)).json()
    assert told["accepted"] == len(rows), told
    assert http.post("/v1/models/m/labels", json=labels_of(rows)).json()["accepted"] == len(rows)
    for asked in (
        http.post("/v1/models/m/runs", json={"checks": ["data_drift"]}),
        http.post(f"/v1/alerts/{alert}/acknowledge", json={"author": "ana", "comment": name}),
        http.post("/v1/silences", json={"matchers": {"model": name}, "until": clock.render(now + 2 * D)}),
        http.put("/v1/config", json={"models": {"m": {"owner": name}}}),
        http.put("/v1/models/m/references/more", json=traffic(now - 12 * D, 24, seed=6)),
        http.post(f"/v1/models/{name}/predictions", json=bare(rows)),
        http.delete(f"/v1/models/{name}"),
    ):
        assert asked.is_success, (asked.request.url, asked.text)


def test_a_process_goes_on_while_the_store_is_migrated_to_what_it_does_not_know(
    tmp_path: Path, postgres: Databases
) -> None:
    url, port, now = postgres.migrated(), free_port(), clock.now() // H * H
    base = f"http://127.0.0.1:{port}"
    with started(tmp_path, url, "api", port), httpx.Client(base_url=base, timeout=30) as http:
        asked, wanted, alert = lived(http, now)
        for place in range(OFTEN):
            work(http, now, f"before{place}", alert)
        migrate_on(url)
        for name in ("after", "again"):
            work(http, now, name, alert)
        assert answers(http, asked) == wanted
        assert http.get("/v1/models/m").json()["owner"] == "again"
    with contextlib.closing(Database(url)) as database:
        schema.require_newest(database)  # another process of today may begin, too
        with database.read() as connection:
            more = "SELECT count(*), count(of_the_future), min(future_count), max(future_count) FROM silences"
            assert tuple(connection.exec_driver_sql(more).one()) == (OFTEN + 2, 0, 7, 7)
            assert connection.exec_driver_sql("SELECT count(*) FROM of_the_future").scalar_one() == 1
