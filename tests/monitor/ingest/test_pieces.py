"""A large body read in pieces is the body read whole."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from monitor.errors import TooLarge
from monitor.ingest import bodies, conform
from monitor.ingest.bodies import MOST_UNUSUAL, from_json, from_lines
from monitor.ingest.raw import RawBatch
from tests.monitor.posting import NOW

VALUES = (1, 2.5, "a", True, None, [1.0, 2.0], {"deep": [1]})


def rows(seed: int, count: int) -> list[Any]:
    dice = random.Random(seed)
    return [
        {
            "id": f"r{row}" if dice.randrange(9) else None,
            "timestamp": "2026-01-01T10:20:00Z" if dice.randrange(9) else "never",
            "features": {f"f{dice.randrange(12)}": dice.choice(VALUES) for _ in range(4)},
            "prediction": dice.choice([0, "late", None]),
            "probability": dice.choice([0.5, {"a": 0.5}]),
        }
        if dice.randrange(20)
        else "no record"
        for row in range(count)
    ]


def contents(raw: RawBatch) -> Any:
    made = conform.predictions(raw, NOW)
    columns = {
        name: {kind: part.to_pylist() for kind, part in sent.parts() if part.null_count < len(part)}
        for name, sent in made.columns.items()
    }
    rest = (made.versions, made.errors, made.latency_ms, made.ids)
    rejects = [(one.row, one.id, one.field, one.reason, one.timestamp, as_read(one.payload)) for one in made.rejects]
    return columns, made.positions.tolist(), rejects, set(made.warnings), [one.to_pylist() for one in rest]


def as_read(payload: str) -> Any:
    """What was sent; a key with null is written or left out."""
    sent = json.loads(payload)
    return {key: value for key, value in sent.items() if value is not None} if isinstance(sent, dict) else sent


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("piece", [1, 700, 5000])
def test_pieces_are_the_whole(seed: int, piece: int) -> None:
    sent = rows(seed, 60)
    whole = contents(from_json(json.dumps(sent).encode()))
    assert contents(from_json(json.dumps(sent).encode(), piece)) == whole
    assert contents(from_json(json.dumps({"records": sent}).encode(), piece)) == whole
    lines = "\n".join(map(json.dumps, sent)).encode()
    assert contents(from_lines(lines, piece)) == contents(from_lines(lines))


@pytest.mark.parametrize("piece", [1, 700, 1 << 20])
def test_keys_beside_the_records_are_named(piece: int) -> None:
    sent = json.dumps({"source": "x", "records": rows(1, 60), "sent_by": 5}).encode()
    assert "unknown keys are ignored: sent_by, source" in from_json(sent, piece).warnings
    assert contents(from_json(sent, piece))[:3] == contents(from_json(json.dumps(rows(1, 60)).encode()))[:3]


def test_what_must_be_read_at_once_has_a_limit_of_its_own() -> None:
    body = b'[{"id":"a","features":{"x":NaN}}' + b" " * MOST_UNUSUAL + b"]"
    with pytest.raises(TooLarge):
        from_json(body)
    assert len(from_lines(b'{"id":"a","features":{"x":NaN}}\n' + b" " * MOST_UNUSUAL + b"\n")) == 1


@pytest.mark.parametrize("before", range(0, 20, 3))
@pytest.mark.parametrize("others", [{}, {"source": "x"}])
def test_a_record_that_is_large_may_stand_among_others(
    before: int, others: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_UNUSUAL", 3000)
    small, large = {"id": "a", "features": {"x": 1}}, {"id": "b", "features": {"x": "y" * 2700}}
    sent = [*[small] * before, large, *[small] * 30]
    assert len(
        from_json(json.dumps({**others, "records": sent}, indent=1).encode() + b" " * bodies.SMALL, 1000)
    ) == len(sent)
    larger = {"id": "c", "features": {"x": "y" * 3000}}
    with pytest.raises(TooLarge, match="3,0"):
        from_json(json.dumps({**others, "records": [*sent, larger]}).encode() + b" " * bodies.SMALL, 1000)
