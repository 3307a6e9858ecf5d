from __future__ import annotations

from monitor.clock import HOUR, parse
from tests.monitor.posting import NOW, Poster

T = "2026-01-01T10:20:00Z"


def test_labels_join_revise_and_wait(poster: Poster) -> None:
    poster.predictions({"id": "a", "timestamp": T, "prediction": 1, "probability": 0.5})
    told = poster.labels(
        [
            {"id": "a", "label": 0, "timestamp": "2026-01-03T10:15:00Z"},
            {"id": "a", "label": True, "timestamp": "2026-01-02T10:00:00Z"},
            {"id": "later", "label": "x", "timestamp": "2026-01-02T10:00:00Z"},
        ]
    )
    assert (told["accepted"], told["duplicates"], told["rejected"], told["unmatched"]) == (3, 0, 0, 1)
    with poster.service.database.read() as connection:
        model = poster.found(connection)
        rows = poster.service.observations.scored(connection, model.stored, [parse(T) // HOUR])
    assert rows.label.to_pylist() == ["1", "0"]
    assert rows.prediction.to_pylist() == ["1", "1"]
    first = parse("2026-01-02T10:00:00Z") // HOUR
    assert rows.known_hour.tolist() == [first, first + 25]  # 10:15 counts from 11:00 on
    assert poster.dirty() == {parse(T) // HOUR: False}  # labels alone never take back a whole mark
    stored = poster.get("a")
    assert stored is not None
    assert [label["label"] for label in stored["labels"]] == [True, 0]


def test_equal_times_are_decided_by_arrival(poster: Poster) -> None:
    poster.predictions({"id": "a", "timestamp": T, "prediction": 1})
    for value in (1, 0):
        poster.labels({"id": "a", "label": value, "timestamp": T})
    assert poster.labels({"id": "a", "label": 1, "timestamp": T})["duplicates"] == 1
    stored = poster.get("a")
    assert stored is not None
    assert [label["label"] for label in stored["labels"]] == [1, 0]


def test_a_body_without_times_can_be_sent_again(poster: Poster) -> None:
    body = [{"id": "a", "label": 1}, {"id": "b", "label": 0}]
    assert poster.labels(body)["accepted"] == 2
    assert poster.labels(body, now=NOW + HOUR)["duplicates"] == 2
    assert poster.labels({"id": "a", "label": 0}, now=NOW + 2 * HOUR)["accepted"] == 1


def test_bad_labels_are_rejected(poster: Poster) -> None:
    told = poster.labels(
        [{"id": "a"}, {"id": "a", "label": [1]}, {"label": 1}, {"id": "a", "label": 1, "timestamp": "soon"}]
    )
    assert (told["rejected"], told["error"]["code"]) == (4, "nothing_acceptable")
    assert [error["field"] for error in told["errors"]] == ["label", "label", "id", "timestamp"]
