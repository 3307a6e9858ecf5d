"""The whole line on real data: a service, a log posted to it, drift found, people told, a retraining started.

Run it with ``make demo``; Ctrl-C ends all of it.
"""

from __future__ import annotations

import base64
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from examples.flights import stand_ins, summary
from examples.flights.prepare import KEPT, TAKEOVER, Logs, prepare_first, prepare_second

SERVICE, CHAT = 8000, 8010
URL = f"http://127.0.0.1:{SERVICE}"
MODEL = "flight-delays"
ROWS = 5_000
STORE = KEPT / "store"
START, END = "2013-04-08T10:00:00Z", "2014-01-01T08:10:00Z"
HANDOVER = TAKEOVER.strftime("%Y-%m-%dT%H:%M:%SZ")
out = Console(highlight=False)


def main() -> None:
    """Run the demo; leave it running until Ctrl-C, or not at all with ``--once``."""
    for port in (SERVICE, CHAT):
        if _taken(port):
            sys.exit(f"Port {port} is in use; end what uses it, then run the demo again.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends all of it as Ctrl-C does
    began = time.monotonic()
    out.print("[bold]Plimsoll demo[/]: 336,776 real flights of 2013, a model of their delays, and what became of it.\n")
    server, outside = stand_ins.start(CHAT)
    try:
        with _service() as process:
            logs = _prepare()
            _await_ready(process)
            _tell_the_story(logs, outside, began)
            if "--once" not in sys.argv:
                out.print("\nEverything keeps running so that you can look around. Ctrl-C ends all of it.")
                while True:
                    time.sleep(3600)
    except KeyboardInterrupt:
        out.print("\nEnded.")
    finally:
        server.shutdown()


def _tell_the_story(logs: Logs, outside: stand_ins.Outside, began: float) -> None:
    retrained = multiprocessing.get_context("spawn").Process(target=_train_second, daemon=True)
    retrained.start()  # the model is trained anew while its first version is at work
    labels = pq.read_table(logs.labels)
    by_then = pc.less(labels["label_timestamp"], pa.scalar(TAKEOVER.to_pydatetime()))
    out.print("[bold]2.[/] Posting the reference, predictions and labels of version 1 through HTTP ...")
    _upload("jan-mar", logs.reference_v1, logs.predictions_v1, labels.filter(by_then))
    out.print("[bold]3.[/] Running the schedule over April to August, every run as of its own hour ...")
    _replay(START, HANDOVER)
    out.print("[bold]4.[/] Version 2, trained on January to July, takes over with a reference of its own ...")
    _await(retrained)
    _upload("jan-jul", logs.reference_v2, logs.predictions_v2, labels.filter(pc.invert(by_then)))
    out.print("[bold]5.[/] Running the schedule over the rest of the year ...")
    _replay(HANDOVER, END)
    summary.show(out, URL, MODEL, outside, f"http://127.0.0.1:{CHAT}/chat", time.monotonic() - began)


def _replay(start: str, end: str) -> None:
    plimsoll = [sys.executable, "-m", "monitor", "replay", "--model", MODEL, "--from", start, "--to", end, "--deliver"]
    done = subprocess.run(plimsoll, env=_environment(), check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"The replay failed: {done.stdout}")


def _prepare() -> Logs:
    with out.status("Getting the data ready (kept for the next time) ...") as status:
        return prepare_first(lambda words: status.update(f"Getting the data ready: {words} ..."))


def _train_second() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demo ends it
    prepare_second()


@contextmanager
def _service() -> Iterator[subprocess.Popen[bytes]]:
    """A fresh service on the embedded default, not ready yet; ended at the end."""
    shutil.rmtree(STORE, ignore_errors=True)
    out.print(f"[bold]1.[/] Starting the service at {URL}")
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "service.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "serve"],
            env=_environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


_SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
    return {
        **own,
        "PLIMSOLL_HOME": str(STORE),
        "PLIMSOLL_PORT": str(SERVICE),
        "PLIMSOLL_CONFIG": str(Path(__file__).with_name("plimsoll.yaml")),
        "PLIMSOLL_LINKS": f"Chat=http://127.0.0.1:{CHAT}/chat",
        "SLACK_WEBHOOK_URL": f"http://127.0.0.1:{CHAT}/chat",
        "RETRAIN_SECRET": _SECRET,
    }


def _await_ready(process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"The service did not start; see {KEPT / 'service.log'}")
        try:
            if httpx.get(f"{URL}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    sys.exit("The service did not get ready within a minute.")


def _upload(name: str, reference: Path, predictions: Path, labels: pa.Table) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:>9,.0f} rows"),
        TextColumn("{task.fields[rate]:>9,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as bars, httpx.Client(base_url=URL, timeout=300) as client:
        _put_reference(client, name, reference)
        _post(bars, client, "   predictions           ", "predictions", pq.read_table(predictions))
        _post(bars, client, "   labels as they arrived", "labels", labels)


def _await(retrained: BaseProcess) -> None:
    with out.status("It is still being trained ..."):
        retrained.join()
    if retrained.exitcode:
        sys.exit("Training version 2 failed; see above.")


def _put_reference(client: httpx.Client, name: str, path: Path) -> None:
    kind = {"Content-Type": "application/vnd.apache.parquet"}
    answer = client.put(f"/v1/models/{MODEL}/references/{name}", content=path.read_bytes(), headers=kind)
    _must(answer)
    out.print(f"   reference {name}: {answer.json()['rows']:,} rows")


def _post(bars: Progress, client: httpx.Client, words: str, what: str, rows: pa.Table) -> None:
    bar = bars.add_task(words, total=rows.num_rows, rate=0.0)
    began = time.monotonic()
    kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
    for start in range(0, rows.num_rows, ROWS):
        part = rows.slice(start, ROWS)
        _must(client.post(f"/v1/models/{MODEL}/{what}", content=_arrow(part), headers=kind))
        done = start + part.num_rows
        bars.update(bar, completed=done, rate=done / (time.monotonic() - began))


def _arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _must(answer: httpx.Response) -> None:
    if answer.is_error:
        sys.exit(f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    main()
