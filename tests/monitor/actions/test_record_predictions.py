from __future__ import annotations

import json

import pyarrow as pa
import pytest

from monitor.clock import HOUR, parse
from monitor.errors import Invalid, TooLarge
from monitor.store import models, quarantine
from tests.monitor.api.test_ingest import arrow
from tests.monitor.posting import NOW, Poster

T = "2026-01-01T10:20:00Z"
HOUR_OF_T = parse(T) // HOUR


def record(id_: str, **rest: object) -> dict[str, object]:
    return {"id": id_, "timestamp": T, "features": {"age": 30, "city": "Oslo", "new": True}, "prediction": 1, **rest}


def test_a_record_comes_back_as_sent(poster: Poster) -> None:
    body = record("a", version="v1", probability=0.25, segments={"s": "x"}, latency_ms=3.5, metrics={"q": 2})
    told = poster.predictions(body)
    assert told == {"accepted": 1, "duplicates": 0, "rejected": 0, "errors": [], "warnings": []}
    assert poster.get("a") == {**body, "timestamp": parse(T), "error": None, "labels": []}
    assert poster.dirty() == {HOUR_OF_T: False}


def test_the_first_of_an_id_stays(poster: Poster) -> None:
    poster.predictions([record("a"), record("b")])
    told = poster.predictions([record("a", prediction=0), record("b"), record("c"), record("c", prediction=0)])
    assert (told["accepted"], told["duplicates"]) == (1, 3)
    stored = poster.get("a")
    assert stored is not None
    assert stored["prediction"] == 1
    assert poster.ingest_counts() == {HOUR_OF_T: (0, 2)}


def test_the_same_body_twice_is_harmless(poster: Poster) -> None:
    body = [
        record("a"),
        record("b", features={"age": "old", "city": 5, "deep": [1, {"c0": 2}]}, version="v2", error="late"),
        {"id": "c", "timestamp": T},
    ]
    poster.predictions(body)
    assert poster.predictions(body)["duplicates"] == 3
    assert poster.ingest_counts() == {}


def test_a_missing_column_is_a_different_content(poster: Poster) -> None:
    poster.predictions([record("a"), record("b", features={})])
    poster.predictions([record("a", features={}), record("b", features={"age": 1})])
    assert poster.ingest_counts() == {HOUR_OF_T: (0, 2)}


def test_bad_envelopes_are_told_and_quarantined(poster: Poster) -> None:
    rows = [
        record("good"),
        {"timestamp": T},
        {"id": "x" * 257, "timestamp": T},
        {"id": 5, "timestamp": T},
        {"id": "no-time"},
        {"id": "no-sense", "timestamp": "yesterday"},
        {"id": "number", "timestamp": 1_700_000_000},
        {"id": "early", "timestamp": "1989-12-31T23:59:59Z"},
        {"id": "ahead", "timestamp": "2026-06-02T12:00:01Z"},
        {"id": "", "timestamp": T},
        "text",
    ]
    told = poster.predictions(rows)
    assert (told["accepted"], told["rejected"]) == (1, 10)
    assert [(error["row"], error["field"]) for error in told["errors"]] == [
        (1, "id"),
        (2, "id"),
        (3, "id"),
        (4, "timestamp"),
        (5, "timestamp"),
        (6, "timestamp"),
        (7, "timestamp"),
        (8, "timestamp"),
        (9, "id"),
        (10, None),
    ]
    with poster.service.database.read() as connection:
        model = poster.found(connection)
        kept = quarantine.list_page(connection, model.id, 100)
    assert model.n_quarantined == 10
    assert json.loads(kept[-2]["payload"]) == rows[2]
    assert poster.ingest_counts() == {HOUR_OF_T: (10, 0)}  # their own hour, or that of the newest row


def test_only_rejects_is_an_error_with_counts(poster: Poster) -> None:
    told = poster.predictions([{"id": "a"}])
    assert (told["accepted"], told["rejected"], told["error"]["field"]) == (0, 1, "timestamp")
    assert poster.ingest_counts() == {NOW // HOUR: (1, 0)}


def test_an_empty_list_makes_nothing(poster: Poster) -> None:
    assert poster.predictions([])["accepted"] == 0
    with poster.service.database.read() as connection:
        assert models.find(connection, "m") is None


def test_an_impossible_model_name_is_refused(poster: Poster) -> None:
    with pytest.raises(Invalid) as caught:
        Poster(poster.service, "-bad").predictions(record("a"))
    assert caught.value.field == "model"


def test_mismatched_values_are_kept_and_null(poster: Poster) -> None:
    poster.predictions([record("a"), record("b")])
    odd = {"age": "thirty", "city": 7, "new": 1, "list": ["u", 1], "nan": float("nan")}
    told = poster.predictions([record("c", features=odd, latency_ms="slow", probability=1.5)])
    assert told["accepted"] == 1
    stored = poster.get("c")
    assert stored is not None
    assert stored["features"] == {**odd, "nan": "NaN"}
    assert (stored["latency_ms"], stored["probability"]) == ("slow", 1.5)
    with poster.service.database.read() as connection:
        model = poster.found(connection).stored
        (table,) = poster.service.observations.read(connection, model, 0, 10**7, model.columns)
    row = table.slice(2, 1).to_pylist()[0]
    assert all(row[column.physical] is None for column in model.columns if column.name in odd)
    assert row["latency_ms"] is None


def test_features_past_the_limit_are_kept_and_said_so(poster: Poster) -> None:
    features = {f"f{number}": number for number in range(502)}
    told = poster.predictions(record("a", features=features))
    assert "2 feature columns are kept but not measured" in told["warnings"][0]
    stored = poster.get("a")
    assert stored is not None
    assert stored["features"] == features


def test_long_names_of_many_values_are_refused_before_they_fill_the_store(poster: Poster) -> None:
    """They are written beside every value: a few megabytes would become a gigabyte."""
    rows, name = 280, "n" * 10_000
    columns = {f"{number}{name}": pa.array([0.5] * rows) for number in range(100)}
    columns["timestamp"] = pa.array([NOW - 1] * rows, pa.timestamp("us", "UTC"))
    table = pa.table({"id": [str(row) for row in range(rows)], **columns})
    with pytest.raises(TooLarge, match="267 MiB"):
        poster.predictions(arrow(table), "application/vnd.apache.arrow.stream")
    with poster.service.database.read() as connection:
        assert models.find(connection, "m") is None
    assert poster.predictions(arrow(table.slice(0, 2)), "application/vnd.apache.arrow.stream")["accepted"] == 2


def test_configured_types_win_over_the_first_values(poster: Poster) -> None:
    poster.predictions({"id": "0", "timestamp": T})
    with poster.service.database.write() as connection:
        models.set_column_types(connection, poster.found(connection).id, {"age": "numeric", "code": "categorical"})
    poster.predictions([record("a", features={"age": "x", "code": 3}), record("b", features={"age": "y", "code": 4})])
    with poster.service.database.read() as connection:
        columns = {column.name: (column.storage, column.type) for column in poster.found(connection).columns}
    assert columns["age"] == ("number", "numeric")
    assert columns["code"] == ("number", "categorical")


def test_counters_and_versions(poster: Poster) -> None:
    poster.predictions([record("a", version="1"), record("b", version="2", timestamp="2026-01-03T00:00:00+02:00")])
    poster.predictions([record("c", version="1", timestamp="2025-12-01")])
    with poster.service.database.read() as connection:
        model = poster.found(connection)
        versions = models.list_versions(connection, model.id)
    assert (model.n_predictions, model.oldest_prediction, model.newest_prediction) == (
        3,
        parse("2025-12-01"),
        parse("2026-01-02T22:00:00Z"),
    )
    assert [(v.version, v.n_predictions, v.first_prediction) for v in versions] == [
        ("1", 2, parse("2025-12-01")),
        ("2", 1, parse("2026-01-02T22:00:00Z")),
    ]
