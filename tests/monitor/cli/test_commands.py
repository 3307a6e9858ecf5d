"""Every command: exit codes, messages, no tracebacks."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from monitor import bootstrap, settings
from monitor.actions import manage_keys
from monitor.actions.replay import Replayed
from monitor.actions.replay import replay as run_replay
from monitor.api.app import create_app
from monitor.cli import compare
from monitor.cli.base import service_from
from monitor.cli.replay import show_replayed
from monitor.service import Service
from monitor.store import installation
from tests.monitor.api.serving import serving
from tests.monitor.cli.running import environment, plimsoll, said
from tests.monitor.world import NOW, T0, D, H, World, bare, labels_of, traffic
from tests.postgres import Databases


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def there(home: Path) -> Iterator[tuple[str, Service]]:
    """A running service with an admin key; its address and the service."""
    service = bootstrap.build(settings.load({}, home=home))
    with serving(create_app(service)) as url:
        yield url, service
    service.database.close()


def frame(n: int = 2000, shift: float = 0.0, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table({"x": rng.normal(shift, 1, n), "[red]c[/]": rng.choice(["a", "b"], n)})


def test_compare(tmp_path: Path, home: Path) -> None:
    for name, table in (("a", frame()), ("b", frame(seed=2)), ("c", frame(shift=1.0, seed=3))):
        pq.write_table(table, tmp_path / f"{name}.parquet")
        pyarrow.csv.write_csv(table, tmp_path / f"{name}.csv")
    quiet = plimsoll("compare", tmp_path / "a.parquet", tmp_path / "b.csv", home=home)
    assert "No drift." in said(quiet, 0)
    assert "[red]c[/]" in quiet.stdout
    drifted = plimsoll("compare", tmp_path / "a.csv", tmp_path / "c.parquet", "--json", home=home)
    said(drifted, 1)
    found = json.loads(drifted.stdout)
    assert found["drift"] is True
    assert [(one["feature"], one["metric"], one["verdict"]) for one in found["measurements"]] == [
        ("x", "ks", "critical"),
        ("[red]c[/]", "l_infinity", "ok"),
    ]
    assert found["measurements"][0]["alpha"] == pytest.approx(0.01 / 2)
    assert [(one["window"], one["as_of"]) for one in found["measurements"]] == [
        ({"start": None, "end": None}, None)
    ] * 2
    named = plimsoll(
        "compare", tmp_path / "a.csv", tmp_path / "c.csv", "--json", "--method", "psi,wasserstein", home=home
    )
    shown = json.loads(named.stdout)
    assert (named.returncode, shown["drift"]) == (0, False)  # distances are shown and never decide
    assert {one["verdict"] for one in shown["measurements"]} == {None}
    assert plimsoll("compare", tmp_path / "a.csv", tmp_path / "c.csv", "--method", "ks", home=home).returncode == 1
    assert not home.exists()


def test_compare_has_a_line_for_each_column_where_a_table_has_no_room(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    for name, shift in (("a", 0.0), ("b", 1.0)):
        table = pa.table({"x": rng.normal(shift, 1, 2000), "y": rng.normal(0, 1, 2000)})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    files = tmp_path / "a.parquet", tmp_path / "b.parquet"
    monkeypatch.setattr(compare, "out", Console(width=80, soft_wrap=True))
    lines = plimsoll("compare", *files, home=home).stdout.splitlines()
    (moved,) = [line for line in lines if line.startswith("critical     x: ")]
    assert "% of rows moved" in moved
    assert moved.endswith(" % of rows would be seen]")
    assert [line for line in lines if line.startswith("ok           y: ")]
    monkeypatch.setattr(compare, "out", Console(width=300, soft_wrap=True))
    wide = plimsoll("compare", *files, home=home).stdout.splitlines()
    assert "in words" in wide[1]
    assert wide[-1] == "Drift."


def test_compare_says_what_it_cannot_tell(tmp_path: Path, home: Path) -> None:
    pq.write_table(frame().append_column("gone", pa.nulls(2000, pa.float64())), tmp_path / "a.parquet")
    pq.write_table(frame(seed=2).append_column("new", pa.array(range(2000))), tmp_path / "b.parquet")
    pq.write_table(frame(5, seed=3), tmp_path / "few.parquet")
    filled = frame(seed=2).append_column("gone", pa.array(np.random.default_rng(0).normal(size=2000)))
    pq.write_table(filled, tmp_path / "filled.parquet")
    a = tmp_path / "a.parquet"
    told = said(plimsoll("compare", tmp_path / "filled.parquet", a, home=home), 0)
    assert "Nothing can be told of gone" in told
    assert "No drift in the others." in told
    told = said(plimsoll("compare", a, tmp_path / "filled.parquet", home=home), 0)
    assert "Left out, as one of the files has nothing of it that could be compared: gone" in told
    assert "5 rows, 30 are needed" in said(plimsoll("compare", a, tmp_path / "few.parquet", home=home), 2)
    texts = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"c": ["a", "b"] * 50}), texts)
    assert "no column that both files have" in said(plimsoll("compare", texts, texts, "--method", "ks", home=home), 2)
    same = plimsoll("compare", a, tmp_path / "b.parquet", "--json", "--method", "auto", home=home)
    assert json.loads(same.stdout)["left_out"] == ["gone", "new"]
    assert same.returncode == 0


def test_compare_cannot_read(tmp_path: Path, home: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("y\n1\n")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty.csv").write_text("x\n")
    a = tmp_path / "a.csv"
    for words, why in (
        ((a, tmp_path / "gone.csv"), "no such file"),
        ((a, tmp_path / "torn.parquet"), "cannot be read as parquet"),
        ((a, tmp_path / "a.txt"), "neither .parquet nor .csv"),
        ((a, tmp_path / "b.csv"), "no column in common"),
        ((a, tmp_path / "empty.csv"), "there are no rows in it"),
        ((a, a, "--method", "magic"), "no method 'magic'"),
        ((a,), "Missing argument"),
    ):
        assert why in said(plimsoll("compare", *words, home=home), 2)


def test_keys(home: Path) -> None:
    key = said(plimsoll("keys", "create", "--scope", "read", "--name", "grafana", home=home), 0).strip()
    assert key.startswith("plimsoll_")
    assert "\n" not in key
    listed = said(plimsoll("keys", "list", home=home), 0)
    assert "grafana" in listed
    assert key not in listed
    again = plimsoll("keys", "create", "--scope", "admin", "--name", "grafana", home=home)
    assert "live key called 'grafana'" in said(again, 2)
    said(plimsoll("keys", "revoke", "grafana", home=home), 0)
    assert "no live key" in said(plimsoll("keys", "revoke", "grafana", home=home), 2)
    assert "no scope" in said(plimsoll("keys", "create", "--scope", "root", "--name", "x", home=home), 2)
    with contextlib.closing(sqlite3.connect(home / "plimsoll.db")) as connection:
        assert key not in "".join(connection.iterdump())


def test_apply(tmp_path: Path, home: Path, there: tuple[str, Service]) -> None:
    file = tmp_path / "plimsoll.yaml"
    file.write_text("models:\n  m:\n    owner: me\nchannels:\n  c: {type: webhook, url: https://a.example}\n")
    assert "2 would change; nothing was changed." in said(plimsoll("apply", file, "--plan", home=home), 0)
    assert "added  model m" in said(plimsoll("apply", file, home=home), 0)
    url = {"PLIMSOLL_URL": there[0]}
    assert "0 changed" in said(plimsoll("apply", file, home=home, **url), 0)
    file.write_text("models:\n  m:\n    rules:\n      - {name: r, check: serving, notify: [gone]}\n")
    for more in ({}, url):
        message = said(plimsoll("apply", file, home=home, **more), 2)
        assert f"{file}:4: models.m.rules.0.notify.0: there is no channel 'gone'" in message
    file.write_text("models:\n  m:\n    ownr: me\n")
    assert f"{file}:3: models.m.ownr: there is no such key" in said(plimsoll("apply", file, home=home), 2)
    assert "No such file" in said(plimsoll("apply", tmp_path / "gone", home=home), 2)


def files(folder: Path, rows: list[dict[str, object]]) -> list[Path]:
    """The same rows, a part in each kind of file."""
    flat = [
        {
            **{key: value for key, value in row.items() if key != "features"},
            **{f"feature.{name}": value for name, value in row.get("features", {}).items()},  # type: ignore[attr-defined]
        }
        for row in rows
    ]
    size = -(-len(rows) // 5)
    parts = [slice(start, start + size) for start in range(0, len(rows), size)]
    tables = [pa.Table.from_pylist(flat[part]) for part in parts]
    pq.write_table(tables[0], folder / "a.parquet")
    with pa.OSFile(str(folder / "b.arrow"), "wb") as sink, pa.ipc.new_stream(sink, tables[1].schema) as writer:
        writer.write_table(tables[1])
    pyarrow.csv.write_csv(tables[2], folder / "c.csv")
    (folder / "d.ndjson").write_text("\n".join(json.dumps(row) for row in rows[parts[3]]))
    (folder / "e.json").write_text(json.dumps(rows[parts[4]]))
    return [folder / name for name in ("a.parquet", "b.arrow", "c.csv", "d.ndjson", "e.json")]


@pytest.mark.parametrize("remote", [False, True])
def test_import(tmp_path: Path, home: Path, there: tuple[str, Service], remote: bool) -> None:
    url, service = there
    more = {"PLIMSOLL_URL": url} if remote else {}
    if remote:
        more["PLIMSOLL_KEY"] = manage_keys.create(service.database, "admin", "me", NOW)
    rows = traffic(T0, 24 * 4)
    (tmp_path / "p").mkdir()
    (tmp_path / "l").mkdir()
    told = said(plimsoll("import", "--model", "m", *files(tmp_path / "p", bare(rows)), home=home, **more), 0)
    assert "116 accepted" in told
    assert told.count("0 rejected") == 5
    told = said(
        plimsoll("import", "--model", "m", "--labels", *files(tmp_path / "l", labels_of(rows)), home=home, **more), 0
    )
    assert told.count("0 unmatched") == 5
    for name, table in (("one", traffic(T0, 10)), ("two", traffic(T0, 20, seed=2))):
        (tmp_path / f"{name}.ndjson").write_text("\n".join(json.dumps(row) for row in table))
    both = (tmp_path / "one.ndjson", tmp_path / "two.ndjson")
    told = said(plimsoll("import", "--model", "m", "--reference", "base", *both, home=home, **more), 0)
    assert "reference base version 1, 180 rows" in told
    with service.database.read() as connection:
        model = World(service).found(connection)
        stats = service.observations.stats(connection, model.stored)
    assert stats == {"predictions": len(rows), "labels": len(rows), "orphans": 0}
    again = said(plimsoll("import", "--model", "m", tmp_path / "p" / "c.csv", home=home, **more), 0)
    assert "0 accepted, 115 duplicates" in again or "0 accepted, 116 duplicates" in again
    (tmp_path / "bad.ndjson").write_text("{}\n")
    message = said(plimsoll("import", "--model", "m", tmp_path / "bad.ndjson", home=home, **more), 2)
    assert "no row can be used" in message


def test_import_refuses(tmp_path: Path, home: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    (tmp_path / "a.xls").write_text("")
    (tmp_path / "a.parquet").write_text("no")
    for words, why in (
        ((tmp_path / "gone.csv",), "no such file"),
        ((tmp_path / "a.xls",), "ending"),
        ((tmp_path / "a.parquet",), "cannot be read as Parquet"),
        ((tmp_path / "a.csv", "--labels", "--reference", "r"), "not both"),
        ((), "Missing argument"),
    ):
        assert why in said(plimsoll("import", "--model", "m", *words, home=home), 2)
    assert "no model name" in said(plimsoll("import", "--model", "a b", tmp_path / "a.csv", home=home), 2)


def test_replay(home: Path, there: tuple[str, Service]) -> None:
    world = World(there[1])
    world.reference(traffic(T0, 24 * 9))
    start = T0 + 10 * D
    world.post(traffic(start, 24, seed=2, shift=4))
    span = ("--from", "2026-01-16T00:00:00Z", "--to", "2026-01-16T02:00:00Z")
    told = said(plimsoll("replay", "--model", "m", *span, home=home), 0)
    assert "2 runs" in told
    assert "data_drift (critical) 2026-01-16T00:05:00Z" in told
    assert start + D + 2 * H < world.now
    told = said(plimsoll("replay", "--model", "m", *span, "--reset", home=home), 0)
    assert "data_drift (critical)" in told
    assert "no model" in said(plimsoll("replay", "--model", "n", *span, home=home), 2)
    words = ("--from", "yesterday", "--to", "2026-01-16")
    assert "--from is 'yesterday'" in said(plimsoll("replay", "--model", "m", *words, home=home), 2)
    words = ("--from", "0001-01-01T00:00:00+14:00", "--to", "2026-01-16")
    assert "--from is '0001" in said(plimsoll("replay", "--model", "m", *words, home=home), 2)
    words = ("--from", "2026-01-16", "--to", "2026-01-15")
    assert "--from before --to" in said(plimsoll("replay", "--model", "m", *words, home=home), 2)


def test_a_replay_without_delivery_says_who_hears_nothing(there: tuple[str, Service]) -> None:
    world, start = World(there[1]), T0 + 10 * D
    daily = {"name": "daily", "kind": "data_drift", "features": ["x"], "window": "24h"}
    hook = {"type": "webhook", "url": "http://127.0.0.1:1/"}
    world.apply({"channels": {"ops": hook}, "default_notify": ["ops"], "models": {"m": {"checks": [daily]}}})
    world.reference(traffic(T0, 24 * 9))
    world.post([*traffic(start, 24, seed=2, shift=4), *traffic(start + D, 72, seed=3)])

    def go(first: int, last: int, *, deliver: bool) -> Replayed:
        span = start + first * H, start + last * H
        return run_replay(world.service, "m", *span, now=lambda: world.now, deliver=deliver, only=["daily"])

    told = go(23, 25, deliver=True)
    assert [one["resolved_at"] for one in told.alerts.values()] == [None]
    assert told.unheard == 0
    quiet = go(25, 72, deliver=False)
    assert [one["resolved_at"] is None for one in quiet.alerts.values()] == [False]
    assert quiet.unheard == 1


def test_a_replay_says_whom_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    for done in (Replayed(0), Replayed(1), Replayed(12), Replayed(unheard=1)):
        show_replayed(done)
    assert capsys.readouterr().out.splitlines() == [
        none := "0 runs, 0 readings, 0 alerts",
        "1 alert that people had been told of ended (superseded); they are told of the end",
        none,
        "12 alerts that people had been told of ended (superseded); they are told of the end",
        none,
        "1 alert that people had been told of ended; without --deliver nobody hears of it",
        none,
    ]


def test_migrate_and_what_serve_refuses(tmp_path: Path, home: Path) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    given = {"PLIMSOLL_DATABASE_URL": url}
    message = said(plimsoll("serve", "--port", "0", home=home, **given), 2)
    assert "Run: plimsoll migrate" in message
    assert "(was empty)" in said(plimsoll("migrate", home=home, **given), 0)
    assert "it was before" in said(plimsoll("migrate", home=home, **given), 0)
    with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer Plimsoll" in said(plimsoll("migrate", home=home, **given), 2)
    assert "newer Plimsoll" in said(plimsoll("serve", "--port", "0", home=home, **given), 2)
    assert "not supported" in said(plimsoll("migrate", "--database-url", "mysql://u@h/d", home=home), 2)
    assert "plimsoll keys create" in said(plimsoll("serve", "--host", "0.0.0.0", home=home), 2)
    assert "No such file" in said(plimsoll("serve", "--port", "0", "--config", tmp_path / "gone.yaml", home=home), 2)
    assert "whole number" in said(plimsoll("serve", home=home, PLIMSOLL_PORT="http"), 2)
    assert "at most 65535" in said(plimsoll("serve", "--port", "70000", home=home), 2)


def test_serve_on_a_taken_port(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = said(plimsoll("serve", "--port", str(port), home=home), 2)
    assert f"plimsoll: Plimsoll cannot listen at 127.0.0.1, port {port}: Address already in use." in message


def test_the_store_is_its_owners_alone(home: Path) -> None:
    said(plimsoll("keys", "list", home=home), 0)
    assert (home.stat().st_mode & 0o777, (home / "plimsoll.db").stat().st_mode & 0o777) == (0o700, 0o600)


def test_unknown_words(home: Path) -> None:
    assert "No such command" in said(plimsoll("frobnicate", home=home), 2)
    assert "No such option" in said(plimsoll("serve", "--frobnicate", home=home), 2)
    assert "compare" in said(plimsoll("--help", home=home), 0)


def test_as_a_process(tmp_path: Path, home: Path) -> None:
    (tmp_path / "c.yaml").write_text("models: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "apply", str(tmp_path / "c.yaml")],
        env=environment(home, PLIMSOLL_URL="http://127.0.0.1:9", PYTHONPATH=os.getcwd()),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("plimsoll: No answer from http://127.0.0.1:9")


def test_links_lead_to_the_service_that_ran_on_the_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLIMSOLL_PUBLIC_URL", raising=False)
    with service_from(home=home) as service:
        assert service.settings.public_url == "http://127.0.0.1:8000"
        with service.database.write() as connection:
            installation.note_public_url(connection, "https://drift.example")
    with service_from(home=home) as service:
        assert service.settings.public_url == "https://drift.example"
    monkeypatch.setenv("PLIMSOLL_PUBLIC_URL", "https://other.example")
    with service_from(home=home) as service:
        assert service.settings.public_url == "https://other.example"


def test_delete(home: Path, there: tuple[str, Service]) -> None:
    url, service = there
    world = World(service)
    world.reference(traffic(T0, 24))
    records = traffic(T0 + 2 * D, 24, seed=2)
    world.post(records)
    world.label(records)
    gone, other = records[3]["id"], records[4]["id"]
    here = plimsoll("delete", "--model", "m", "--prediction", gone, "--yes", home=home)
    assert f"Erased {gone}: 1 predictions, 1 labels, 0 quarantined." in said(here, 0)
    far = plimsoll("delete", "--model", "m", "--prediction", other, "--yes", home=home, PLIMSOLL_URL=url)
    assert f"Erased {other}: 1 predictions, 1 labels, 0 quarantined." in said(far, 0)
    up = plimsoll("delete", "--model", "m", "--prediction", "..", "--yes", home=home, PLIMSOLL_URL=url)
    assert "nothing with the id" in said(up, 2)  # not the model, which is a level up
    assert "nothing with the id" in said(
        plimsoll("delete", "--model", "m", "--prediction", gone, "--yes", home=home), 2
    )
    told = plimsoll("delete", "--model", "m", "--yes", home=home, PLIMSOLL_URL=url)
    assert "Deleted m: 142 predictions, 142 labels." in said(told, 0)
    assert "There is no model 'm'" in said(plimsoll("delete", "--model", "m", "--yes", home=home), 2)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:s3cret@127.0.0.1:abc/db", "cannot be read"),
        ("postgresql://u:odd@s3cret@127.0.0.1:1/db", "cannot be read"),
        ("postgresql://u:s3cret@127.0.0.1:1/db", "cannot be opened: connection"),
        ("sqlite:///", "names no file"),
        ("sqlite:////etc/hostname", "not a database"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_by_its_cause(url: str, told: str, home: Path) -> None:
    for command in (("migrate",), ("serve", "--port", "0")):
        message = said(plimsoll(*command, "--database-url", url, home=home), 2)
        assert told in message
        assert "s3cret" not in message
        assert "Traceback" not in message


def test_a_server_says_who_may_not_and_which_database_is_none(home: Path, postgres: Databases) -> None:
    url = postgres.empty()
    nowhere = url.rpartition("/")[0] + "/nosuch"
    assert "does not exist" in said(plimsoll("migrate", "--database-url", nowhere, home=home), 2)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE limited LOGIN")
    limited = url.replace("plimsoll@", "limited@")
    assert "permission denied" in said(plimsoll("migrate", "--database-url", limited, home=home), 2)
