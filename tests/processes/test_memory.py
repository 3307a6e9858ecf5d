"""Memory of a service is bounded whatever one client sends: bodies as large as they may be, and as odd."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.loaded import Loaded, T, loaded

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="Peaks are the kernel's own count."),
    pytest.mark.usefixtures("on_sqlite"),
]

# MB: of a body, and of hours of the one before that are counted meanwhile; chDB is an engine within the process.
MOST = {"sqlite": 700, "chdb": 950}
SIZE = 63 << 20
LINES, JSON = "application/x-ndjson", "application/json"


def many(entry: bytes, between: bytes = b",") -> bytes:
    """The same over and over, as often as fits."""
    body = (entry + between) * (SIZE // (len(entry) + len(between)) - 1) + entry
    return body if between == b"\n" else b"[%b]" % body


def each(entry: bytes, between: bytes = b",", size: int = SIZE) -> bytes:
    """As many different ones as fit: # is a number of seven digits."""
    count = size // (len(entry.replace(b"#", b"1234567")) + len(between))
    return b"[%b]" % between.join(entry.replace(b"#", b"%07d" % (10**6 + n)) for n in range(count))


def of(features: bytes) -> bytes:
    return b'{"id":"r#","timestamp":"%b","features":{%b}}' % (T.encode(), features)


def alone(values: bytes, times: int) -> bytes:
    """One record with one long list."""
    return b"[%b]" % of(b'"n":[%b]' % ((values + b",") * (times - 1) + values))


TEXTS = b",".join(b'"f%d":"value # of %d"' % (k, k) for k in range(20))
NAMES = b",".join(b'"%b%d":1' % (b"k" * 2000, k) for k in range(10))
BODIES: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "numbers instead of records": (lambda: many(b"1"), JSON, 413),
    "empty records": (lambda: many(b"{}"), JSON, 413),
    "empty records once more": (lambda: many(b"{}"), JSON, 413),
    "lines": (lambda: many(b"{}", b"\n"), LINES, 413),
    "one record of lists": (lambda: alone(b"[]", SIZE // 3), JSON, 413),
    "one record as large as may be": (lambda: alone(b"[]", 4_000_000), JSON, 200),
    "vectors": (lambda: each(of(b'"v":[%b]' % b",".join([b"0"] * 512))), JSON, 413),
    "all rejected and too many": (lambda: each(b'{"id":"r#","features":{"c":"a text"}}'), JSON, 413),
    "all rejected": (lambda: each(b'{"id":"r#","features":{"c":"%b"}}' % (b"y" * 60_000)), JSON, 422),
    "nearly all rejected": (lambda: each(of(b'"c":"%b"' % (b"," * 8000)), b",1,"), JSON, 200),
    "different texts": (lambda: each(of(TEXTS)), JSON, 200),
    "enormous numbers": (lambda: each(of(b'"x":9#%b,"y":-1e400' % (b"7" * 400))), JSON, 200),
    "long names": (lambda: each(of(NAMES)), JSON, 200),
    "deep": (lambda: each(of(b'"d":%b#%b' % (b'{"a":' * 25, b"}" * 25)), size=SIZE // 8), JSON, 200),
}


# What is refused while it is read is not sent again where only the store is another one.
ON_CHDB = [name for name, (_, _, status) in BODIES.items() if status != 413]


@pytest.mark.parametrize("store", MOST)
def test_memory_is_bounded_whatever_is_sent(store: str, tmp_path: Path) -> None:
    settings = {}
    if store == "chdb":
        pytest.importorskip("chdb")
        settings["PLIMSOLL_OBSERVATIONS_URL"] = f"chdb://{tmp_path / 'rows'}"
    with loaded(tmp_path / "home", **settings) as service:
        peaks = {name: sent(service, name) for name in (ON_CHDB if store == "chdb" else BODIES)}
    assert max(peaks.values()) < MOST[store], peaks


def sent(service: Loaded, name: str) -> float:
    """The most memory that the service had meanwhile, MB."""
    made, kind, status = BODIES[name]
    body = made()
    service.peak()
    model = name.replace(" ", "-")
    address = f"{service.url}/v1/models/{model}/predictions"
    reply = httpx.post(address, content=body, headers={"Content-Type": kind}, timeout=120)
    assert reply.status_code == status, (name, reply.text[:300])
    return service.peak()
