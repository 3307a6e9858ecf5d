"""A new process answers on the schema of the version before, and has all of it once that is migrated."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, insert, make_url, select, update

from monitor import clock
from monitor.errors import SchemaOutdated
from monitor.store import schema, tables
from monitor.store.database import Database
from tests.migrations.test_migrations import UNDONE
from tests.monitor.world import bare, traffic
from tests.ports import free_port
from tests.postgres import Databases
from tests.processes.test_roles import started

H, D = clock.HOUR, clock.DAY
BEFORE = "0005"  # the oldest schema on which a new process answers


_VIEWS = "SELECT count(*) FROM pg_views WHERE schemaname LIKE 'pg_temp%%'"


def plimsoll(folder: Path, url: str, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PLIMSOLL_DATABASE_URL": url, "PLIMSOLL_HOME": str(folder)}
    line = [sys.executable, "-m", "monitor", *command]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)


def go_back(url: str, revision: str) -> None:
    """The schema as that version left it."""
    database = Database(url)
    with database.write() as connection:
        for statement in UNDONE[revision]:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    database.close()


def fill(http: httpx.Client, now: int) -> tuple[str, str]:
    """A model with an alert; its id, and that of a row."""
    hook = {"type": "discord", "webhook_url": "${DISCORD}"}  # its messages are rewritten
    http.put("/v1/config", json={"default_notify": ["ops"], "channels": {"ops": hook}}).raise_for_status()
    http.put("/v1/models/m/references/base", json=traffic(now - 12 * D, 9 * 24)).raise_for_status()
    rows = bare(traffic(now - 2 * D, 48, seed=2, shift=3.0))
    http.post("/v1/models/m/predictions", json=rows).raise_for_status()
    return http.post("/v1/models/m/runs", json={}).json()["alerts"][0]["id"], rows[0]["id"]


def addresses(http: httpx.Client, alert: str, row: str) -> list[str]:
    """All that is read, with names that are there."""
    there = {"model": "m", "alert_id": alert, "feature": "x", "prediction_id": row}
    found = ["/", "/models/m", "/models/m/features/x", "/storage", "/alerts", f"/alerts/{alert}", "/channels"]
    for path, methods in http.get("/openapi.json").json()["paths"].items():
        if "get" in methods:
            named = re.sub(r"{(\w+)(:text)?}", lambda one: there.get(one[1], "none"), path)
            found.append(named)
    return found


def answers(http: httpx.Client, asked: list[str]) -> dict[str, int]:
    return {path: http.get(path).status_code for path in asked}


def lived(http: httpx.Client, now: int) -> tuple[list[str], dict[str, int], str]:
    """What is read of a model with an alert, how each is answered, and the alert."""
    alert, row = fill(http, now)
    asked = addresses(http, alert, row)
    wanted = answers(http, asked)
    assert list(wanted.values()).count(200) >= 18
    return asked, wanted, alert


def test_a_new_process_answers_before_the_store_is_migrated(tmp_path: Path, postgres: Databases) -> None:
    url, port, now = postgres.migrated(), free_port(), clock.now() // H * H
    base = f"http://127.0.0.1:{port}"
    with started(tmp_path, url, "api", port), httpx.Client(base_url=base, timeout=30) as http:
        asked, wanted, alert = lived(http, now)
    go_back(url, BEFORE)
    refused = plimsoll(tmp_path, url, "serve", "--role", "worker")
    assert (refused.returncode, "plimsoll migrate" in refused.stderr) == (2, True)
    with started(tmp_path, url, "api", port), httpx.Client(base_url=base, timeout=30) as http:
        assert answers(http, asked) == wanted
        rows = bare(traffic(now - D, 24, seed=3))
        sent = [{**one, "id": f"new-{place}"} for place, one in enumerate(rows)]
        assert http.post("/v1/models/m/predictions", json=sent).json()["accepted"] == len(sent)
        assert http.post(f"/v1/alerts/{alert}/acknowledge", json={"author": "ana", "comment": "seen"}).is_success
        assert http.post("/v1/models/m/runs", json={}).is_success
        mute = {"matchers": {"model": "m"}, "until": clock.render(now + 2 * D)}
        assert http.post("/v1/silences", json=mute).is_success
        with_more = {**mute, "until": "next_version"}
        answer = http.post("/v1/silences", json=with_more)
        assert (answer.status_code, "plimsoll migrate" in answer.text) == (503, True)
        assert plimsoll(tmp_path, url, "migrate").returncode == 0
        deadline = time.monotonic() + 30
        while not http.post("/v1/silences", json=with_more).is_success and time.monotonic() < deadline:
            time.sleep(0.1)
        for _ in range(3):  # the connections that came back since
            assert answers(http, asked) == wanted
        with contextlib.closing(Database(url)) as database, database.read() as connection:
            assert connection.exec_driver_sql(_VIEWS).scalar_one() == 0
            mine = tables.outbox_alerts.c.alert_id == alert
            new = tables.outbox.c.edits.is_(None)
            firing = select(func.count()).select_from(tables.outbox.join(tables.outbox_alerts)).where(mine, new)
            assert connection.execute(firing).scalar_one() == 1
        told = http.get("/v1/silences").json()["items"]
        assert [one.get("ends_with") for one in told].count("next_version") == 1


@pytest.mark.parametrize("revision", [one for one in UNDONE if one < BEFORE])
def test_older_than_that_is_refused(revision: str, tmp_path: Path, postgres: Databases) -> None:
    url = postgres.migrated()
    go_back(url, revision)
    refused = plimsoll(tmp_path, url, "serve", "--role", "api")
    assert (refused.returncode, "plimsoll migrate" in refused.stderr) == (2, True)


@pytest.fixture
def behind(postgres: Databases) -> Iterator[Database]:
    """A store of the version before that is taken as it is."""
    url = postgres.migrated()
    go_back(url, BEFORE)
    database = Database(url)
    schema.go_on_before(database)
    yield database
    database.close()


def test_what_is_new_is_left_out_or_refused(behind: Database) -> None:
    with behind.write() as connection:
        anything = update(tables.alerts).where(tables.alerts.c.id == "none")
        assert connection.execute(anything.values(details={"comment": "seen"})).rowcount == 0
        for column in ("approval", "closing"):
            one = tables.trigger_runs.c.id == "none"
            assert connection.execute(update(tables.trigger_runs).where(one).values({column: None})).rowcount == 0
            with pytest.raises(SchemaOutdated, match=column):
                connection.execute(update(tables.trigger_runs).where(one).values({column: {"by": "ana"}}))
        rows = [{"matchers": {}, "until": 1, "comment": "", "created_at": 0, "id": one} for one in "ab"]
        connection.execute(
            insert(tables.silences), [{**one, "ends_with": None, "newest_version": "v1"} for one in rows]
        )
        with pytest.raises(SchemaOutdated, match="ends_with"):
            connection.execute(insert(tables.silences), [{**one, "ends_with": "next_version"} for one in rows])
    with behind.read() as connection:
        found = connection.execute(select(tables.silences.c.id, tables.silences.c.newest_version)).all()
        assert sorted(found) == [("a", None), ("b", None)]


def test_what_is_migrated_further_than_this_program_knows_is_no_longer_behind(behind: Database) -> None:
    schema.require_newest(behind)
    assert behind.is_behind
    with behind.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaOutdated, match="newer Plimsoll"):
        schema.require_newest(behind)
    assert not behind.is_behind


def test_a_user_who_may_make_no_views_is_refused(postgres: Databases) -> None:
    url = postgres.migrated()
    go_back(url, BEFORE)
    database = Database(url)
    with database.write() as connection:
        for statement in (
            "CREATE ROLE plain_reader LOGIN",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain_reader",
            f'REVOKE TEMPORARY ON DATABASE "{make_url(url).database}" FROM PUBLIC',
        ):
            connection.exec_driver_sql(statement)
    plain = Database(make_url(url).set(username="plain_reader").render_as_string(hide_password=False))
    with pytest.raises(SchemaOutdated, match="plimsoll migrate"):
        schema.go_on_before(plain)
    assert not plain.is_behind
    plain.close()
    database.close()
